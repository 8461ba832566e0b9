// CLIENT PAUSE and what is due meanwhile: it is seen gone, but nothing of it goes.
#include "server/dispatch/engine.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

void Pass(EngineBench& bench, int64_t ms) {
  for (; ms > 0; ms -= 10) {
    bench.Tick();
    bench.AnswerAll();
  }
}

// A node alone that writes within the turn, or the leader of three.
void Begin(EngineBench& bench) {
  bench.Lead();
  for (const cluster::NodeId peer : {2U, 3U})
    if (bench.node().replica().members().voters.size() > 1)
      bench.node().parts().versions.OnPeerSupports(peer, 2);
  Pass(bench, 1000);
  REQUIRE(bench.executor().feature_version() == 2);
}

TEST_CASE("what is due during a pause is seen gone, but stays and is counted when the pause ends") {
  for (const uint32_t nodes : {1U, 3U}) {
    EngineBench bench(nodes, 1,
                      nodes == 1 ? cluster::Durability::kEverySec : cluster::Durability::kAlways);
    Begin(bench);
    auto& client = bench.Connect();
    CHECK(bench.Ask(client, "SET gone v PX 50") == "+OK\r\n");
    CHECK(bench.Ask(client, "SET late v PX 100000") == "+OK\r\n");
    CHECK(bench.Ask(client, "CLIENT PAUSE 100000 WRITE") == "+OK\r\n");
    Pass(bench, 200);
    CHECK(bench.Ask(client, "GET gone") == "$-1\r\n");
    CHECK(bench.Ask(client, "KEYS *") == "*1\r\n$4\r\nlate\r\n");
    CHECK(bench.Ask(client, "DBSIZE") == ":2\r\n");
    CHECK(bench.engine().stats().expired_keys == 0);
    // What stays needs no entries.
    const paxos::Slot slot = bench.executor().applied_slot();
    Pass(bench, 2000);
    CHECK(bench.executor().applied_slot() <= slot + 1);
    CHECK(bench.Ask(client, "CLIENT UNPAUSE") == "+OK\r\n");
    CHECK(bench.Ask(client, "DBSIZE") == ":1\r\n");
    CHECK(bench.engine().stats().expired_keys == 1);
  }
}

TEST_CASE("a pause that ends by itself lets go what was due, and whom it held") {
  EngineBench bench(1, 1, cluster::Durability::kEverySec);
  Begin(bench);
  auto& client = bench.Connect();
  auto& held = bench.Connect();
  CHECK(bench.Ask(client, "SET gone v PX 50") == "+OK\r\n");
  CHECK(bench.Ask(client, "CLIENT PAUSE 300 WRITE") == "+OK\r\n");
  CHECK(bench.Ask(held, "SET k v") == "");
  CHECK(bench.engine().client_table().Count().blocked == 1);
  CHECK(bench.Ask(client, "CLIENT LIST").find(" flags=b ") != std::string::npos);
  Pass(bench, 200);
  CHECK(bench.Ask(client, "DBSIZE") == ":1\r\n");
  Pass(bench, 200);
  CHECK(held.Take() == "+OK\r\n");
  CHECK(bench.engine().client_table().Count().blocked == 0);
  CHECK(bench.Ask(client, "CLIENT LIST").find(" flags=b ") == std::string::npos);
  CHECK(bench.Ask(client, "DBSIZE") == ":1\r\n");
  CHECK(bench.engine().stats().expired_keys == 1);
}

TEST_CASE("whom a pause held is not taken for one that waits for nothing") {
  EngineBench bench(1, 1, cluster::Durability::kEverySec);
  Begin(bench);
  auto& client = bench.Connect();
  auto& held = bench.Connect();
  CHECK(bench.Ask(client, "CLIENT PAUSE 300 ALL") == "+OK\r\n");
  CHECK(bench.Ask(held, "GET k") == "");
  bench.clock.ns += 400'000'000;
  bench.engine().Tick();  // the pause is over, but the turn is not
  CHECK_FALSE(held.session->idle());
  bench.Turn();
  CHECK(held.Take() == "$-1\r\n");
  CHECK(held.session->idle());
}

TEST_CASE("what UNPAUSE lets go is answered in its turn") {
  EngineBench bench(1, 1, cluster::Durability::kEverySec);
  Begin(bench);
  auto& client = bench.Connect();
  auto& held = bench.Connect();
  CHECK(bench.Ask(client, "CLIENT PAUSE 100000 ALL") == "+OK\r\n");
  CHECK(bench.Ask(held, "GET k") == "");
  CHECK(bench.Ask(client, "CLIENT UNPAUSE") == "+OK\r\n");
  CHECK(held.Take() == "$-1\r\n");
}

TEST_CASE("a clock that falls brings nothing back that was seen gone in a pause") {
  EngineBench bench(1, 1, cluster::Durability::kEverySec);
  Begin(bench);
  auto& client = bench.Connect();
  const std::string at = std::to_string(bench.clock.wall_ms + 50);
  CHECK(bench.Ask(client, "SET gone v PXAT " + at) == "+OK\r\n");
  CHECK(bench.Ask(client, "CLIENT PAUSE 100000 WRITE") == "+OK\r\n");
  Pass(bench, 200);
  CHECK(bench.Ask(client, "GET gone") == "$-1\r\n");
  bench.clock.wall_ms -= 3'600'000;
  Pass(bench, 1000);
  CHECK(bench.Ask(client, "GET gone") == "$-1\r\n");
  CHECK(bench.Ask(client, "DBSIZE") == ":1\r\n");
  CHECK(bench.Ask(client, "CLIENT UNPAUSE") == "+OK\r\n");
  CHECK(bench.Ask(client, "DBSIZE") == ":0\r\n");
  Pass(bench, 1000);
  CHECK(bench.executor().wall_ms() <= bench.clock.wall_ms);
}

TEST_CASE("a restart repeats what a pause kept") {
  EngineBench bench(1, 1, cluster::Durability::kEverySec);
  Begin(bench);
  auto& client = bench.Connect();
  CHECK(bench.Ask(client, "SET gone v PX 50") == "+OK\r\n");
  CHECK(bench.Ask(client, "CLIENT PAUSE 100000 WRITE") == "+OK\r\n");
  Pass(bench, 200);
  CHECK(bench.Ask(client, "GET gone") == "$-1\r\n");
  Pass(bench, 2000);
  const uint64_t digest = bench.executor().digest();
  const paxos::Slot slot = bench.executor().applied_slot();
  bench.Restart(2);
  CHECK(bench.executor().applied_slot() == slot);
  CHECK(bench.executor().digest() == digest);
  CHECK(bench.executor().store().Size(0) == 1);
  bench.Lead();
  Pass(bench, 300);
  CHECK(bench.executor().store().Size(0) == 0);  // nobody is paused any more
}

}  // namespace
}  // namespace clustron::server
