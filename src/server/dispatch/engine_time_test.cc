// Clocks that are wrong, as clients of a node see them.
#include "server/dispatch/engine.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

using cluster::WireKind;
using paxos::EntryKind;

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kYear = 365LL * 86'400'000;

// By how much TIME is ahead of what the peers' clocks show.
int64_t TimeAhead(EngineBench& bench, EngineBench::BenchClient& client) {
  const std::string reply = bench.Ask(client, "TIME");  // *2 $10 seconds $N microseconds
  const size_t at = reply.find("\r\n$");
  const int64_t seconds = std::stoll(reply.substr(reply.find("\r\n", at + 2) + 2));
  return seconds * 1000 - bench.peers_wall_ms() / 1000 * 1000;
}

void Pass(EngineBench& bench, int64_t ms) {
  for (; ms > 0; ms -= 50) {
    bench.Tick(50);
    bench.AnswerAll();
  }
}

std::string At(EngineBench& bench, int64_t in_ms) {
  return std::to_string(bench.peers_wall_ms() + in_ms);
}

TEST_CASE("a leader that is ten years ahead for a second ends no key and tells no wrong time") {
  EngineBench bench(3);
  bench.Lead();
  for (const cluster::NodeId peer : {2U, 3U}) bench.node().parts().versions.OnPeerSupports(peer, 2);
  Pass(bench, 1000);
  REQUIRE(bench.executor().feature_version() == 2);
  auto& client = bench.Connect();
  CHECK(bench.Ask(client, "SET k v PXAT " + At(bench, 60'000)) == "+OK\r\n");
  bench.JumpWall(10 * kYear);
  Pass(bench, 1000);
  CHECK(bench.node().parts().clock.wall().ahead_ms() == 10 * kYear);
  CHECK(bench.Ask(client, "SET j v PXAT " + At(bench, 60'000)) == "+OK\r\n");
  CHECK(bench.Ask(client, "EXISTS k j") == ":2\r\n");
  CHECK(TimeAhead(bench, client) <= 1000);
  bench.JumpWall(-10 * kYear);
  Pass(bench, 1000);
  CHECK(bench.node().parts().clock.wall().ahead_ms() == 0);
  CHECK(TimeAhead(bench, client) == 0);
  CHECK(bench.Ask(client, "EXISTS k j") == ":2\r\n");
  Pass(bench, 59'000);
  CHECK(bench.Ask(client, "EXISTS k j") == ":0\r\n");
}

TEST_CASE("a wall that most clocks had wrong is put right without anybody's writing") {
  EngineBench bench(3);
  bench.Lead();
  for (const cluster::NodeId peer : {2U, 3U}) bench.node().parts().versions.OnPeerSupports(peer, 2);
  Pass(bench, 1000);
  auto& client = bench.Connect();
  bench.clock.wall_ms += kHour;  // everybody's
  Pass(bench, 2000);
  CHECK(bench.Ask(client, "SET k v PXAT " + At(bench, 60'000)) == "+OK\r\n");
  bench.clock.wall_ms -= kHour;
  Pass(bench, 2000);
  CHECK(bench.executor().wall_ms() <= bench.clock.wall_ms + 500);
  CHECK(TimeAhead(bench, client) == 0);
  const int64_t left_ms = std::stoll(bench.Ask(client, "PTTL k").substr(1));
  CHECK(left_ms >= kHour);
  CHECK(left_ms <= kHour + 62'000);
}

TEST_CASE("a key whose end is a time of day goes when that has come, with nobody there") {
  for (const uint32_t nodes : {1U, 3U}) {
    EngineBench bench(nodes);
    bench.Lead();
    auto& client = bench.Connect();
    CHECK(bench.Ask(client, "SET k v PXAT " + At(bench, 60'000)) == "+OK\r\n");
    Pass(bench, 59'000);
    CHECK(bench.executor().store().Size(0) == 1);
    Pass(bench, 2'000);
    CHECK(bench.executor().store().Size(0) == 0);
    CHECK(bench.engine().stats().expired_keys == 1);
  }
}

TEST_CASE("what a turn knows of due keys is asked again behind a write of that turn") {
  EngineBench bench(1, 1, cluster::Durability::kMemory);
  for (int i = 0; i < 10 && !bench.node().leading(); ++i) bench.Tick();
  auto& client = bench.Connect();
  const auto run = [&](std::string_view requests) {
    bench.engine().Feed(*client.session, requests);
    bench.Turn();
    return client.Take();
  };
  const std::string get_a = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
  const std::string get_k = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
  const std::string set_k = "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n$2\r\nPX\r\n$2\r\n20\r\n";
  // Nothing is due by the first read; then something gets an end.
  CHECK(run(get_a + set_k + get_k) == "$-1\r\n+OK\r\n$1\r\nv\r\n");
  bench.clock.ns += 19'000'000;
  CHECK(run(get_k + get_a + get_k) == "$1\r\nv\r\n$-1\r\n$1\r\nv\r\n");
  CHECK(bench.executor().store().Size(0) == 1);
  bench.clock.ns += 2'000'000;
  // It is due: the first read of the turn has it removed, and what was seen gone stays gone.
  CHECK(run(get_a + get_k + get_k) == "$-1\r\n$-1\r\n$-1\r\n");
  CHECK(bench.executor().store().Size(0) == 0);
  // Within one turn: gone, written again, there.
  run(set_k);
  bench.clock.ns += 30'000'000;
  CHECK(run(get_k + set_k + get_k) == "$-1\r\n+OK\r\n$1\r\nv\r\n");
}

TEST_CASE("a machine whose monotonic clock falls for once stops nobody: what is logged rises") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  CHECK(bench.Ask(client, "SET k v") == "+OK\r\n");
  const int64_t elapsed_ms = bench.executor().elapsed_ms();
  bench.clock.ns -= 5'000'000;
  CHECK(bench.Ask(client, "SET k w") == "+OK\r\n");
  CHECK(bench.executor().elapsed_ms() >= elapsed_ms);
}

TEST_CASE("alone a leap forward is believed after a minute, a step back at once") {
  EngineBench bench(1);
  bench.Lead();
  auto& client = bench.Connect();
  CHECK(bench.Ask(client, "SET k v PXAT " + At(bench, 30 * kHour)) == "+OK\r\n");
  bench.JumpWall(10 * kYear);
  Pass(bench, 30'000);
  CHECK(bench.node().parts().clock.wall().ahead_ms() > 9 * kYear);
  CHECK(TimeAhead(bench, client) == 0);
  CHECK(bench.Ask(client, "EXISTS k") == ":1\r\n");
  SUBCASE("it was wrong") {
    bench.JumpWall(-10 * kYear);
    Pass(bench, 60'000);
    CHECK(bench.Ask(client, "EXISTS k") == ":1\r\n");
    bench.JumpWall(-5000);
    bench.Tick();
    CHECK(TimeAhead(bench, client) == -5000);
    CHECK(bench.Ask(client, "SET j v PXAT " + At(bench, -1000)) == "+OK\r\n");
    CHECK(bench.Ask(client, "EXISTS j") == ":1\r\n");
  }
  SUBCASE("it was right") {
    Pass(bench, 31'000);
    CHECK(TimeAhead(bench, client) == 10 * kYear);
    CHECK(bench.Ask(client, "EXISTS k") == ":0\r\n");
  }
}

TEST_CASE("alone a start believes the machine, but no leap by years") {
  EngineBench bench(1);
  bench.Lead();
  auto* client = &bench.Connect();
  constexpr int64_t kDay = 24 * kHour;
  bench.Ask(*client, "SET wall v PXAT " + At(bench, 40 * kDay));
  bench.Ask(*client, "SET elapsed v PX " + std::to_string(29 * kDay));
  bench.Ask(*client, "SET longer v PX " + std::to_string(31 * kDay));
  Pass(bench, 1000);
  const auto reboot = [&](int64_t leap_ms) {
    bench.clock.ns = 77'000'000'000;
    bench.clock.machine_boot = 2;
    bench.clock.wall_ms += leap_ms;
    bench.Restart(2);
    bench.Lead();
    client = &bench.Connect();
  };
  SUBCASE("a day") {
    reboot(kDay);
    CHECK(TimeAhead(bench, *client) == 0);
    CHECK(bench.Ask(*client, "EXISTS wall elapsed longer") == ":3\r\n");
    CHECK(bench.node().parts().clock.LiveElapsedMs() >= kDay);
  }
  SUBCASE("a year") {
    reboot(kYear);
    CHECK(TimeAhead(bench, *client) < -364 * kDay);
    // What is relative has lost 30 days at most.
    CHECK(bench.Ask(*client, "EXISTS wall elapsed longer") == ":2\r\n");
    CHECK(bench.Ask(*client, "EXISTS elapsed") == ":0\r\n");
    SUBCASE("that stays") {
      Pass(bench, 61'000);
      CHECK(TimeAhead(bench, *client) == 0);
      CHECK(bench.Ask(*client, "EXISTS wall") == ":0\r\n");
    }
    SUBCASE("that is put right") {
      Pass(bench, 5'000);
      bench.clock.wall_ms -= kYear - 10'000;
      Pass(bench, 100'000);
      CHECK(bench.Ask(*client, "EXISTS wall") == ":1\r\n");
      CHECK(TimeAhead(bench, *client) == 0);
    }
  }
}

TEST_CASE(
    "a follower tells the time that the members' clocks show, also when it hears them no more") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "k", "v"})});
  const auto hear = [&] {
    for (const auto& [kind, body] : bench.TakeAllSent(2)) {
      int64_t asked_ns = 0;
      if (kind != WireKind::kClockAsk) continue;
      REQUIRE(cluster::ReadClockAsk(body, &asked_ns));
      for (const cluster::NodeId peer : {2U, 3U})
        bench.FromWire(peer, cluster::WireClockAnswer(asked_ns, bench.peers_wall_ms()));
    }
  };
  bench.JumpWall(-kYear);
  bench.Tick(100);
  hear();
  bench.Tick(100);
  auto& client = bench.Connect();
  CHECK(TimeAhead(bench, client) <= 0);
  CHECK(TimeAhead(bench, client) >= -1000);
  for (int i = 0; i < 30; ++i) bench.Tick(1000);
  CHECK_FALSE(bench.node().parts().clock.wall().sure());
  CHECK(TimeAhead(bench, client) <= 0);
  CHECK(TimeAhead(bench, client) >= -1000);
}

TEST_CASE(
    "a leader serves ticks of others: an entry with its clocks of then, told when it is applied") {
  EngineBench bench(3);
  bench.Lead();
  const auto grants = [&](cluster::NodeId to) { return bench.TakeSent(to, WireKind::kTickGrant); };
  bench.clock.ns += 50'000'000;
  bench.FromWire(2, cluster::WireTickAsk(11));
  bench.FromWire(2, cluster::WireTickAsk(12));
  bench.peers_write = false;
  bench.Turn();
  bench.AnswerAll();
  CHECK(grants(2).empty());
  bench.peers_write = true;
  Pass(bench, 1000);
  const cluster::Slot last = bench.executor().applied_slot();
  bench.FromWire(2, cluster::WireTickAsk(13));
  bench.Turn();
  bench.AnswerAll();
  const auto got = grants(2);
  REQUIRE(got.size() >= 1);
  uint64_t tick = 0;
  cluster::Slot slot = 0;
  REQUIRE(cluster::ReadTickGrant(got.back(), &tick, &slot));
  CHECK(tick == 13);
  CHECK(slot == last + 1);
  // At the same moment, the same entry will do.
  bench.FromWire(2, cluster::WireTickAsk(14));
  bench.Turn();
  const auto again = grants(2);
  REQUIRE(again.size() == 1);
  REQUIRE(cluster::ReadTickGrant(again.back(), &tick, &slot));
  CHECK(slot == last + 1);
}

}  // namespace
}  // namespace clustron::server
