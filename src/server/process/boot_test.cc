// What a start makes of what it finds on disk.
#include "server/process/boot.h"

#include <doctest/doctest.h>
#include <poll.h>

#include "base/breather.h"
#include "server/process/breathing_fs.h"
#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

using paxos::EntryKind;

TEST_CASE("with peers time goes on from the node's own note if nothing else can have counted it") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "k", "v"})});
  for (int i = 0; i < 15; ++i) {  // the note is written, and is on disk
    bench.Tick(100);
    bench.Follow(kTwo);
  }
  bench.clock.ns += 3'600'000'000'000;
  bool noted = true;
  bool appended = false;
  SUBCASE("nothing: it was this node's time that passed") {}
  SUBCASE("the machine was restarted: a wall clock is no proof, and there are others") {
    noted = false;
    bench.clock.machine_boot = 2;
    bench.clock.wall_ms += 3'600'000;
  }
  SUBCASE("an entry, whose leader has not counted the hour") {
    noted = false;
    appended = true;
    bench.Choose(kTwo, EntryKind::kBatch, EntryOf(1100, 1'700'000'000'100, {}));
    paxos::Accept next;  // takes the word that the one before is chosen to the disk
    next.entry = {4, kTwo, {EntryKind::kNoop, kTwo, nullptr}};
    bench.From(2, next);
    bench.Turn();
  }
  bench.Restart(2);
  REQUIRE(bench.executor().elapsed_ms() == (appended ? 1100 : 1000));
  bench.Lead();
  auto& client = bench.Connect();
  bench.Say(client, "SET k w");
  bench.Turn();
  bench.AnswerAll();
  REQUIRE(client.Take() == "+OK\r\n");
  CHECK((bench.executor().elapsed_ms() > 3'600'000) == noted);
}

TEST_CASE("a replay breathes, so that whoever waits for the start hears how far it is") {
  EngineBench bench(1);
  bench.Turn();
  auto& client = bench.Connect();
  for (int i = 0; i < 100; ++i) {
    bench.Say(client, "SET k v");
    bench.Tick();
  }
  REQUIRE(client.Take().size() == 100 * std::string_view("+OK\r\n").size());
  poll(nullptr, 0, 20);  // breaths are 10 ms apart
  cluster::Slot seen = 0;
  SetBreather([&] { seen = bench.executor().applied_slot(); });
  const auto report = bench.TryRestart(2);
  SetBreather({});
  REQUIRE(report.has_value());
  CHECK(report->replayed >= 100);
  CHECK(seen > 0);
}

TEST_CASE("while the server starts, opening a file breathes, and later it does not") {
  const std::string path = "/dev/null";
  BreathingFs fs;
  int breaths = 0;
  SetBreather([&] { ++breaths; });
  CHECK(fs.Open(path, persist::OpenMode::kRead).has_value());
  CHECK(breaths == 0);
  fs.SetBreathing(true);
  poll(nullptr, 0, 20);  // breaths are 10 ms apart
  CHECK(fs.Open(path, persist::OpenMode::kRead).has_value());
  CHECK(breaths == 1);
  fs.SetBreathing(false);
  poll(nullptr, 0, 20);
  CHECK(fs.Open(path, persist::OpenMode::kRead).has_value());
  CHECK(breaths == 1);
  SetBreather({});
}

// Whether node 3 may lead for all that this node has promised to node 2. Nothing is promised by it.
bool LetsOthersLead(EngineBench& bench) {
  bench.TakeAllSent(3);
  bench.From(3, paxos::Prepare{{90, 3}, 1, {}});
  bench.Turn();
  for (const std::string& body : bench.TakeSent(3, cluster::WireKind::kPaxos)) {
    const auto message = paxos::Decode(body);
    REQUIRE(message.has_value());
    if (std::holds_alternative<paxos::Promise>(*message)) return true;
  }
  return false;
}

TEST_CASE("a lease that an earlier life granted under a longer setting is kept") {
  EngineBench bench(3);
  bench.node_config.paxos.lease_ns = 5'000'000'000;
  bench.Restart(2);
  bench.Follow(kTwo);
  bench.node_config.paxos.lease_ns = 450'000'000;
  bench.Restart(3);
  for (int i = 0; i < 30; ++i) bench.Tick();
  bench.Restart(4);  // what has passed before it does not count
  for (int i = 0; i < 480; ++i) bench.Tick();
  CHECK_FALSE(LetsOthersLead(bench));
  for (int i = 0; i < 30; ++i) bench.Tick();
  SUBCASE("for its time") { CHECK(LetsOthersLead(bench)); }
  SUBCASE("and once that is over, the setting holds") {
    bench.Restart(5);
    for (int i = 0; i < 40; ++i) bench.Tick();
    CHECK_FALSE(LetsOthersLead(bench));
    for (int i = 0; i < 10; ++i) bench.Tick();
    CHECK(LetsOthersLead(bench));
  }
}

void DamageSnapshots(EngineBench& bench) {
  for (const std::string& path : bench.fs.Files())
    if (path.ends_with(".rdb")) bench.fs.FlipBit(path, bench.fs.Content(path).size() / 2, 3);
}

TEST_CASE("damage in slots that a snapshot holds keeps nothing behind it from being replayed") {
  EngineBench bench(1);
  bench.Lead();
  auto& client = bench.Connect();
  bench.Say(client, "SET first value-that-rots");
  bench.Turn();
  for (int i = 0; i < 20; ++i) bench.Say(client, "INCR n");
  bench.Turn();
  bench.node().parts().snapshots.Want();
  for (int i = 0; i < 50; ++i) bench.Tick(100);
  const paxos::Slot saved = bench.executor().applied_slot();
  for (int i = 0; i < 3; ++i) {
    bench.Say(client, "SET behind " + std::to_string(i));
    bench.Turn();
  }
  for (int i = 0; i < 20; ++i) bench.Tick(100);  // that it is chosen gets to the disk
  const paxos::Slot last = bench.executor().applied_slot();
  REQUIRE(last >= saved + 3);
  const std::string segment = "/data/wal/0000000000000001.log";
  const size_t at = bench.fs.Content(segment).find("value-that-rots");
  REQUIRE(at != std::string::npos);
  bench.fs.FlipBit(segment, at, 1);
  const auto report = bench.TryRestart(2);
  REQUIRE(report.has_value());
  CHECK(report->notes.size() == 1);  // the damage
  CHECK(report->snapshot_slot == saved);
  CHECK(report->replayed == last - saved);
  CHECK(bench.executor().applied_slot() == last);
}

TEST_CASE("a start that is asked to stop reads no further, and the next one finds all") {
  EngineBench bench(1);
  bench.Turn();
  auto& client = bench.Connect();
  for (int i = 0; i < 20; ++i) {
    bench.Say(client, "SET k" + std::to_string(i) + " v");
    bench.Turn();
  }
  for (int i = 0; i < 20; ++i) bench.Tick(100);  // what is chosen is noted on disk
  SUBCASE("in the log") {}
  SUBCASE("in a snapshot") {
    bench.node().parts().snapshots.Want();
    for (int i = 0; i < 50; ++i) bench.Tick(100);
  }
  int asked = 0;
  bench.stop = [&] { return ++asked > 0; };
  const auto report = bench.TryRestart(2);
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().code == Errc::kUnavailable);
  CHECK(asked == 1);
  bench.stop = nullptr;
  bench.Restart(3);
  for (int i = 0; i < 10; ++i) bench.Tick();
  CHECK(bench.executor().store().Size(0) == 20);
}

TEST_CASE("a node alone leads on however long its disk takes nothing") {
  EngineBench bench(1);
  bench.Turn();
  auto& client = bench.Connect();
  bench.Say(client, "SET k v");
  for (int i = 0; i < 20; ++i) bench.Tick(100);
  REQUIRE(bench.node().leading());
  bench.fs.SetCapacity(bench.fs.used_bytes());
  for (int i = 0; i < 100 && !bench.node().log().waits_for_room(); ++i) {
    bench.Say(client, "SET k " + std::string(10'000, 'v'));
    bench.Tick();
  }
  REQUIRE(bench.node().log().waits_for_room());
  for (int i = 0; i < 200; ++i) bench.Tick(100);
  CHECK(bench.node().leading());
}

TEST_CASE("a log that begins with slot 1 needs no snapshot") {
  EngineBench bench(1);
  bench.Turn();
  auto& client = bench.Connect();
  const auto write_and_save = [&](int value) {
    for (int i = 0; i < 20; ++i) bench.Say(client, "SET k" + std::to_string(value) + " v");
    bench.Turn();
    bench.node().parts().snapshots.Want();
    for (int i = 0; i < 50; ++i) bench.Tick(100);
  };
  write_and_save(1);
  SUBCASE("the only snapshot is damaged") {
    bench.Say(client, "SET behind it");
    bench.Turn();
    DamageSnapshots(bench);
    for (uint64_t seed = 2; seed < 4; ++seed) {
      const auto report = bench.TryRestart(seed);
      REQUIRE(report.has_value());
      CHECK(report->snapshot_slot == 0);
      for (int i = 0; i < 10; ++i) bench.Tick();
      CHECK(bench.executor().store().Size(0) == 2);
      // What is out of the way is no snapshot to fall back on.
      CHECK(report->notes.empty() == (seed == 3));
    }
  }
  SUBCASE("there have been more, so the log was cut: it can't do without") {
    for (int i = 2; i < 5; ++i) write_and_save(i);
    DamageSnapshots(bench);
    for (uint64_t seed = 2; seed < 4; ++seed) {
      const auto report = bench.TryRestart(seed);
      REQUIRE_FALSE(report.has_value());
      CHECK(report.error().code == Errc::kCorruption);
      CHECK(report.error().detail.find("no snapshot in /data/snapshots is sound") == 0);
    }
  }
}

}  // namespace
}  // namespace clustron::server
