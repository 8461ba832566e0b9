#include "server/process/forming_clients.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "base/host_port.h"

namespace clustron::server {
namespace {

// A client that waits for what it asked for.
class Caller {
 public:
  explicit Caller(int listener) {
    const auto address = ParseHostPort(net::LocalName(listener));
    REQUIRE(address);
    auto fd = net::StartConnect("127.0.0.1", address->port);
    REQUIRE(fd);
    fd_ = *std::move(fd);
    pollfd entry{fd_.get(), POLLOUT, 0};
    REQUIRE(poll(&entry, 1, 10'000) == 1);
  }
  void Say(std::string_view bytes) {
    REQUIRE(send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  // What comes until `size` bytes are there, or the end.
  std::string Hear(size_t size) {
    std::string out;
    while (out.size() < size) {
      pollfd entry{fd_.get(), POLLIN, 0};
      if (poll(&entry, 1, 10'000) != 1) break;
      char buffer[4096];
      const ssize_t n = read(fd_.get(), buffer, sizeof buffer);
      if (n <= 0) break;
      out.append(buffer, static_cast<size_t>(n));
    }
    return out;
  }
  bool Ended() {
    pollfd entry{fd_.get(), POLLIN, 0};
    char byte;
    return poll(&entry, 1, 10'000) == 1 && read(fd_.get(), &byte, 1) <= 0;
  }
  std::string Ask(std::string_view bytes, std::string_view expected) {
    Say(bytes);
    return Hear(expected.size());
  }

 private:
  net::Fd fd_;
};

struct Fixture {
  net::Fd listener = *net::ListenTcp("127.0.0.1", 0, 16);
  size_t connections_max = 3;
  FormingClients clients{
      {{listener.get(), false}}, [](int, bool) { return std::string(); }, connections_max, "b:2"};
};

TEST_CASE("while a cluster is formed PING is answered, and everything else says what is missing") {
  Fixture f;
  Caller caller(f.listener.get());
  CHECK(caller.Ask("PING\r\n", "+PONG\r\n") == "+PONG\r\n");
  CHECK(caller.Ask("*2\r\n$4\r\nping\r\n$2\r\nhi\r\n", "$2\r\nhi\r\n") == "$2\r\nhi\r\n");
  const std::string down = "-CLUSTERDOWN forming: waits for b:2\r\n";
  for (const char* request : {"GET a\r\n", "*1\r\n$4\r\nINFO\r\n", "HELLO 3\r\n", "PING a b\r\n"})
    CHECK(caller.Ask(request, down) == down);
  f.clients.WaitsFor("c:3: line\r\nbreak");
  const std::string now = "-CLUSTERDOWN forming: waits for c:3: line??break\r\n";
  CHECK(caller.Ask("SET a b\r\n", now) == now);
  // A pipeline, cut in the middle of a request.
  caller.Say("PING\r\n*1\r\n$4\r\nPI");
  CHECK(caller.Hear(7) == "+PONG\r\n");
  CHECK(caller.Ask("NG\r\n", "+PONG\r\n") == "+PONG\r\n");
  CHECK(caller.Ask("QUIT\r\n", "+OK\r\n") == "+OK\r\n");
  CHECK(caller.Ended());
}

TEST_CASE("bad input ends the connection, and a request without end is bounded") {
  Fixture f;
  Caller bad(f.listener.get());
  bad.Say("*1\r\n$x\r\n");
  CHECK(bad.Hear(4).starts_with("-ERR"));
  Caller big(f.listener.get());
  big.Say("*2\r\n$4\r\nPING\r\n$16000\r\n" + std::string(15'000, 'a'));
  big.Say(std::string(1'000, 'a') + "\r\n");
  CHECK(big.Hear(16'000).starts_with("$16000"));
  Caller endless(f.listener.get());
  endless.Say(std::string(70'000, 'a'));
  // The connection ends; what was said before may be lost with what had not been read.
  const std::string heard = endless.Hear(100'000);
  CHECK(endless.Ended());
  CHECK((heard.empty() || heard == "-ERR Protocol error: too big inline request\r\n"));
}

TEST_CASE("when there are as many as may be, the one that was idle longest makes room") {
  Fixture f;
  const auto ping = [](Caller& caller) {
    return caller.Ask("PING\r\n", "+PONG\r\n") == "+PONG\r\n";
  };
  Caller first(f.listener.get()), second(f.listener.get()), third(f.listener.get());
  for (Caller* caller : {&first, &second, &third, &first}) REQUIRE(ping(*caller));
  Caller fourth(f.listener.get());
  CHECK(ping(fourth));
  CHECK(second.Ended());
  for (Caller* caller : {&first, &third, &fourth}) CHECK(ping(*caller));
  // Any number that say nothing keep nobody out.
  std::vector<std::unique_ptr<Caller>> silent;
  for (int i = 0; i < 50; ++i) silent.push_back(std::make_unique<Caller>(f.listener.get()));
  Caller late(f.listener.get());
  CHECK(ping(late));
}

TEST_CASE("replies that nobody reads are few, and whoever reads gets all of them") {
  Fixture f;
  Caller caller(f.listener.get());
  const std::string down = "-CLUSTERDOWN forming: waits for b:2\r\n";
  std::string all;
  for (int i = 0; i < 4000; ++i) all += down;
  for (int i = 0; i < 4; ++i) {
    std::string thousand;
    for (int j = 0; j < 1000; ++j) thousand += "a\r\n";
    caller.Say(thousand);
  }
  CHECK(caller.Hear(all.size()) == all);
}

TEST_CASE("who is refused hears why; who has nothing under way goes on with the server") {
  net::Fd listener = *net::ListenTcp("127.0.0.1", 0, 16);
  bool refuse = true;
  FormingClients clients(
      {{listener.get(), false}},
      [&](int, bool) { return std::string(refuse ? "-DENIED\r\n" : ""); }, 10, "x");
  Caller stranger(listener.get());
  CHECK(stranger.Hear(9) == "-DENIED\r\n");
  CHECK(stranger.Ended());
  refuse = false;
  Caller whole(listener.get()), half(listener.get());
  CHECK(whole.Ask("PING\r\n", "+PONG\r\n") == "+PONG\r\n");
  CHECK(half.Ask("PING\r\n", "+PONG\r\n") == "+PONG\r\n");
  half.Say("*2\r\n$3\r\nGE");
  // The thread has read it when it answers somebody who asks later.
  Caller later(listener.get());
  CHECK(later.Ask("PING\r\nQUIT\r\n", "+PONG\r\n+OK\r\n") == "+PONG\r\n+OK\r\n");
  CHECK(later.Ended());
  const auto accepted = clients.Stop();
  REQUIRE(accepted.size() == 1);
  CHECK(!accepted[0].unix_socket);
  CHECK(send(accepted[0].fd.get(), "x", 1, MSG_NOSIGNAL) == 1);
  CHECK(whole.Hear(1) == "x");
  CHECK(half.Ended());
  CHECK(clients.Stop().empty());
}

}  // namespace
}  // namespace clustron::server
