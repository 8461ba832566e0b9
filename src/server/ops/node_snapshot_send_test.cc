// Own snapshots at the seams of node and engine: when one is taken, how it is sent, how long the
// log stays for it.
#include "cluster/node/snapshot_sender.h"
// The checks of tests are doctest's.
#include <doctest/doctest.h>

#include <string>

#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

using cluster::WireKind;
using paxos::EntryKind;

TEST_CASE("slots that came with a snapshot are not served from the log") {
  EngineBench bench(3, 1);
  FollowTwo(bench, {CommandItem({"SET", "k", "v"}), CommandItem({"SET", "k", "w"})});
  const auto ask = [&] {
    bench.From(2, paxos::CatchUpRequest{1, 1});
    for (int i = 0; i < 5; ++i) bench.Tick();
    return bench.TakeSent(2, WireKind::kSnapshotOffer).size();
  };
  CHECK(ask() == 0u);
  bench.node().parts().snapshots.Want();
  FollowTwo(bench, {CommandItem({"SET", "k", "x"})});
  for (int i = 0; i < 100 && bench.node().parts().snapshots.running(); ++i) bench.Tick();
  CHECK(ask() == 0u);  // all of its own log: what it applied itself
  bench.Restart(2);
  bench.Follow(kTwo);
  CHECK(ask() == 1u);
}

TEST_CASE(
    "a snapshot whose pieces are not answered is offered again, and goes on where it is told") {
  EngineBench bench(3, 1);
  FollowTwo(bench, {CommandItem({"SET", "k", "v"}), CommandItem({"SET", "k", "w"})});
  bench.node().parts().snapshots.Want();
  FollowTwo(bench, {CommandItem({"SET", "k", "x"})});
  for (int i = 0; i < 100 && bench.node().parts().snapshots.running(); ++i) bench.Tick();
  bench.Restart(2);
  bench.Follow(kTwo);
  bench.From(2, paxos::CatchUpRequest{1, 1});
  for (int i = 0; i < 5; ++i) bench.Tick();
  const auto offers = bench.TakeSent(2, WireKind::kSnapshotOffer);
  REQUIRE(offers.size() == 1u);
  cluster::SnapshotName name;
  REQUIRE(cluster::ReadSnapshotOffer(offers[0], &name));
  const auto answer = [&] {
    bench.FromWire(2, cluster::WireSnapshotAck(name, 0));
    bench.Turn();
    return bench.TakeSent(2, WireKind::kSnapshotChunk).size();
  };
  CHECK(answer() == 1u);
  CHECK(answer() == 0u);  // it is on its way
  for (int i = 0; i < 60; ++i) bench.Tick();
  CHECK(bench.TakeSent(2, WireKind::kSnapshotOffer).size() == 1u);
  CHECK(answer() == 1u);
  // It has some, and then nothing any more: it has started anew.
  bench.FromWire(2, cluster::WireSnapshotAck(name, 5));
  bench.Turn();
  bench.TakeAllSent(2);
  CHECK(answer() == 1u);
}

TEST_CASE("a snapshot that could not be written is none") {
  EngineBench bench(3, 1);
  FollowTwo(bench, {CommandItem({"SET", "k", "v"})});
  bench.fs.SetCapacity(1);
  bench.node().parts().snapshots.Want();
  FollowTwo(bench, {CommandItem({"SET", "k", "w"})});
  for (int i = 0; i < 50; ++i) bench.Tick();
  CHECK(bench.fatal == "");
  CHECK(bench.node().parts().snapshots.slot() == 0u);
}

TEST_CASE("the log stays for a peer that loads a snapshot, but not for ever") {
  EngineBench bench(3, 1);
  const auto snapshot = [&](int i) {
    FollowTwo(bench, {CommandItem({"SET", "k", std::to_string(i)})});
    bench.node().parts().snapshots.Want();
    FollowTwo(bench, {CommandItem({"SET", "k", "x"})});
    for (int j = 0; j < 100 && bench.node().parts().snapshots.running(); ++j) bench.Tick();
  };
  for (int i = 1; i <= 3; ++i) snapshot(i);
  bench.Restart(2);  // nothing of before is in memory
  bench.Follow(kTwo);
  bench.From(3, paxos::CatchUpRequest{1, 1});
  for (int i = 0; i < 5; ++i) bench.Tick();
  const auto offers = bench.TakeSent(3, WireKind::kSnapshotOffer);
  REQUIRE(offers.size() == 1u);
  cluster::SnapshotName name;
  REQUIRE(cluster::ReadSnapshotOffer(offers[0], &name));
  for (int i = 4; i < 8; ++i) snapshot(i);
  CHECK(bench.node().log().floor() <= name.slot);
  const auto pass = [&](int seconds) {
    for (int i = 0; i < seconds * 10; ++i) {
      bench.Tick(100);
      bench.Follow(kTwo);
    }
  };
  SUBCASE("while the peer asks for pieces: half a minute without a sign is enough") {
    bench.FromWire(3, cluster::WireSnapshotAck(name, 0));
    snapshot(8);
    CHECK(bench.node().log().floor() <= name.slot);
    pass(31);
  }
  SUBCASE("while the peer, which has all of it, loads it: ten minutes") {
    bench.FromWire(3, cluster::WireSnapshotAck(name, name.bytes));
    pass(590);
    snapshot(8);
    CHECK(bench.node().log().floor() <= name.slot);
    pass(20);
  }
  snapshot(9);
  CHECK(bench.node().log().floor() > name.slot);
}

TEST_CASE("a snapshot that rotted is not offered for ever: another one is written") {
  for (const int snapshots : {1, 2}) {
    EngineBench bench(3, 1);
    for (int i = 0; i < snapshots; ++i) {
      FollowTwo(bench, {CommandItem({"SET", "k", std::to_string(i)})});
      bench.node().parts().snapshots.Want();
      FollowTwo(bench, {CommandItem({"SET", "k", "x"})});
      for (int j = 0; j < 100 && bench.node().parts().snapshots.running(); ++j) bench.Tick();
    }
    bench.Restart(2);
    bench.Follow(kTwo);
    const auto offered = [&] {
      cluster::SnapshotName name;
      bench.From(2, paxos::CatchUpRequest{1, 1});
      for (int i = 0; i < 5; ++i) bench.Tick();
      const auto offers = bench.TakeSent(2, WireKind::kSnapshotOffer);
      if (!offers.empty()) REQUIRE(cluster::ReadSnapshotOffer(offers[0], &name));
      return name;
    };
    const cluster::SnapshotName rotten = offered();
    REQUIRE(rotten.slot > 0);
    std::string path;
    for (const std::string& file : bench.fs.Files())
      if (file.ends_with("0" + std::to_string(rotten.slot) + ".rdb")) path = file;
    REQUIRE_FALSE(path.empty());
    bench.fs.FlipBit(path, rotten.bytes / 2, 1);
    // The peer gets all of it, can't use it, and wants it from its beginning.
    for (int i = 0; i < 2; ++i) {
      bench.FromWire(2, cluster::WireSnapshotAck(rotten, 0));
      bench.Turn();
    }
    for (int i = 0; i < 20; ++i) bench.Tick();
    bench.TakeSent(2, WireKind::kSnapshotOffer);
    CHECK(bench.fs.Exists(path) == (snapshots == 1));
    const cluster::SnapshotName next = offered();
    CHECK(next.slot > rotten.slot);
  }
}

TEST_CASE("a snapshot is taken when there is as much log behind the last one, and not before") {
  EngineBench bench(1);
  bench.node_config.snapshot_log_bytes_min = 100'000;
  bench.Restart(2);
  bench.Lead();
  auto& client = bench.Connect();
  const std::string value(1000, 'v');
  std::set<paxos::Slot> snapshots;
  const auto turns = [&](int n) {
    for (; n > 0; --n) {
      bench.Tick();
      snapshots.insert(bench.node().parts().snapshots.slot());
    }
  };
  for (int i = 0; i < 1000; ++i) {
    bench.Say(client, "SET k " + value);
    turns(2);
  }
  turns(500);
  CHECK(bench.node().log().log_bytes() > 100'000);  // from the last but one on
  CHECK(snapshots.size() >= 10);                    // with the one at 0; some 1.3 MB were logged
  CHECK(snapshots.size() <= 15);
}

}  // namespace
}  // namespace clustron::server
