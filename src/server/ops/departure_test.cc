// A node that hands over its leadership, or stops.
#include "server/dispatch/engine.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

#include "server/ops/engine_news.h"
#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

// Healthy peers, for so long or until this node stops.
void Live(EngineBench& bench, int ms) {
  for (int i = 0; i < ms / 20 && !bench.stopped; ++i) {
    bench.Tick(20);
    bench.AnswerAll();
  }
}

TEST_CASE("a leader that stops hands over first, also to one that has everything only later") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  auto& stopper = bench.Connect();
  bench.peers_write = false;
  bench.Say(client, "SET k v");
  bench.Turn();
  bench.Say(stopper, "SHUTDOWN NOSAVE");
  Live(bench, 1000);
  CHECK(bench.node().leading());
  CHECK_FALSE(bench.stopped);
  bench.peers_write = true;
  Live(bench, 2000);
  CHECK(client.Take() == "+OK\r\n");
  CHECK_FALSE(bench.node().leading());
  CHECK(bench.stopped);
}

TEST_CASE("a node that stops finishes what its clients have under way") {
  EngineBench bench(3);
  FollowTwo(bench, {});
  auto& client = bench.Connect();
  auto& stopper = bench.Connect();
  bench.Say(client, "SET k v");
  bench.Turn();
  bench.Say(stopper, "SHUTDOWN NOSAVE");
  for (int i = 0; i < 10; ++i) {
    bench.Follow(kTwo);
    bench.Tick(100);
  }
  CHECK_FALSE(bench.stopped);
  bench.Choose(kTwo, paxos::EntryKind::kBatch,
               EntryOf(2000, 1'700'000'002'000,
                       {CommandItem({"SET", "k", "v"}, bench.node().session(), 1)}));
  bench.Tick(100);
  CHECK(client.Take() == "+OK\r\n");
  CHECK(bench.stopped);
}

TEST_CASE("a node that stops has nobody served who waits at it, and then goes") {
  EngineBench bench(3);
  FollowTwo(bench, {});
  auto& client = bench.Connect();
  auto& stopper = bench.Connect();
  bench.node().parts().versions.OnPeerSupports(2, cluster::kFeatureVersion);
  bench.node().parts().versions.OnPeerSupports(3, cluster::kFeatureVersion);
  bench.Say(client, "BLPOP k 0");
  bench.Turn();
  REQUIRE(ServeTwo(bench) == 1);
  REQUIRE(bench.executor().ServedWaiters().size() == 1);
  bench.Say(stopper, "SHUTDOWN NOSAVE");
  for (int i = 0; i < 10; ++i) {
    bench.Follow(kTwo);
    bench.Tick(100);
  }
  CHECK_FALSE(bench.stopped);
  REQUIRE(ServeTwo(bench) > 0);  // sent again and again
  CHECK(bench.executor().ServedWaiters().empty());
  SUBCASE("it goes") {
    bench.Follow(kTwo);
    bench.Tick(100);
    CHECK(ServeTwo(bench) == 0);
    CHECK(bench.stopped);
  }
  SUBCASE("it stays after all") {
    bench.Say(bench.Connect(), "SHUTDOWN ABORT");
    bench.Follow(kTwo);
    bench.Tick(100);
    CHECK(ServeTwo(bench) > 0);
    CHECK(bench.executor().ServedWaiters().size() == 1);
    bench.Tick(100);
    CHECK_FALSE(bench.stopped);
  }
}

TEST_CASE("a stop that is to leave a snapshot behind is called off without one, unless forced") {
  EngineBench bench(1);
  bench.Lead();
  auto& client = bench.Connect();
  bench.Say(client, "SET k v");
  bench.Turn();
  bench.fs.SetCapacity(1);
  bench.Say(client, "SHUTDOWN SAVE");
  bench.Turn();
  for (int i = 0; i < 20; ++i) bench.Tick(100);
  CHECK_FALSE(bench.engine().Report().snapshots.last_ok);
  CHECK_FALSE(bench.stopped);
  SUBCASE("forced") { bench.Say(client, "SHUTDOWN SAVE FORCE"); }
  SUBCASE("written") {
    bench.fs.SetCapacity(UINT64_MAX);
    bench.Say(client, "SHUTDOWN SAVE");
  }
  bench.Turn();
  for (int i = 0; i < 20 && !bench.stopped; ++i) bench.Tick(100);
  CHECK(bench.stopped);
}

TEST_CASE("a hand-over is told from its beginning to the next leadership, and not after that") {
  EngineBench bench(3);
  FollowTwo(bench, {});
  auto& client = bench.Connect();
  bench.Say(client, "HELLO 3\r\nCLIENT MAINT_NOTIFICATIONS ON");
  bench.Turn();
  client.Take();
  std::string body;
  Writer writer(&body);
  writer.U8(kHandOverBegins);
  writer.U64(77);
  writer.U64(kTwo.round);
  writer.U32(kTwo.node);
  const std::string message = cluster::WirePublish(body);
  bench.FromWire(2, message);
  bench.Turn();
  CHECK(client.Take().find("FAILING_OVER") != std::string::npos);
  bench.Follow(kThree);
  bench.Choose(kThree, paxos::EntryKind::kNoop, "");
  bench.Tick();
  CHECK(client.Take().find("FAILED_OVER") != std::string::npos);
  bench.FromWire(2, message);  // late
  bench.Turn();
  CHECK(client.got.empty());
}

TEST_CASE("FAILOVER goes to the longest log in sight, and waits for it") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  bench.peers_durable = {{2, 5}, {3, 9}};
  cluster::NodeId target = 3;
  SUBCASE("both are there") {}
  SUBCASE("the longest has not been heard of for long") {
    Live(bench, 200);
    bench.silent_peer = 3;
    target = 2;
  }
  Live(bench, 1500);
  bench.peers_write = false;
  bench.Say(client, "SET k v");
  bench.Turn();
  bench.Say(client, "FAILOVER");
  Live(bench, 1000);
  CHECK(bench.node().leading());
  bench.peers_write = true;
  for (int i = 0; i < 100 && bench.asked_to_lead == 0; ++i) Live(bench, 20);
  CHECK(bench.asked_to_lead == target);
  Live(bench, 100);
  CHECK_FALSE(bench.engine().Report().failing_over);
}

TEST_CASE("a FAILOVER is given up when its time is up") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  auto& admin = bench.Connect();
  bench.peers_write = false;
  bench.Say(client, "SET k v");
  bench.Turn();
  bench.Say(admin, "FAILOVER TIMEOUT 1200");
  Live(bench, 1000);
  bench.Say(admin, "FAILOVER TIMEOUT 1200");
  bench.Turn();
  CHECK(admin.Take() == "+OK\r\n-ERR FAILOVER already in progress.\r\n");
  Live(bench, 1000);
  bench.peers_write = true;
  Live(bench, 2000);
  CHECK(bench.node().leading());
  CHECK(bench.asked_to_lead == 0);
  bench.Say(admin, "FAILOVER TIMEOUT 1200");
  bench.Turn();
  CHECK(admin.Take() == "+OK\r\n");
}

TEST_CASE("who came to lead with a full disk gives way to one that has room") {
  EngineBench bench(3);
  bench.fs.SetCapacity(bench.fs.used_bytes() + (1 << 20));
  bench.node().parts().disk.SetLowWater(1 << 30);
  bench.RunTasks();
  REQUIRE(bench.node().log().disk_low());
  bench.Lead();
  const auto answer = [&](bool two_low, bool three_low) {
    for (int i = 0; i < 6; ++i) {
      bench.Tick(300);
      bench.AnswerAll({cluster::EncodeNews({.boot = 1, .disk_low = two_low}),
                       cluster::EncodeNews({.boot = 1, .disk_low = three_low})});
    }
  };
  answer(true, true);
  CHECK(bench.node().leading());
  answer(true, false);
  CHECK(bench.asked_to_lead == 3);
  CHECK_FALSE(bench.node().leading());
}

}  // namespace
}  // namespace clustron::server
