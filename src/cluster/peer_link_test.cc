#include "cluster/peer_link.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/socket.h"

namespace clustron::cluster {
namespace {

struct Inbox : PeerListener {
  std::vector<std::pair<uint32_t, std::string>> messages;
  int ups = 0;
  int downs = 0;
  bool OnPeerMessage(uint32_t from, std::string_view message) override {
    messages.emplace_back(from, message);
    return message != "malformed";
  }
  void OnPeerUp(uint32_t) override { ++ups; }
  void OnPeerDown(uint32_t) override { ++downs; }
};

uint16_t PortOf(const net::Fd& fd) {
  std::string host;
  uint16_t port = 0;
  REQUIRE(net::SplitHostPort(net::LocalName(fd.get()), &host, &port));
  return port;
}

// A node with its listening socket; both ends of every link live on one loop.
struct Member {
  Member(net::Loop& loop, uint32_t node, const std::string& secret = "secret",
         size_t queue_bytes_max = 64 << 20)
      : peers(loop, Config(node, secret, queue_bytes_max), inbox) {
    auto fd = net::ListenTcp("127.0.0.1", 0, 16);
    REQUIRE(fd.has_value());
    port = PortOf(*fd);
    peers.Listen(*std::move(fd));
  }
  static PeerConfig Config(uint32_t node, const std::string& secret, size_t queue_bytes_max) {
    return {.cluster_id = "cluster",
            .node = node,
            .boot = 1,
            .secret = secret,
            .queue_bytes_max = queue_bytes_max,
            .handshake_ms_max = 200};
  }
  Inbox inbox;
  uint16_t port = 0;
  Peers peers;
};

bool RunUntil(net::Loop& loop, std::vector<Member*> members, const std::function<bool()>& done) {
  bool held = false;
  net::Timer deadline(loop, [&] { loop.Stop(); });
  deadline.Start(3000);
  net::Timer tick(loop, [] {});
  tick.Start(1, 1);
  loop.Run([&] {
    for (Member* member : members) member->peers.Flush();
    if (!held && done()) {
      held = true;
      loop.Stop();
    }
  });
  return held;
}

TEST_CASE("nodes link up by name and messages arrive whole and in order") {
  net::Loop loop;
  Member a(loop, 1);
  Member b(loop, 2);
  a.peers.SetPeers({{2, "localhost", b.port}});
  b.peers.SetPeers({{1, "127.0.0.1", a.port}});
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return a.peers.Connected(2) && b.peers.Connected(1); }));
  CHECK(a.inbox.ups == 1);
  const std::string big(1'000'000, 'x');
  a.peers.Send(2, false, "first");
  a.peers.Send(2, false, big);
  a.peers.Send(2, false, "last");
  b.peers.Send(1, true, "answer");
  REQUIRE(RunUntil(loop, {&a, &b},
                   [&] { return b.inbox.messages.size() == 3 && a.inbox.messages.size() == 1; }));
  CHECK(b.inbox.messages[0] == std::pair<uint32_t, std::string>(1, "first"));
  CHECK(b.inbox.messages[1].second == big);
  CHECK(b.inbox.messages[2].second == "last");
  CHECK(a.inbox.messages[0] == std::pair<uint32_t, std::string>(2, "answer"));
}

TEST_CASE("urgent messages pass between the pieces of big ones") {
  net::Loop loop;
  Member a(loop, 1);
  Member b(loop, 2);
  a.peers.SetPeers({{2, "127.0.0.1", b.port}});
  b.peers.SetPeers({{1, "127.0.0.1", a.port}});
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return a.peers.Connected(2); }));
  a.peers.Send(2, false, std::string(20'000'000, 'x'));
  a.peers.Send(2, true, "heartbeat");
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return b.inbox.messages.size() == 2; }));
  CHECK(b.inbox.messages[0].second == "heartbeat");
}

TEST_CASE("a wrong secret and a stranger get no link") {
  net::Loop loop;
  Member a(loop, 1);
  Member b(loop, 2, "another");
  Member c(loop, 3);  // knows the secret, but a doesn't know it
  a.peers.SetPeers({{2, "127.0.0.1", b.port}});
  b.peers.SetPeers({{1, "127.0.0.1", a.port}});
  c.peers.SetPeers({{1, "127.0.0.1", a.port}});
  int turns = 0;
  CHECK(RunUntil(loop, {&a, &b, &c}, [&] { return ++turns > 150; }));
  CHECK(a.inbox.ups + b.inbox.ups + c.inbox.ups == 0);
}

TEST_CASE("a link over its bound is dropped, dialed anew and works again") {
  net::Loop loop;
  Member a(loop, 1, "secret", 8 << 20);
  Member b(loop, 2);
  a.peers.SetPeers({{2, "127.0.0.1", b.port}});
  b.peers.SetPeers({{1, "127.0.0.1", a.port}});
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return a.peers.Connected(2); }));
  // Nobody reads meanwhile: what the kernel doesn't take is queued, a part of it on its way.
  const std::string piece(1'000'000, 'x');
  for (int i = 0; i < 7; ++i) a.peers.Send(2, false, piece);
  a.peers.Flush();
  for (int i = 0; i < 20 && a.peers.Connected(2); ++i) a.peers.Send(2, false, piece);
  CHECK(!a.peers.Connected(2));
  CHECK(a.inbox.downs == 1);
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return a.peers.Connected(2); }));
  b.inbox.messages.clear();
  a.peers.Send(2, false, piece);
  a.peers.Send(2, false, "after");
  REQUIRE(RunUntil(loop, {&a, &b}, [&] {
    return !b.inbox.messages.empty() && b.inbox.messages.back().second == "after";
  }));
  CHECK(b.inbox.messages[b.inbox.messages.size() - 2].second == piece);
}

// What a stranger gets to see after sending `bytes`: true if it is hung up on.
bool HungUpAfter(net::Loop& loop, Member& member, const std::string& bytes) {
  auto fd = net::StartConnect("127.0.0.1", member.port);
  REQUIRE(fd.has_value());
  bool sent = bytes.empty();
  return RunUntil(loop, {&member}, [&] {
    if (!sent)
      sent = send(fd->get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
             static_cast<ssize_t>(bytes.size());
    char buffer[4096];
    const ssize_t got = recv(fd->get(), buffer, sizeof buffer, 0);
    return sent && (got == 0 || (got < 0 && errno != EAGAIN));
  });
}

TEST_CASE("strangers can neither stay silent nor make a node hold memory") {
  net::Loop loop;
  Member a(loop, 1);
  CHECK(HungUpAfter(loop, a, ""));
  CHECK(HungUpAfter(loop, a, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  std::string endless;
  AppendFrame(Stream::kUrgent, false, std::string(5000, 'x'), &endless);
  CHECK(HungUpAfter(loop, a, endless));
}

TEST_CASE("a malformed message drops the link") {
  net::Loop loop;
  Member a(loop, 1);
  Member b(loop, 2);
  a.peers.SetPeers({{2, "127.0.0.1", b.port}});
  b.peers.SetPeers({{1, "127.0.0.1", a.port}});
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return a.peers.Connected(2); }));
  a.peers.Send(2, false, "malformed");
  CHECK(RunUntil(loop, {&a, &b}, [&] { return a.inbox.downs == 1; }));
  CHECK(RunUntil(loop, {&a, &b}, [&] { return a.inbox.ups == 2; }));
}

}  // namespace
}  // namespace clustron::cluster
