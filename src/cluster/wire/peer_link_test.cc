#include "cluster/wire/peer_link.h"

#include <sys/socket.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cluster/wire/peer_test_members.h"
#include "net/socket.h"

namespace clustron::cluster {
namespace {

TEST_CASE("nodes link up by name and messages arrive whole and in order") {
  net::Loop loop;
  LinkedMember a(loop, 1);
  LinkedMember b(loop, 2);
  a.peers.SetPeers({{2, "localhost", b.port}});
  b.peers.SetPeers({{1, "127.0.0.1", a.port}});
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return a.peers.Connected(2) && b.peers.Connected(1); }));
  CHECK(a.inbox.ups == 1);
  const std::string big(1'000'000, 'x');
  a.peers.Send(2, Urgency::kBulk, "first");
  a.peers.Send(2, Urgency::kBulk, big);
  a.peers.Send(2, Urgency::kBulk, "last");
  b.peers.Send(1, Urgency::kUrgent, "answer");
  REQUIRE(RunUntil(loop, {&a, &b},
                   [&] { return b.inbox.messages.size() == 3 && a.inbox.messages.size() == 1; }));
  CHECK(b.inbox.messages[0] == std::pair<uint32_t, std::string>(1, "first"));
  CHECK(b.inbox.messages[1].second == big);
  CHECK(b.inbox.messages[2].second == "last");
  CHECK(a.inbox.messages[0] == std::pair<uint32_t, std::string>(2, "answer"));
}

TEST_CASE("a peer that is at another address is dialed there; who stays keeps its link") {
  net::Loop loop;
  LinkedMember a(loop, 1);
  LinkedMember b(loop, 2);
  LinkedMember c(loop, 3);
  LinkedMember c_elsewhere(loop, 3);
  for (LinkedMember* other : {&b, &c, &c_elsewhere}) other->peers.SetPeers({{1, "127.0.0.1", 1}});
  a.peers.SetPeers({{2, "127.0.0.1", b.port}, {3, "127.0.0.1", c.port}});
  REQUIRE(
      RunUntil(loop, {&a, &b, &c}, [&] { return a.peers.Connected(2) && a.peers.Connected(3); }));
  CHECK(a.inbox.ups == 2);
  a.peers.SetPeers(
      {{1, "127.0.0.1", a.port}, {2, "127.0.0.1", b.port}, {3, "127.0.0.1", c_elsewhere.port}});
  CHECK(a.peers.Connected(2));
  CHECK_FALSE(a.peers.Connected(3));
  CHECK(a.inbox.downs == 1);
  REQUIRE(RunUntil(loop, {&a, &b, &c, &c_elsewhere}, [&] { return a.peers.Connected(3); }));
  CHECK(a.inbox.ups == 3);
  CHECK(a.inbox.downs == 1);
  a.peers.Send(3, Urgency::kBulk, "moved");
  a.peers.Send(2, Urgency::kBulk, "stayed");
  REQUIRE(RunUntil(loop, {&a, &b, &c, &c_elsewhere}, [&] {
    return b.inbox.messages.size() == 1 && c_elsewhere.inbox.messages.size() == 1;
  }));
  CHECK(c.inbox.messages.empty());
  a.peers.SetPeers({{2, "127.0.0.1", b.port}});
  CHECK_FALSE(a.peers.Connected(3));
  CHECK(a.inbox.downs == 2);
}

TEST_CASE("urgent messages pass between the pieces of big ones") {
  net::Loop loop;
  LinkedMember a(loop, 1);
  LinkedMember b(loop, 2);
  a.peers.SetPeers({{2, "127.0.0.1", b.port}});
  b.peers.SetPeers({{1, "127.0.0.1", a.port}});
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return a.peers.Connected(2); }));
  a.peers.Send(2, Urgency::kBulk, std::string(20'000'000, 'x'));
  a.peers.Send(2, Urgency::kUrgent, "heartbeat");
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return b.inbox.messages.size() == 2; }));
  CHECK(b.inbox.messages[0].second == "heartbeat");
}

TEST_CASE("a wrong secret and a stranger get no link") {
  net::Loop loop;
  LinkedMember a(loop, 1);
  LinkedMember b(loop, 2, "another");
  LinkedMember c(loop, 3);  // knows the secret, but a doesn't know it
  a.peers.SetPeers({{2, "127.0.0.1", b.port}});
  b.peers.SetPeers({{1, "127.0.0.1", a.port}});
  c.peers.SetPeers({{1, "127.0.0.1", a.port}});
  int turns = 0;
  CHECK(RunUntil(loop, {&a, &b, &c}, [&] { return ++turns > 150; }));
  CHECK(a.inbox.ups + b.inbox.ups + c.inbox.ups == 0);
}

TEST_CASE("so many links prove nothing yet as may be, and the oldest makes room for a member") {
  net::Loop loop;
  LinkedMember a(loop, 1, kTestSecret, 1 << 20, 2);
  std::vector<net::Fd> strangers;
  const auto ended = [&](size_t i) {
    char byte;
    return recv(strangers[i].get(), &byte, 1, 0) == 0;
  };
  for (size_t i = 0; i < 3; ++i) {
    auto fd = net::StartConnect("127.0.0.1", a.port);
    REQUIRE(fd.has_value());
    strangers.push_back(*std::move(fd));
  }
  REQUIRE(RunUntil(loop, {&a}, [&] { return ended(0); }));
  CHECK((!ended(1) && !ended(2)));
  LinkedMember b(loop, 2);
  a.peers.SetPeers({{2, "127.0.0.1", b.port}});
  b.peers.SetPeers({{1, "127.0.0.1", a.port}});
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return b.peers.Connected(1); }));
  CHECK(ended(1));
}

TEST_CASE("over its bound bulk is left out; the link stays, and urgent messages pass") {
  net::Loop loop;
  LinkedMember a(loop, 1, kTestSecret, 8 << 20);
  LinkedMember b(loop, 2);
  a.peers.SetPeers({{2, "127.0.0.1", b.port}});
  b.peers.SetPeers({{1, "127.0.0.1", a.port}});
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return a.peers.Connected(2); }));
  // Nobody reads meanwhile: what the kernel doesn't take is queued, a part of it on its way.
  const std::string piece(1'000'000, 'x');
  for (int i = 0; i < 7; ++i) a.peers.Send(2, Urgency::kBulk, piece);
  a.peers.Flush();
  CHECK(a.peers.left_out() == 0);
  for (int i = 0; i < 20; ++i) a.peers.Send(2, Urgency::kBulk, piece);
  CHECK(a.peers.left_out() > 0);
  CHECK(a.peers.left_out() < 20);
  a.peers.Send(2, Urgency::kUrgent, "heartbeat");
  const size_t whole = 27 - a.peers.left_out();
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return b.inbox.messages.size() == whole + 1; }));
  CHECK(a.inbox.downs == 0);
  CHECK(b.inbox.messages.back().second == piece);  // the heartbeat was faster
  b.inbox.messages.clear();
  a.peers.Send(2, Urgency::kBulk, "after");
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return b.inbox.messages.size() == 1; }));
  CHECK(b.inbox.messages[0].second == "after");
}

TEST_CASE("messages far bigger than the bound cost nothing") {
  net::Loop loop;
  LinkedMember a(loop, 1, kTestSecret, 1 << 20);
  LinkedMember b(loop, 2);
  a.peers.SetPeers({{2, "127.0.0.1", b.port}});
  b.peers.SetPeers({{1, "127.0.0.1", a.port}});
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return a.peers.Connected(2); }));
  const auto value = std::make_shared<const std::string>(20'000'000, 'x');
  a.peers.Send(2, Urgency::kBulk, "1", value);
  a.peers.Send(2, Urgency::kBulk, "2", value);
  a.peers.Send(2, Urgency::kBulk, "chosen");
  CHECK(a.peers.left_out() == 1);  // two of them wait: the next one comes too early
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return b.inbox.messages.size() == 2; }));
  CHECK(b.inbox.messages[1].second == "2" + *value);
  CHECK(a.inbox.downs == 0);
}

TEST_CASE("in a long turn what can't wait is seen at once; the rest comes later, in order") {
  struct Busy : Inbox {
    int beats = 0;
    bool OnMessageWhileBusy(NodeId, std::string_view message) override {
      if (message != "heartbeat") return false;
      ++beats;
      return true;
    }
  };
  net::Loop loop;
  LinkedMember a(loop, 1);
  Busy inbox;
  Peers busy(loop, LinkedMember::Config(2, kTestSecret, 1 << 20));
  busy.SetListener(&inbox);
  auto fd = net::ListenTcp("127.0.0.1", 0, 16);
  REQUIRE(fd.has_value());
  const uint16_t port = PortOf(*fd);
  busy.Listen(*std::move(fd));
  busy.SetPeers({{1, "127.0.0.1", a.port}});
  a.peers.SetPeers({{2, "127.0.0.1", port}});
  REQUIRE(RunUntil(loop, {&a}, [&] {
    busy.Flush();
    return a.peers.Connected(2) && busy.Connected(1);
  }));
  a.peers.Send(2, Urgency::kBulk, "first");
  a.peers.Send(2, Urgency::kUrgent, "heartbeat");
  a.peers.Send(2, Urgency::kBulk, std::string(200'000, 'x'));
  a.peers.Send(2, Urgency::kUrgent, "vote");
  a.peers.Flush();
  for (int i = 0; i < 1000 && inbox.beats == 0; ++i) busy.Breathe();
  CHECK(inbox.beats == 1);
  CHECK(inbox.messages.empty());
  a.peers.Send(2, Urgency::kBulk, "last");
  REQUIRE(RunUntil(loop, {&a}, [&] {
    busy.DeliverKept();
    busy.Flush();
    return inbox.messages.size() == 4;
  }));
  CHECK(inbox.beats == 1);
  CHECK(inbox.messages[0].second == "vote");
  CHECK(inbox.messages[1].second == "first");
  CHECK(inbox.messages[2].second == std::string(200'000, 'x'));
  CHECK(inbox.messages[3].second == "last");
}

// What a stranger gets to see after sending `bytes`: true if it is hung up on.
bool HungUpAfter(net::Loop& loop, LinkedMember& member, const std::string& bytes) {
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
  LinkedMember a(loop, 1);
  CHECK(HungUpAfter(loop, a, ""));
  CHECK(HungUpAfter(loop, a, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  std::string endless;
  AppendFrame(Check::kCrc, Stream::kUrgent, false, std::string(1500, 'x'), &endless);
  FrameSealer().Seal(&endless);
  CHECK(HungUpAfter(loop, a, endless));
}

TEST_CASE("a malformed message drops the link") {
  net::Loop loop;
  LinkedMember a(loop, 1);
  LinkedMember b(loop, 2);
  a.peers.SetPeers({{2, "127.0.0.1", b.port}});
  b.peers.SetPeers({{1, "127.0.0.1", a.port}});
  REQUIRE(RunUntil(loop, {&a, &b}, [&] { return a.peers.Connected(2); }));
  a.peers.Send(2, Urgency::kBulk, "malformed");
  CHECK(RunUntil(loop, {&a, &b}, [&] { return a.inbox.downs == 1; }));
  CHECK(RunUntil(loop, {&a, &b}, [&] { return a.inbox.ups == 2; }));
}

}  // namespace
}  // namespace clustron::cluster
