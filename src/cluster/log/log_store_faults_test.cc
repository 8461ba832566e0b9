// The log store on disks that damage and fail.
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

TEST_CASE("log store: a flipped bit in the middle makes exactly its slot unknown") {
  SimFs fs;
  {
    Node node(&fs, Durability::kAlways);
    for (Slot slot = 1; slot <= 6; ++slot) {
      node.Append(Accept(++node.seq, slot, std::string(40, 'v')));
      node.Settle();
    }
  }
  const std::string segment = "/data/wal/0000000000000001.log";
  const uint64_t first = fs.Content(segment).find(std::string(40, 'v'));
  const uint64_t stride = 128 + 40 + 8;
  for (Slot slot = 1; slot <= 5; ++slot) {
    // In the header, in the payload.
    for (const uint64_t at : {first - 100, first + 3}) {
      auto disk = fs.Clone();
      Crash(disk.get());
      disk->FlipBit(segment, at + (slot - 1) * stride, 1);
      CAPTURE(slot);
      Node node(disk.get(), Durability::kAlways);
      CHECK(node.recovered.unknown == std::vector<Slot>{slot});
      CHECK(node.recovered.report.size() == 1);
      CHECK(node.recovered.last_slot == 6);
      CHECK(!node.store->Has(slot));
      // The next start still knows, until the slot is repaired.
      node.Settle();
      Crash(disk.get());
      Node again(disk.get(), Durability::kAlways);
      CHECK(again.recovered.unknown == std::vector<Slot>{slot});
      again.Append(Accept(1, slot, "repaired", 2));
      again.Settle();
      Crash(disk.get());
      Node repaired(disk.get(), Durability::kAlways);
      CHECK(repaired.recovered.unknown.empty());
      CHECK(PayloadOf(*repaired.store, slot) == "repaired");
    }
  }
}

TEST_CASE("log store: what a cut takes back stays gone, and what a lost cut took back is unknown") {
  SimFs fs;
  {
    Node node(&fs, Durability::kAlways);
    for (Slot slot = 1; slot <= 9; ++slot) {
      node.Append(Accept(++node.seq, slot, std::string(40, 'v')));
      node.Settle();
    }
    node.Append(sim::Chosen(++node.seq, 8));
    node.Settle();
  }
  const std::string segment = "/data/wal/0000000000000001.log";
  Crash(&fs);
  fs.FlipBit(segment, fs.Content(segment).find(std::string(40, 'v')) + 4 * (128 + 40 + 8), 1);
  uint64_t cut_at = 0;
  {
    Node node(&fs, Durability::kAlways);
    REQUIRE(node.recovered.unknown == std::vector<Slot>{5});
    REQUIRE(node.recovered.damage.size() == 1);
    CHECK(node.recovered.damage[0].low == 5);
    CHECK(node.recovered.damage[0].where.starts_with("0000000000000001.log at "));
    cut_at = fs.Content(segment).find_last_not_of('\0') + 1;
    REQUIRE(node.store->Cut(5, 1000, &node.recovered).has_value());
    CHECK(node.recovered.unknown.empty());
    CHECK(node.recovered.last_slot == 4);
    CHECK(node.recovered.chosen == 4);
    CHECK(node.recovered.reserved == 1000);
  }
  for (const Durability durability : {Durability::kAlways, Durability::kEverySec}) {
    auto disk = fs.Clone();
    Crash(disk.get());
    {
      Node node(disk.get(), durability);
      CHECK(node.recovered.unknown.empty());
      CHECK(node.recovered.last_slot == 4);
      CHECK(node.recovered.chosen == 4);
      CHECK(node.recovered.reserved == 1000);
      CHECK(!node.store->Has(6));
      node.Append(Accept(1, 5, "new", 2));
      node.Settle();
      CHECK(node.store->Close().has_value());
    }
    Crash(disk.get());
    {
      Node node(disk.get(), durability);
      CHECK(node.recovered.unknown.empty());
      CHECK(node.recovered.last_slot == 5);
      CHECK(PayloadOf(*node.store, 5) == "new");
    }
    // The cut itself rots.
    Crash(disk.get());
    disk->FlipBit(segment, cut_at + 30, 1);
    Node node(disk.get(), durability);
    CHECK(node.recovered.unknown == std::vector<Slot>{6, 7, 8, 9});
    CHECK(PayloadOf(*node.store, 5) == "new");
  }
  // … as the last record.
  Crash(&fs);
  fs.FlipBit(segment, cut_at + 30, 1);
  const Node node(&fs, Durability::kAlways);
  CHECK(node.recovered.unknown.size() >= 5);
  CHECK(node.recovered.unknown.front() == 5);
  for (Slot slot = 5; slot <= 9; ++slot) CHECK(!node.store->Has(slot));
}

TEST_CASE("log store: a damaged re-accept is unknown, not what the older record says") {
  SimFs fs;
  {
    Node node(&fs, Durability::kAlways);
    node.Append(Accept(1, 1, "old", 1));
    node.Settle();
    node.Append(Accept(2, 1, "newer than that", 2));
    node.Settle();
    node.Append(Accept(3, 2, "x", 2));
    node.Settle();
  }
  Crash(&fs);
  const std::string segment = "/data/wal/0000000000000001.log";
  fs.FlipBit(segment, fs.Content(segment).find("newer"), 0);
  const Node node(&fs, Durability::kAlways);
  CHECK(node.recovered.unknown == std::vector<Slot>{1});
  CHECK(node.recovered.promised.round == 2);
}

TEST_CASE("log store: a record read later is checked again") {
  SimFs fs;
  Node node(&fs, Durability::kAlways);
  node.Append(Accept(1, 1, "payload"));
  node.Settle();
  const std::string segment = "/data/wal/0000000000000001.log";
  fs.FlipBit(segment, fs.Content(segment).find("payload"), 0);
  CHECK(node.store->Read(1).error().code == Errc::kCorruption);
}

TEST_CASE("log store: a record of another log, or a copy inside a value, is no record") {
  SimFs fs;
  {
    Node node(&fs, Durability::kAlways);
    node.AppendSlots(1, 3, 20);
    node.Settle();
    const std::string whole = fs.Content("/data/wal/0000000000000001.log").substr(0, 2000);
    // A value that holds a whole log, then damage in front of it.
    node.Append(Accept(++node.seq, 4, whole));
    node.Settle();
    node.AppendSlots(5, 5, 20);
    node.Settle();
  }
  Crash(&fs);
  const std::string path = "/data/wal/0000000000000001.log";
  LogStoreOptions other = sim::LogScript::Options(Durability::kAlways);
  other.salt ^= 1;
  auto copy = fs.Clone();
  // Another node's files: nothing of them is taken, and it is not an empty log either.
  const Node stranger(copy.get(), other);
  CHECK(stranger.recovered.last_slot == 0);
  CHECK(stranger.recovered.unknown.size() >= 5);
  // The header of the record with the copy in it.
  const std::string content = fs.Content(path);
  const uint64_t inner = content.find("CLR1", content.rfind(std::string(20, 'p')) - 2300);
  REQUIRE(inner != std::string::npos);
  fs.FlipBit(path, inner + 9, 0);
  const Node node(&fs, Durability::kAlways);
  CHECK(node.recovered.last_slot == 5);
  CHECK(node.recovered.unknown.size() == 1);
}

TEST_CASE("log store: an older record in the place of a lost one is no record, and no torn end") {
  const std::string path = "/data/wal/0000000000000001.log";
  const auto write = [](SimFs* fs, const std::vector<std::string>& payloads) {
    Node node(fs, Durability::kAlways);
    for (const std::string& payload : payloads) {
      node.Append(Accept(node.seq + 1, node.seq + 1, payload));
      ++node.seq;
      node.Settle();
    }
    CHECK(node.durable == payloads.size());
  };
  // Two lives of a log: the second record of the one lies where the third one of the other does.
  SimFs earlier;
  write(&earlier, {std::string(600, 'a'), std::string(40, 'o')});
  SimFs fs;
  write(&fs, {std::string(232, 'b'), std::string(232, 'b'), std::string(40, 'n')});
  const uint64_t at = fs.Content(path).find(std::string(40, 'n')) - 128;
  REQUIRE(earlier.Content(path).find(std::string(40, 'o')) == at + 128);
  // The disk has lost the write, and shows what was there before.
  fs.Overwrite(path, at, earlier.Content(path).substr(at, 128 + 40 + 8));
  Crash(&fs);
  const Node node(&fs, Durability::kAlways);
  REQUIRE(node.store != nullptr);
  // Slot 3 was acknowledged: it is not taken for one that nothing was ever said of.
  const std::vector<Slot>& unknown = node.recovered.unknown;
  CHECK(std::find(unknown.begin(), unknown.end(), Slot{3}) != unknown.end());
  CHECK(node.recovered.torn_bytes == 0);
}

TEST_CASE("log store: damage that may reach far down makes no slots of a snapshot unknown") {
  SimFs fs;
  LogStoreOptions options = sim::LogScript::Options(Durability::kAlways);
  options.segment_bytes = 64 << 10;
  constexpr Slot kFloor = 3'000'000;
  const std::string path = "/data/wal/0000000000000001.log";
  {
    Node node(&fs, options);
    node.store->CompactTo(kFloor);
    node.AppendSlots(kFloor + 1, kFloor + 9, 40);
    node.Settle();
  }
  Crash(&fs);
  uint64_t cut_at = 0;
  {
    Node node(&fs, options);
    cut_at = fs.Content(path).find_last_not_of('\0') + 1;
    REQUIRE(node.store->Cut(kFloor + 5, 0, &node.recovered).has_value());
    for (uint64_t round = 2; round < 80; ++round) node.Append(Promise(++node.seq, round));
    node.Settle();
    node.Append(Accept(++node.seq, kFloor + 5, "new", 80));
    node.Settle();
  }
  Crash(&fs);
  // The cut is lost with more records than the one behind them tells of.
  fs.Overwrite(path, cut_at, std::string(fs.Content(path).rfind("CLR1") - cut_at, 'x'));
  const uint64_t before = AllocatedBytes();
  Node node(&fs, options);
  REQUIRE(node.store != nullptr);
  CHECK(AllocatedBytes() < before + (16 << 20));
  CHECK(node.recovered.unknown.size() == 8);
  CHECK(node.recovered.unknown.front() == kFloor + 1);
  CHECK(node.recovered.unknown.back() == kFloor + 9);
  CHECK(PayloadOf(*node.store, kFloor + 5) == "new");
}

TEST_CASE("log store: what a start has found is known to the next one, whatever it wrote itself") {
  for (const Durability durability : {Durability::kAlways, Durability::kEverySec}) {
    SimFs fs;
    {
      Node node(&fs, durability);
      node.AppendSlots(1, 2, 10);
      node.Settle();
      node.AppendSlots(3, 6, 10);
      node.store->Flush();
      node.runner.RunAll();
      CHECK(node.durable == 6);
    }
    fs.Kill();
    CHECK(Node(&fs, durability).recovered.last_slot == 6);  // and others may be told so
    fs.Kill();
    // Then the last record is gone, as if it had never been written.
    const std::string path = "/data/wal/0000000000000001.log";
    const uint64_t last = fs.Content(path).rfind("CLR1");
    fs.Overwrite(path, last, std::string(fs.Content(path).size() - last, '\0'));
    const Node node(&fs, durability);
    CHECK(node.store == nullptr);
    CHECK(node.error.code == Errc::kCorruption);
  }
}

TEST_CASE("log store: a log that is gone is not an empty one") {
  SimFs fs;
  {
    Node node(&fs, Durability::kAlways);
    node.AppendSlots(1, 40, 200);
    node.Settle();
    REQUIRE(node.store->Close());
  }
  Crash(&fs);
  // The segments, or the last of them.
  for (const bool all : {true, false}) {
    auto disk = fs.Clone();
    std::vector<std::string> segments;
    for (const std::string& file : disk->Files()) {
      if (file.ends_with(".log")) segments.push_back(file);
    }
    for (const std::string& file : segments) {
      if (all || file == segments.back()) REQUIRE(disk->Remove(file));
    }
    const Node node(disk.get(), Durability::kAlways);
    CHECK(node.store == nullptr);
    CHECK(node.error.code == Errc::kCorruption);
  }
  // The whole directory, where the identity says that there was one.
  SimFs empty;
  LogStoreOptions options = sim::LogScript::Options(Durability::kAlways);
  options.must_exist = true;
  const Node node(&empty, options);
  CHECK(node.store == nullptr);
  CHECK(node.error.code == Errc::kCorruption);
}

TEST_CASE("log store: a failed fsync is final and nothing after it is acknowledged") {
  for (const Durability durability : {Durability::kAlways, Durability::kEverySec}) {
    SimFs fs;
    Node node(&fs, durability);
    node.Append(Promise(1, 2));
    node.Settle();
    CHECK(node.durable == 1);
    node.Append(Promise(2, 3));
    fs.FailNextSync();
    node.store->Flush();
    node.runner.RunAll();
    CHECK(node.fatals == 1);
    CHECK(node.durable == 1);
    CHECK(node.store->failed());
    node.Append(Promise(3, 4));
    node.store->Flush();
    node.Tick();
    CHECK(node.durable == 1);
    CHECK(node.fatals == 1);
    CHECK(!node.store->Close());
    Crash(&fs);
    CHECK(Node(&fs, durability).recovered.promised.round == 2);
  }
}

TEST_CASE("log store: an I/O error of a write is final") {
  for (const Durability durability : {Durability::kAlways, Durability::kEverySec}) {
    SimFs fs;
    Node node(&fs, durability);
    node.AppendSlots(1, 1, 10);
    node.Settle();
    node.AppendSlots(2, 2, 10);
    fs.FailAt(1, Errc::kIo);
    node.store->Flush();
    node.runner.RunAll();
    CHECK(node.fatals == 1);
    CHECK(node.durable == 1);
  }
}

TEST_CASE("log store: reserved numbers survive one damaged copy, two are refused") {
  SimFs fs;
  {
    Node node(&fs, Durability::kEverySec);
    node.store->PersistReserve(10, [] {});
    node.store->PersistReserve(20, [] {});
    node.runner.RunAll();
  }
  Crash(&fs);
  for (const char* copy : {"/data/reserve.a", "/data/reserve.b"}) {
    auto disk = fs.Clone();
    disk->FlipBit(copy, 22, 0);
    CHECK(Node(disk.get(), Durability::kEverySec).recovered.reserved == 20);
  }
  fs.FlipBit("/data/reserve.a", 22, 0);
  fs.FlipBit("/data/reserve.b", 22, 0);
  CHECK(Node(&fs, Durability::kEverySec).error.code == Errc::kCorruption);
}

TEST_CASE("log store: a lease that was written to one of two copies is in both after a start") {
  SimFs fs;
  REQUIRE(Node(&fs, Durability::kAlways).store->RecordLease(450'000'000));
  {
    Node node(&fs, Durability::kAlways);
    fs.FailNextSync();
    CHECK(!node.store->RecordLease(5'000'000'000));
  }
  CHECK(Node(&fs, Durability::kAlways).recovered.lease_ns == 5'000'000'000);
  // It may have been granted meanwhile: whichever copy rots, the next start knows of it.
  for (const char* copy : {"/data/lease.a", "/data/lease.b"}) {
    const auto disk = fs.Clone();
    disk->FlipBit(copy, 20, 1);
    CHECK(Node(disk.get(), Durability::kAlways).recovered.lease_ns == 5'000'000'000);
  }
}

TEST_CASE(
    "log store: the longest lease survives one damaged copy; without any it may be of any length") {
  SimFs fs;
  {
    Node node(&fs, Durability::kAlways);
    CHECK(node.recovered.lease_ns == 0);
    REQUIRE(node.store->RecordLease(5'000'000'000).has_value());
  }
  Crash(&fs);
  CHECK(Node(&fs, Durability::kAlways).recovered.lease_ns == 5'000'000'000);
  fs.FlipBit("/data/lease.a", 20, 1);
  {
    Node node(&fs, Durability::kAlways);
    CHECK(node.recovered.lease_ns == 5'000'000'000);
    node.store->LowerLease(450'000'000);
    node.runner.RunAll();
  }
  Crash(&fs);
  CHECK(Node(&fs, Durability::kAlways).recovered.lease_ns == 450'000'000);
  for (const char* copy : {"/data/lease.a", "/data/lease.b"}) fs.FlipBit(copy, 20, 1);
  const Node node(&fs, Durability::kAlways);
  CHECK(node.recovered.lease_ns == kLeaseNsMax);
  CHECK(node.recovered.report.size() == 1);
}

TEST_CASE("log store: damage at the end with the mark damaged too is refused: a promise may hide") {
  SimFs fs;
  {
    Node node(&fs, Durability::kAlways);
    node.AppendSlots(1, 3, 100);
    node.Settle();
    node.Append(Promise(++node.seq, 50));
    node.Settle();
  }
  Crash(&fs);
  const std::string path = "/data/wal/0000000000000001.log";
  const std::string content = fs.Content(path);
  const uint64_t promise = content.rfind("CLR1");
  for (const char* copy : {"/data/wal.a", "/data/wal.b"}) {
    auto disk = fs.Clone();
    disk->FlipBit(path, promise + 50, 0);
    // With the mark whole, it says what was promised.
    auto half = disk->Clone();
    CHECK(Node(half.get(), Durability::kAlways).recovered.promised.round == 50);
    disk->FlipBit(copy, 30, 0);
    const Node node(disk.get(), Durability::kAlways);
    CHECK((node.store == nullptr || node.recovered.promised.round == 50));
  }
}

TEST_CASE("log store: segments that go meanwhile take no promise out of the mark") {
  SimFs fs;
  std::string path;
  {
    Node node(&fs, Durability::kAlways);
    node.AppendSlots(1, 30, 200);
    node.Settle();
    node.AppendSlots(31, 60, 200);
    node.Settle();
    node.store->CompactTo(59);  // as far as the mark knows that later segments are on disk
    node.runner.RunAll();
    // The mark moves on, so segments can go; behind it a promise is under way.
    const size_t before = fs.Files().size();
    node.store->Tick(node.now_ns);
    node.Append(Promise(++node.seq, 9));
    node.store->Flush();
    node.runner.RunAll();
    CHECK(node.durable == node.seq);
    const std::vector<std::string> files = fs.Files();
    CHECK(files.size() < before);
    for (const std::string& file : files)
      if (file.ends_with(".log")) path = file;
  }
  Crash(&fs);
  fs.FlipBit(path, fs.Content(path).rfind("CLR1") + 50, 0);
  CHECK(Node(&fs, Durability::kAlways).recovered.promised.round == 9);
}

}  // namespace clustron::cluster
