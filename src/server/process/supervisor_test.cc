#include "server/process/supervisor.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "net/socket.h"

namespace clustron::server {
namespace {

struct StillClock : Clock {
  int64_t MonotonicNs() const override { return now_ns; }
  int64_t WallMs() const override { return 0; }
  int64_t now_ns = 1;
};

// systemd's end of the socket.
class Listener {
 public:
  explicit Listener(const std::string& name) : name_(name) {
    fd_ = net::Fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') {
      address.sun_path[0] = '\0';
    } else {
      unlink(name.c_str());
    }
    REQUIRE(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address),
                 static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) == 0);
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~Listener() {
    unsetenv("NOTIFY_SOCKET");
    if (name_[0] != '@') unlink(name_.c_str());
  }
  std::string Heard() {
    char buffer[1024];
    const ssize_t n = read(fd_.get(), buffer, sizeof buffer);
    return n < 0 ? "" : std::string(buffer, static_cast<size_t>(n));
  }

 private:
  std::string name_;
  net::Fd fd_;
};

TEST_CASE("systemd hears of readiness, of what takes long, and of the stop") {
  for (const std::string& name : {"@clustron-notify-" + std::to_string(getpid()),
                                  "/tmp/clustron-notify-" + std::to_string(getpid())}) {
    Listener listener(name);
    StillClock clock;
    Supervisor supervisor(clock, kSupervisedSystemd);
    supervisor.Busy("forming");
    CHECK(listener.Heard() == "STATUS=forming\nEXTEND_TIMEOUT_USEC=30000000");
    supervisor.Busy("forming");
    CHECK(listener.Heard() == "");
    clock.now_ns += 1'000'000'000;
    supervisor.Busy("forming");
    CHECK(listener.Heard() == "STATUS=forming\nEXTEND_TIMEOUT_USEC=30000000");
    supervisor.Busy("waiting");
    CHECK(listener.Heard() == "STATUS=waiting\nEXTEND_TIMEOUT_USEC=30000000");
    supervisor.Ready("up");
    CHECK(listener.Heard() == "READY=1\nSTATUS=up\nMAINPID=" + std::to_string(getpid()));
    supervisor.Stopping("down");
    CHECK(listener.Heard() == "STOPPING=1\nSTATUS=down\nEXTEND_TIMEOUT_USEC=30000000");
    supervisor.Stopping("down");
    CHECK(listener.Heard() == "");
    clock.now_ns += 1'000'000'000;
    supervisor.Stopping("down");
    CHECK(listener.Heard() == "STATUS=down\nEXTEND_TIMEOUT_USEC=30000000");
    // Called off, and begun again.
    supervisor.Ready("up");
    CHECK(listener.Heard().starts_with("READY=1\n"));
    supervisor.Stopping("down");
    CHECK(listener.Heard().starts_with("STOPPING=1\n"));
  }
}

TEST_CASE("work whose status changes all the time is told of once a second") {
  Listener listener("@clustron-notify-" + std::to_string(getpid()));
  StillClock clock;
  Supervisor supervisor(clock, kSupervisedSystemd);
  supervisor.Busy("waiting");
  CHECK(listener.Heard() == "STATUS=waiting\nEXTEND_TIMEOUT_USEC=30000000");
  for (int slot = 1; slot <= 30; ++slot) {
    clock.now_ns += 100'000'000;
    supervisor.Progress("slot " + std::to_string(slot));
    CHECK(listener.Heard() == (slot % 10 != 0 ? ""
                                              : "STATUS=slot " + std::to_string(slot) +
                                                    "\nEXTEND_TIMEOUT_USEC=30000000"));
  }
}

TEST_CASE("`supervised` says whether systemd is told at all") {
  StillClock clock;
  Supervisor(clock, kSupervisedSystemd).Ready("x");  // without a socket: nobody hears it
  Listener listener("@clustron-notify-" + std::to_string(getpid()));
  Supervisor(clock, kSupervisedNo).Ready("x");
  CHECK(listener.Heard() == "");
  Supervisor(clock, kSupervisedAuto).Ready("x");
  CHECK(listener.Heard().starts_with("READY=1"));
}

}  // namespace
}  // namespace clustron::server
