#include "tests/sim/sim_network.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

namespace clustron::sim {
namespace {

struct Recorder final : SimNetwork::Host {
  void OnMessage(int to, int from, std::string message) override {
    got[{from, to}].push_back(std::move(message));
  }
  void OnLinkUp(int node, int peer) override { ups.push_back({node, peer}); }
  std::map<std::pair<int, int>, std::vector<std::string>> got;
  std::vector<std::pair<int, int>> ups;
};

struct Net {
  explicit Net(const NetworkOptions& options, int nodes = 3, uint64_t seed = 1)
      : loop(seed), network(&loop, nodes, options, &host) {
    for (int i = 0; i < nodes; ++i) network.SetUp(i, true);
    Run(kSecond);
  }
  void Run(int64_t ns) { loop.RunUntil(loop.now_ns() + ns); }
  void SendMany(int from, int to, int count, bool urgent = false) {
    for (int i = 0; i < count; ++i) network.Send(from, to, urgent, std::to_string(next++));
  }
  EventLoop loop;
  Recorder host;
  SimNetwork network;
  int next = 0;
};

bool Ordered(const std::vector<std::string>& got) {
  return std::is_sorted(got.begin(), got.end(), [](const std::string& a, const std::string& b) {
    return std::stoi(a) < std::stoi(b);
  });
}

TEST_CASE("a stream connects both ends once and keeps order") {
  Net net({.jitter_ns = 10 * kMillisecond});
  CHECK(net.host.ups.size() == 6);
  net.SendMany(0, 1, 200);
  net.Run(kSecond);
  CHECK(net.host.got[{0, 1}].size() == 200);
  CHECK(Ordered(net.host.got[{0, 1}]));
}

TEST_CASE("urgent messages overtake bulk ones but not each other") {
  Net net({.jitter_ns = 10 * kMillisecond});
  net.SendMany(0, 1, 50, false);
  net.SendMany(0, 1, 50, true);
  net.Run(kSecond);
  auto& got = net.host.got[{0, 1}];
  REQUIRE(got.size() == 100);
  CHECK(!Ordered(got));
  std::vector<std::string> lanes[2];
  for (const std::string& m : got) lanes[std::stoi(m) >= 50 ? 1 : 0].push_back(m);
  CHECK(Ordered(lanes[0]));
  CHECK(Ordered(lanes[1]));
}

TEST_CASE("a blocked direction holds messages back and lets the other direction pass") {
  Net net({.break_after_ns = 2 * kSecond});
  net.network.Block(0, 1, true);
  net.SendMany(0, 1, 10);
  net.SendMany(1, 0, 10);
  net.Run(kSecond);
  CHECK(net.host.got[{0, 1}].empty());
  CHECK(net.host.got[{1, 0}].size() == 10);
  net.network.Block(0, 1, false);
  net.Run(kSecond);
  CHECK(net.host.got[{0, 1}].size() == 10);
  CHECK(Ordered(net.host.got[{0, 1}]));
  CHECK(net.host.ups.size() == 6);  // no new connection was needed
}

TEST_CASE("a connection blocked for long breaks, loses what was held, and comes back") {
  Net net({.break_after_ns = kSecond});
  net.network.Block(0, 1, true);
  net.SendMany(0, 1, 10);
  net.Run(3 * kSecond);
  net.SendMany(1, 0, 10);  // no connection: lost
  net.Run(kSecond);
  CHECK(net.host.got[{1, 0}].empty());
  CHECK(net.host.ups.size() == 6);
  net.network.Block(0, 1, false);
  net.Run(kSecond);
  CHECK(net.host.ups.size() == 8);
  CHECK(net.host.got[{0, 1}].empty());
  net.SendMany(0, 1, 3);
  net.Run(kSecond);
  CHECK(net.host.got[{0, 1}].size() == 3);
}

TEST_CASE("what is in flight when a connection breaks is lost") {
  Net net({.delay_ns = 100 * kMillisecond});
  net.SendMany(0, 1, 5);
  net.Run(10 * kMillisecond);
  net.network.Break(0, 1);
  net.Run(kSecond);
  CHECK(net.host.got[{0, 1}].empty());
  CHECK(net.host.ups.size() == 8);
  CHECK(net.network.counters().breaks == 1);
}

TEST_CASE("a node that is down gets nothing, and its links come back with it") {
  Net net({});
  net.network.SetUp(1, false);
  net.SendMany(0, 1, 5);
  net.SendMany(0, 2, 5);
  net.Run(kSecond);
  CHECK(net.host.got[{0, 1}].empty());
  CHECK(net.host.got[{0, 2}].size() == 5);
  net.network.SetUp(1, true);
  net.Run(kSecond);
  CHECK(net.host.ups.size() == 10);
  net.SendMany(0, 1, 5);
  net.Run(kSecond);
  CHECK(net.host.got[{0, 1}].size() == 5);
}

TEST_CASE("datagrams are lost, doubled and overtaken") {
  Net net({.datagram = true,
           .jitter_ns = 5 * kMillisecond,
           .loss_percent = 20,
           .duplicate_percent = 20});
  net.SendMany(0, 1, 1000);
  net.Run(kSecond);
  auto& got = net.host.got[{0, 1}];
  CHECK(!Ordered(got));
  const std::set<std::string> distinct(got.begin(), got.end());
  CHECK(distinct.size() > 700);
  CHECK(distinct.size() < 950);
  CHECK(got.size() > distinct.size() + 50);
  net.network.Block(0, 1, true);
  got.clear();
  net.SendMany(0, 1, 10);
  net.Run(kSecond);
  net.network.MakeReliable();
  net.Run(kSecond);
  CHECK(net.host.got[{0, 1}].empty());
  net.SendMany(0, 1, 10);
  net.Run(kSecond);
  CHECK(net.host.got[{0, 1}].size() == 10);
}

TEST_CASE("a clogged direction is slow for a while") {
  Net net({});
  net.network.Clog(0, 1, 10 * kSecond, net.loop.now_ns() + kSecond);
  net.SendMany(0, 1, 20);
  net.Run(kSecond / 2);
  CHECK(net.host.got[{0, 1}].size() < 10);
  net.Run(20 * kSecond);
  CHECK(net.host.got[{0, 1}].size() == 20);
}

TEST_CASE("for a moment all is lost, and what is sent afterwards arrives") {
  for (const bool datagram : {false, true}) {
    CAPTURE(datagram);
    Net net({.datagram = datagram});
    net.network.Lose(0, 1, net.loop.now_ns() + 10 * kMillisecond);
    net.SendMany(0, 1, 3);
    net.SendMany(0, 2, 1);
    net.SendMany(1, 0, 1);
    net.Run(10 * kMillisecond);
    net.SendMany(0, 1, 1);
    net.Run(kSecond);
    CHECK(net.host.got[{0, 1}] == std::vector<std::string>{"5"});
    CHECK(net.host.got[{0, 2}] == std::vector<std::string>{"3"});
    CHECK(net.host.got[{1, 0}] == std::vector<std::string>{"4"});
  }
}

}  // namespace
}  // namespace clustron::sim
