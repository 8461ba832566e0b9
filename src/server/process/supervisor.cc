#include "server/process/supervisor.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "net/socket.h"

namespace clustron::server {

namespace {

constexpr int64_t kExtendOftenNs = 1'000'000'000;
constexpr std::string_view kExtend = "EXTEND_TIMEOUT_USEC=30000000";

}  // namespace

Supervisor::Supervisor(const Clock& clock, int64_t mode) : clock_(clock) {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  if (mode == kSupervisedUpstart) {
    // COMPAT: upstart counts a service as started when it stops itself for a moment.
    if (std::getenv("UPSTART_JOB") != nullptr) raise(SIGSTOP);
  } else if (socket != nullptr && mode != kSupervisedNo) {
    path_ = socket;
  } else if (mode == kSupervisedSystemd) {
    LogLine(LogLevel::kWarning, "supervised systemd: NOTIFY_SOCKET is not set, so nobody is told");
  }
}

void Supervisor::Say(std::string_view state) {
  if (path_.empty()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  if (path_[0] == '@') address.sun_path[0] = '\0';  // a name that is no file
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
  const net::Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.valid() && sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
                           reinterpret_cast<const sockaddr*>(&address), size) >= 0)
    return;
  Log(LogLevel::kWarning, "NOTIFY_SOCKET {}: {}", path_, std::strerror(errno));
}

void Supervisor::Ready(std::string_view status) {
  stopping_ = false;
  status_ = status;
  Say("READY=1\nSTATUS=" + status_ + "\nMAINPID=" + std::to_string(getpid()));
}

void Supervisor::Busy(std::string_view status) {
  if (status_ != status) extended_ns_ = 0;
  Progress(status);
}

void Supervisor::Progress(std::string_view status) {
  const int64_t now = clock_.MonotonicNs();
  if (extended_ns_ != 0 && now - extended_ns_ < kExtendOftenNs) return;
  status_ = status;
  extended_ns_ = now;
  Say("STATUS=" + status_ + "\n" + std::string(kExtend));
}

void Supervisor::Stopping(std::string_view status) {
  if (stopping_) return Busy(status);
  stopping_ = true;
  status_ = status;
  extended_ns_ = clock_.MonotonicNs();
  Say("STOPPING=1\nSTATUS=" + status_ + "\n" + std::string(kExtend));
}

}  // namespace clustron::server
