// The log store on disks that fill up, and get room again.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/memory.h"
#include "tests/sim/log_node.h"

namespace clustron::cluster {
namespace {

using paxos::Slot;
using sim::Accept;
using sim::Crash;
using sim::PayloadOf;
using sim::Promise;
using sim::SimFs;
using Node = sim::LogNode;

}  // namespace

TEST_CASE("log store: a mark that waited for room does not bring back an older floor") {
  SimFs fs;
  LogStoreOptions options = sim::LogScript::Options(Durability::kAlways);
  options.spare_bytes = 0;
  {
    Node node(&fs, options);
    node.AppendSlots(1, 20, 100);
    node.Settle();
    fs.SetCapacity(fs.used_bytes() + 100);
    node.Append(Promise(++node.seq, 9));
    node.AppendSlots(21, 21, 300'000);
    node.store->Flush();
    node.runner.RunAll();
    REQUIRE(node.durable == 20);
    // A snapshot of a peer is loaded meanwhile.
    node.store->CompactTo(15, true);
    CHECK_FALSE(node.store->FloorDurable());
    node.runner.RunAll();
    CHECK(node.store->FloorDurable());
    fs.SetCapacity(0);
    node.store->Tick(node.now_ns += sim::kLogSecondNs);
    while (node.durable == 20) REQUIRE(node.runner.Step());
    node.runner.Drop();
  }
  Crash(&fs);
  Node node(&fs, options);
  CHECK(node.recovered.floor == 15);
}

TEST_CASE("log store: what is called chosen waits for the floor of the snapshot that holds it") {
  for (const Durability durability : {Durability::kAlways, Durability::kEverySec}) {
    for (const bool dies_at_once : {true, false}) {
      SimFs fs;
      {
        Node node(&fs, durability);
        node.AppendSlots(1, 10, 100);  // votes for what was never chosen
        node.Settle();
        node.store->CompactTo(8, true);
        node.Append(sim::Chosen(++node.seq, 9));
        node.store->Flush();
        if (dies_at_once) {
          node.runner.Drop();
        } else {
          while (!node.store->FloorDurable()) REQUIRE(node.runner.Step());
          node.store->Flush();
          node.Settle();
        }
      }
      Node node(&fs, durability);
      CHECK(node.recovered.floor == (dies_at_once ? 0 : 8));
      CHECK(node.recovered.chosen == (dies_at_once ? 0 : 9));
    }
  }
}

TEST_CASE("log store: a full disk: the spare gives room, then records wait, then all goes on") {
  for (const Durability durability : {Durability::kAlways, Durability::kEverySec}) {
    SimFs fs;
    LogStoreOptions options = sim::LogScript::Options(durability);
    options.spare_bytes = 200'000;
    options.low_water_bytes = 50'000;
    Node node(&fs, options);
    node.AppendSlots(1, 10, 100);
    node.Settle();
    CHECK(!node.store->disk_low());
    // Other data fills the disk.
    fs.SetCapacity(fs.used_bytes() + 1000);
    node.Tick();
    CHECK(node.lows == 1);
    CHECK(node.store->disk_low());
    CHECK(fs.Exists("/data/wal/spare"));
    Slot slot = 10;
    while (fs.Exists("/data/wal/spare")) {
      ++slot;
      node.AppendSlots(slot, slot, 1000);
      node.store->Flush();
      node.runner.RunAll();
      REQUIRE(slot < 100);
    }
    CHECK(node.durable == slot);
    uint64_t before = 0;
    do {
      before = node.durable;
      ++slot;
      node.AppendSlots(slot, slot, 30'000);
      node.store->Flush();
      node.runner.RunAll();
      REQUIRE(slot < 200);
    } while (node.durable > before);
    CHECK(node.durable == slot - 1);
    CHECK(node.fatals == 0);
    CHECK(PayloadOf(*node.store, slot) == std::string(30'000, 'p'));
    node.AppendSlots(slot + 1, slot + 1, 10);
    node.Tick();
    CHECK(node.durable == slot - 1);
    // A crash now loses nothing that was acknowledged.
    auto disk = fs.Clone();
    disk->SetCapacity(0);
    Crash(disk.get());
    CHECK(Node(disk.get(), options).recovered.last_slot >=
          (durability == Durability::kAlways ? slot - 1 : 10));
    fs.SetCapacity(0);
    node.Tick();
    node.store->Flush();
    node.runner.RunAll();
    CHECK(node.durable == slot + 1);
    node.Tick();
    CHECK(!node.store->disk_low());
    CHECK(node.highs == 1);
    CHECK(fs.Exists("/data/wal/spare"));
    node.Settle();
    Crash(&fs);
    CHECK(Node(&fs, options).recovered.last_slot == slot + 1);
  }
}

TEST_CASE("log store: a mark that finds no room waits for it, and what hangs on it waits too") {
  for (const Durability durability : {Durability::kAlways, Durability::kEverySec}) {
    for (const uint64_t spare_bytes : {0, 200'000}) {
      CAPTURE(static_cast<int>(durability));
      CAPTURE(spare_bytes);
      SimFs fs;
      LogStoreOptions options = sim::LogScript::Options(durability);
      options.spare_bytes = spare_bytes;
      Node node(&fs, options);
      node.AppendSlots(1, 1, 10);
      node.store->Flush();
      node.runner.RunAll();
      // The segment has room, but the next mark is longer than any before.
      fs.SetCapacity(fs.used_bytes());
      node.store->AppendMark({.boot = 1, .members = std::string(500, 'm')});
      node.Append(Promise(++node.seq, 5));
      node.Tick();
      CHECK(node.fatals == 0);
      CHECK(node.store->disk_low());
      CHECK(node.durable == (spare_bytes == 0 ? 1 : 2));
      node.AppendSlots(2, 2, 10);
      node.Tick();
      CHECK(node.fatals == 0);
      // It may be closed while it waits, and it may die.
      CHECK_FALSE(node.store->busy());
      const auto disk = fs.Clone();
      disk->SetCapacity(0);
      Crash(disk.get());
      CHECK(Node(disk.get(), options).recovered.last_slot >= 1);
      fs.SetCapacity(0);
      node.Tick();
      node.Tick();
      CHECK(node.durable == 3);
      CHECK_FALSE(node.store->disk_low());
      Crash(&fs);
      const Node again(&fs, options);
      CHECK(again.recovered.promised.round == 5);
      CHECK(again.recovered.last_slot == 2);
    }
  }
}

TEST_CASE("log store: the mark of every second finds a full disk") {
  SimFs fs;
  LogStoreOptions options = sim::LogScript::Options(Durability::kAlways);
  options.spare_bytes = 0;
  Node node(&fs, options);
  node.AppendSlots(1, 1, 10);
  node.Tick();
  node.AppendSlots(2, 2, 10);
  node.store->Flush();
  node.runner.RunAll();
  fs.SetCapacity(fs.used_bytes());
  node.store->AppendMark({.boot = 1, .members = std::string(500, 'm')});
  node.AppendSlots(3, 3, 10);
  node.store->Flush();
  node.runner.RunAll();
  CHECK(node.durable == 3);
  node.Tick();
  CHECK(node.fatals == 0);
  CHECK(node.durable == 3);
  CHECK(node.store->disk_low());
  fs.SetCapacity(0);
  node.Tick();
  CHECK_FALSE(node.store->disk_low());
  CHECK(node.store->Close().has_value());
}

TEST_CASE("log store: numbers that were reserved while the disk was full count when it has room") {
  SimFs fs;
  LogStoreOptions options = sim::LogScript::Options(Durability::kEverySec);
  options.spare_bytes = 0;
  {
    Node node(&fs, options);
    node.AppendSlots(1, 1, 10);
    node.Tick();
    fs.SetCapacity(fs.used_bytes());
    std::vector<int> done;
    node.store->PersistReserve(1000, [&] { done.push_back(1000); });
    node.runner.RunAll();
    CHECK(done.empty());
    node.Tick();
    fs.SetCapacity(0);
    // A higher one overtakes the one that waits.
    node.store->PersistReserve(2000, [&] { done.push_back(2000); });
    node.Tick();
    CHECK(done == std::vector<int>{2000, 1000});
    CHECK(node.fatals == 0);
  }
  Crash(&fs);
  CHECK(Node(&fs, options).recovered.reserved == 2000);
}

TEST_CASE("log store: a promise that has waited for room is not given before its own fsync") {
  SimFs fs;
  LogStoreOptions options = sim::LogScript::Options(Durability::kEverySec);
  options.spare_bytes = 0;
  Node node(&fs, options);
  node.AppendSlots(1, 1, 10);
  node.store->Flush();
  fs.SetCapacity(fs.used_bytes());
  node.AppendSlots(2, 2, 30'000);
  node.Append(Promise(++node.seq, 5));
  node.store->Flush();
  REQUIRE(node.store->waits_for_room());
  node.Tick();  // slot 1 is fsynced
  CHECK(node.durable == 1);
  fs.SetCapacity(0);
  node.store->Tick(node.now_ns);
  CHECK(node.durable == 2);
  const auto disk = fs.Clone();
  Crash(disk.get());
  CHECK(Node(disk.get(), options).recovered.promised.round == 1);
  node.runner.RunAll();
  CHECK(node.durable == 3);
  Crash(&fs);
  CHECK(Node(&fs, options).recovered.promised.round == 5);
}

TEST_CASE("log store: room that is refused counts as none, whatever the disk says of itself") {
  for (const Durability durability : {Durability::kAlways, Durability::kEverySec}) {
    CAPTURE(static_cast<int>(durability));
    SimFs fs;
    LogStoreOptions options = sim::LogScript::Options(durability);
    options.spare_bytes = 200'000;
    options.low_water_bytes = 50'000;
    Node node(&fs, options);
    node.AppendSlots(1, 10, 100);
    node.Settle();
    fs.SetQuota(fs.used_bytes() + 1000);
    node.Tick();
    CHECK(!node.store->disk_low());  // nobody can know
    Slot slot = 10;
    while (fs.Exists("/data/wal/spare")) {
      ++slot;
      node.AppendSlots(slot, slot, 1000);
      node.store->Flush();
      node.runner.RunAll();
      REQUIRE(slot < 100);
    }
    CHECK(node.durable == slot);
    CHECK(node.store->disk_low());
    CHECK(node.store->RoomText().find("Disk quota exceeded), though") != std::string::npos);
    CHECK(node.store->HasRoomFor(300'000) == (durability == Durability::kAlways));
    fs.SetQuota(fs.used_bytes() + 1000);
    node.Tick();
    CHECK(node.store->disk_low());
    CHECK(node.lows == 1);
    fs.SetQuota(0);
    node.Tick();
    CHECK(!node.store->disk_low());
    CHECK(node.store->HasRoomFor(300'000));
    CHECK(fs.Exists("/data/wal/spare"));
    CHECK(node.fatals == 0);
  }
}

TEST_CASE("log store: a disk without inodes is low, and the log waits for no new file") {
  SimFs fs;
  LogStoreOptions options = sim::LogScript::Options(Durability::kEverySec);
  options.low_water_bytes = 50'000;
  SUBCASE("with a reserve, which makes room for one file") { options.spare_bytes = 400'000; }
  SUBCASE("without") { options.spare_bytes = 0; }
  Node node(&fs, options);
  node.AppendSlots(1, 10, 100);
  node.Settle();
  CHECK(!node.store->disk_low());
  fs.SetFilesMax(fs.Files().size());
  node.Tick();
  CHECK(node.store->disk_low());
  CHECK(node.store->RoomText() == "only 0 more files (inodes) can be made");
  Slot slot = 10;
  while (node.store->HasRoomFor(1000)) {
    ++slot;
    node.AppendSlots(slot, slot, 1000);
    node.store->Flush();
    node.Tick();
    REQUIRE(slot < 10'000);
    CHECK(!node.store->waits_for_room());
    CHECK(node.durable == slot);
    CHECK(node.store->disk_low());
  }
  CHECK(!fs.Exists("/data/wal/spare"));
  CHECK(node.lows == 1);
  fs.SetFilesMax(0);
  node.Tick();
  CHECK(!node.store->disk_low());
  CHECK(node.store->HasRoomFor(1000));
  CHECK(node.fatals == 0);
}

TEST_CASE("log store: a shutdown writes what has waited for room on the disk") {
  for (const Durability durability : {Durability::kAlways, Durability::kEverySec}) {
    SimFs fs;
    const LogStoreOptions options = sim::LogScript::Options(durability);
    Node node(&fs, options);
    node.AppendSlots(1, 10, 100);
    node.Settle();
    fs.SetCapacity(fs.used_bytes());
    Slot slot = 10;
    uint64_t before = 0;
    do {
      before = node.durable;
      ++slot;
      node.AppendSlots(slot, slot, 30'000);
      node.store->Flush();
      node.runner.RunAll();
      REQUIRE(slot < 200);
    } while (node.durable > before);
    node.AppendSlots(slot + 1, slot + 1, 10);
    fs.SetCapacity(0);
    CHECK(node.store->Close().has_value());
    Crash(&fs);
    const Node again(&fs, options);
    CHECK(again.recovered.last_slot == slot + 1);
    CHECK(again.recovered.unknown.empty());
  }
}

TEST_CASE("log store: the spare is dropped and disk low stays until there is room with a margin") {
  SimFs fs;
  LogStoreOptions options = sim::LogScript::Options(Durability::kAlways);
  options.spare_bytes = 0;
  options.low_water_bytes = 10'000;
  Node node(&fs, options);
  fs.SetCapacity(fs.used_bytes() + 9'000);
  node.Tick();
  CHECK(node.store->disk_low());
  fs.SetCapacity(fs.used_bytes() + 11'000);
  node.Tick();
  CHECK(node.store->disk_low());
  fs.SetCapacity(fs.used_bytes() + 12'500);
  node.Tick();
  CHECK(!node.store->disk_low());
  fs.SetCapacity(fs.used_bytes() + 11'000);
  node.Tick();
  CHECK(!node.store->disk_low());
}

TEST_CASE("log store: opens on a full disk, the unfinished end dropped in place") {
  SimFs fs;
  LogStoreOptions options = sim::LogScript::Options(Durability::kEverySec);
  options.spare_bytes = 0;
  {
    Node node(&fs, options);
    node.AppendSlots(1, 3, 100);
    node.Settle();
    node.AppendSlots(4, 6, 700);
    node.store->Flush();
  }
  // Slot 6's end did not make it.
  const std::string path = "/data/wal/0000000000000001.log";
  const uint64_t last = fs.Content(path).find_last_not_of('\0') + 1;
  fs.Overwrite(path, last - 600, std::string(600, '\0'));
  fs.Kill();
  fs.SetCapacity(fs.used_bytes() + 10);
  for (int round = 0; round < 2; ++round) {
    const Node node(&fs, options);
    REQUIRE(node.store != nullptr);
    CHECK(node.recovered.last_slot == 5);
    CHECK(node.recovered.unknown.empty());
    CHECK((node.recovered.torn_bytes > 0) == (round == 0));
    CHECK(node.store->disk_low());
    Crash(&fs);  // what was rewritten is on disk
    fs.SetCapacity(fs.used_bytes() + 10);
  }
}

TEST_CASE("log store: opens on a full disk with a segment whose name is not on disk yet") {
  SimFs fs;
  LogStoreOptions options = sim::LogScript::Options(Durability::kEverySec);
  options.spare_bytes = 0;
  {
    Node node(&fs, options);
    node.AppendSlots(1, 3, 100);
    node.store->Flush();
  }
  fs.Kill();
  fs.SetCapacity(fs.used_bytes() + 10);
  CHECK(Node(&fs, options).recovered.last_slot == 3);
  Crash(&fs);
  const Node node(&fs, options);
  CAPTURE(node.error.detail);
  REQUIRE(node.store != nullptr);
  CHECK(node.recovered.last_slot == 3);
}

}  // namespace clustron::cluster
