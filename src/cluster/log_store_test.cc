#include "cluster/log_store.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "persist/mark_file.h"
#include "tests/sim/log_script.h"
#include "tests/sim/sim_fs.h"

namespace clustron::cluster {
namespace {

using paxos::Accepted;
using paxos::Ballot;
using paxos::LogRecord;
using paxos::Slot;
using sim::CrashMode;
using sim::QueueRunner;
using sim::SimFs;

constexpr const char* kDir = "/data";
constexpr int64_t kSecondNs = 1'000'000'000;

LogRecord Promise(uint64_t seq, uint64_t round) {
  LogRecord record;
  record.type = LogRecord::Type::kPromise;
  record.seq = seq;
  record.ballot = {.round = round, .node = 2};
  return record;
}

LogRecord Accept(uint64_t seq, Slot slot, std::string payload, uint64_t round = 1) {
  LogRecord record;
  record.type = LogRecord::Type::kAccept;
  record.seq = seq;
  record.accepted.slot = slot;
  record.accepted.ballot = {.round = round, .node = 2};
  record.accepted.value.kind = paxos::EntryKind::kBatch;
  record.accepted.value.first_ballot = {.round = 1, .node = 1};
  record.accepted.value.payload = std::make_shared<const std::string>(std::move(payload));
  return record;
}

LogRecord Chosen(uint64_t seq, Slot slot) {
  LogRecord record;
  record.type = LogRecord::Type::kChosen;
  record.seq = seq;
  record.slot = slot;
  return record;
}

// A store on a disk, with what it told.
struct Node : private LogStore::Listener {
  Node(persist::Fs* fs, LogStoreOptions options) : options_(options) {
    auto opened = LogStore::Open(fs, &runner, kDir, options, &recovered);
    if (!opened) {
      error = opened.error();
      return;
    }
    store = std::move(*opened);
    store->SetListener(this);
  }
  Node(persist::Fs* fs, Durability durability) : Node(fs, sim::LogScript::Options(durability)) {}

  void Append(const LogRecord& record) { store->Append(std::span(&record, 1)); }
  void AppendSlots(Slot first, Slot last, size_t payload_bytes) {
    for (Slot slot = first; slot <= last; ++slot) {
      Append(Accept(++seq, slot, std::string(payload_bytes, 'p')));
    }
  }
  // All on disk.
  void Settle() {
    store->Sync([] {});
    runner.RunAll();
  }
  void Tick(int64_t seconds = 1) {
    now_ns += seconds * kSecondNs;
    store->Tick(now_ns);
    runner.RunAll();
  }

  QueueRunner runner;
  RecoveredLog recovered;
  std::unique_ptr<LogStore> store;
  Error error;
  uint64_t seq = 0;
  uint64_t durable = 0;
  int lows = 0;
  int highs = 0;
  int fatals = 0;
  int64_t now_ns = kSecondNs;

 private:
  void OnDurable(uint64_t up_to) override { durable = up_to; }
  void OnDiskLow(bool low) override { ++(low ? lows : highs); }
  void OnFatal(const Error& e) override {
    ++fatals;
    error = e;
  }
  const LogStoreOptions options_;
};

std::string PayloadOf(LogStore& store, Slot slot) {
  const auto read = store.Read(slot);
  return read ? std::string(paxos::BytesOf(read->value.payload)) : read.error().detail;
}

void Crash(SimFs* fs) {
  Rng rng(1);
  fs->Crash(rng, CrashMode::kLost);
}

}  // namespace

TEST_CASE("log store: what was durable comes back") {
  SimFs fs;
  {
    Node node(&fs, Durability::kAlways);
    CHECK(!node.recovered.existed);
    node.Append(Promise(1, 7));
    node.Append(Accept(2, 1, "one", 7));
    node.Append(Accept(3, 2, "", 7));
    node.Append(Accept(4, 1, "uno", 8));
    node.Append(Chosen(5, 1));
    node.store->AppendMark({.boot = 4, .elapsed_ms = 5, .wall_ms = 6, .slot = 1});
    CHECK(node.durable == 0);
    node.store->Flush();
    CHECK(node.durable == 0);
    node.runner.RunAll();
    CHECK(node.durable == 5);
  }
  Crash(&fs);
  Node node(&fs, Durability::kAlways);
  const RecoveredLog& log = node.recovered;
  CHECK(log.existed);
  CHECK(log.promised == Ballot{.round = 8, .node = 2});
  CHECK(log.chosen == 1);
  CHECK(log.floor == 0);
  CHECK(log.first_slot == 1);
  CHECK(log.last_slot == 2);
  CHECK(log.unknown.empty());
  CHECK(log.mark == LocalMark{.boot = 4, .elapsed_ms = 5, .wall_ms = 6, .slot = 1});
  const auto read = node.store->Read(1);
  REQUIRE(read);
  CHECK(*read == Accept(4, 1, "uno", 8).accepted);
  CHECK(node.store->Read(2)->value.payload == nullptr);
  CHECK(node.store->Read(3).error().code == Errc::kNotFound);
}

TEST_CASE("log store: always: one write and one fsync for all that came meanwhile") {
  SimFs fs;
  Node node(&fs, Durability::kAlways);
  node.AppendSlots(1, 3, 10);
  node.store->Flush();
  node.AppendSlots(4, 9, 10);
  node.store->Flush();
  node.store->Flush();
  CHECK(node.store->pending_bytes() > 9 * 128);
  CHECK(node.runner.Step());
  CHECK(node.durable == 3);
  CHECK(node.runner.Step());
  CHECK(node.durable == 9);
  CHECK(node.runner.empty());
  CHECK(node.store->fsync_count() == 2);
  CHECK(node.store->pending_bytes() == 0);
}

TEST_CASE("log store: hints alone wait for company, or for a second") {
  SimFs fs;
  Node node(&fs, Durability::kAlways);
  node.Tick();
  node.Append(Chosen(1, 0));
  node.store->Flush();
  CHECK(node.runner.empty());
  node.Tick();
  CHECK(node.durable == 1);
}

TEST_CASE("log store: everysec: safe when written, fsynced within a second") {
  SimFs fs;
  Node node(&fs, Durability::kEverySec);
  node.Settle();
  node.AppendSlots(1, 2, 10);
  node.store->Flush();
  CHECK(node.durable == 2);
  CHECK(node.runner.empty());
  const auto before = fs.Clone();
  node.Tick();
  CHECK(node.store->fsync_count() == 1);
  Crash(before.get());
  Crash(&fs);
  CHECK(Node(before.get(), Durability::kEverySec).recovered.last_slot == 0);
  CHECK(Node(&fs, Durability::kEverySec).recovered.last_slot == 2);
}

TEST_CASE("log store: everysec: a promise waits for its fsync, and what follows waits with it") {
  SimFs fs;
  Node node(&fs, Durability::kEverySec);
  node.Append(Accept(1, 1, "a"));
  node.Append(Promise(2, 5));
  node.Append(Accept(3, 2, "b", 5));
  node.store->Flush();
  CHECK(node.durable == 1);
  node.Append(Accept(4, 3, "c", 5));
  node.Append(Promise(5, 6));
  node.store->Flush();
  CHECK(node.durable == 1);
  CHECK(node.runner.Step());
  CHECK(node.durable == 3);
  node.runner.RunAll();
  CHECK(node.durable == 5);
  Crash(&fs);
  CHECK(Node(&fs, Durability::kEverySec).recovered.promised.round == 6);
}

TEST_CASE("log store: memory writes nothing but reserved numbers") {
  SimFs fs;
  {
    Node node(&fs, Durability::kMemory);
    node.AppendSlots(1, 5, 10);
    node.Append(Promise(6, 3));
    node.store->Flush();
    CHECK(node.durable == 6);
    CHECK(fs.Files().empty());
    bool done = false;
    node.store->PersistReserve(1000, [&] { done = true; });
    CHECK(!done);
    node.runner.RunAll();
    CHECK(done);
    CHECK(!node.store->Has(1));
  }
  Crash(&fs);
  Node node(&fs, Durability::kMemory);
  CHECK(node.recovered.reserved == 1000);
  CHECK(!node.recovered.existed);
}

TEST_CASE("log store: memory refuses a directory with a log") {
  SimFs fs;
  Node(&fs, Durability::kAlways).Settle();
  Crash(&fs);
  const Node node(&fs, Durability::kMemory);
  CHECK(node.store == nullptr);
  CHECK(node.error.code == Errc::kMismatch);
}

TEST_CASE("log store: from memory to always behind a snapshot, from everysec to always and back") {
  SimFs fs;
  {
    Node node(&fs, Durability::kMemory);
    node.AppendSlots(1, 5, 10);
    node.Append(Promise(++node.seq, 3));
    bool done = false;
    node.store->SetDurability(Durability::kAlways, 5, [&] { done = true; });
    node.runner.RunAll();
    CHECK(done);
    node.AppendSlots(6, 7, 10);
    node.store->Flush();
    CHECK(node.durable == 0);
    node.runner.RunAll();
    CHECK(node.durable == 8);
  }
  Crash(&fs);
  Node node(&fs, Durability::kEverySec);
  CHECK(node.recovered.floor == 5);
  CHECK(node.recovered.promised.round == 3);
  CHECK(node.recovered.first_slot == 6);
  CHECK(node.recovered.last_slot == 7);
  node.AppendSlots(8, 8, 10);
  node.store->Flush();
  CHECK(node.durable == 1);
  bool done = false;
  node.store->SetDurability(Durability::kAlways, 0, [&] { done = true; });
  // Written while the change is under way: still by the old rule, but fsynced with it.
  node.AppendSlots(9, 9, 10);
  node.store->Flush();
  node.runner.RunAll();
  CHECK(done);
  CHECK(node.store->durability() == Durability::kAlways);
  node.AppendSlots(10, 10, 10);
  node.store->Flush();
  CHECK(node.durable == 2);
  node.runner.RunAll();
  CHECK(node.durable == 3);
  node.store->SetDurability(Durability::kEverySec, 0, [] {});
  node.runner.RunAll();
  node.AppendSlots(11, 11, 10);
  node.store->Flush();
  CHECK(node.durable == 4);
  Crash(&fs);
  CHECK(Node(&fs, Durability::kAlways).recovered.last_slot == 10);
}

TEST_CASE("log store: reads also what is not on disk yet") {
  SimFs fs;
  for (const Durability durability : {Durability::kAlways, Durability::kEverySec}) {
    SimFs disk;
    Node node(&disk, durability);
    node.Append(Accept(1, 1, "on disk"));
    node.Settle();
    node.Append(Accept(2, 2, "on its way"));
    node.store->Flush();
    node.Append(Accept(3, 3, "laid out"));
    CHECK(PayloadOf(*node.store, 1) == "on disk");
    CHECK(PayloadOf(*node.store, 2) == "on its way");
    CHECK(PayloadOf(*node.store, 3) == "laid out");
    CHECK(node.store->last_slot() == 3);
    const auto range = node.store->ReadRange(1, 3, 1000);
    REQUIRE(range);
    CHECK(range->size() == 3);
    CHECK(node.store->ReadRange(2, 3, 0)->size() == 1);
    CHECK(node.store->ReadRange(4, 9, 1000)->empty());
  }
}

TEST_CASE("log store: long ranges are read across segments, in order") {
  SimFs fs;
  Node node(&fs, Durability::kAlways);
  for (Slot slot = 1; slot <= 300; ++slot) {
    node.Append(Accept(++node.seq, slot, "payload " + std::to_string(slot)));
    if (slot % 7 == 0) node.Settle();
  }
  Slot next = 1;
  while (next <= 300) {
    const auto range = node.store->ReadRange(next, 300, 500);
    REQUIRE(range);
    REQUIRE(!range->empty());
    CHECK(range->size() < 60);
    for (const Accepted& accepted : *range) {
      CHECK(accepted.slot == next);
      CHECK(paxos::BytesOf(accepted.value.payload) == "payload " + std::to_string(next));
      ++next;
    }
  }
}

TEST_CASE("log store: compaction removes whole segments and keeps what still counts") {
  SimFs fs;
  {
    Node node(&fs, Durability::kAlways);
    node.Append(Promise(++node.seq, 9));
    node.store->AppendMark({.boot = 1, .elapsed_ms = 2, .wall_ms = 3, .slot = 4});
    node.AppendSlots(1, 100, 200);
    node.Settle();
    node.Tick();
    const size_t before = fs.Files().size();
    const uint64_t bytes = node.store->log_bytes();
    node.store->CompactTo(60);
    node.runner.RunAll();
    CHECK(fs.Files().size() < before);
    CHECK(node.store->log_bytes() < bytes * 6 / 10);
    CHECK(!node.store->Has(1));
    CHECK(node.store->Has(61));
    CHECK(node.store->floor() == 60);
    node.store->CompactTo(50);  // never back
    CHECK(node.store->floor() == 60);
  }
  Crash(&fs);
  Node node(&fs, Durability::kAlways);
  CHECK(node.recovered.floor == 60);
  CHECK(node.recovered.promised.round == 9);
  CHECK(node.recovered.mark == LocalMark{.boot = 1, .elapsed_ms = 2, .wall_ms = 3, .slot = 4});
  CHECK(node.recovered.first_slot == 61);
  CHECK(node.recovered.last_slot == 100);
  CHECK(node.recovered.unknown.empty());
  // Behind an installed snapshot the log goes on far above.
  node.store->CompactTo(5'000'000);
  node.AppendSlots(5'000'001, 5'000'002, 10);
  node.Settle();
  Crash(&fs);
  Node far(&fs, Durability::kAlways);
  CHECK(far.recovered.floor == 5'000'000);
  CHECK(far.recovered.first_slot == 5'000'001);
  CHECK(far.recovered.last_slot == 5'000'002);
}

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

TEST_CASE("log store: real files, a value bigger than a segment, a restart") {
  const std::filesystem::path dir =
      std::filesystem::temp_directory_path() / ("clustron-log-" + std::to_string(::getpid()));
  persist::PosixFs fs;
  LogStoreOptions options;
  options.durability = Durability::kAlways;
  options.segment_bytes = 1 << 20;
  options.spare_bytes = 1 << 20;
  options.low_water_bytes = 0;
  const std::string big(5 << 20, 'b');
  {
    QueueRunner runner;
    RecoveredLog recovered;
    auto store = LogStore::Open(&fs, &runner, dir.string(), options, &recovered);
    REQUIRE(store);
    const LogRecord records[] = {Accept(1, 1, "small"), Accept(2, 2, big), Accept(3, 3, "behind")};
    (*store)->Append(records);
    (*store)->Flush();
    runner.RunAll();
    CHECK(PayloadOf(**store, 2) == big);
    REQUIRE((*store)->Close());
  }
  for (int round = 0; round < 2; ++round) {
    QueueRunner runner;
    RecoveredLog recovered;
    auto store = LogStore::Open(&fs, &runner, dir.string(), options, &recovered);
    REQUIRE(store);
    CHECK(recovered.last_slot == 3);
    CHECK(recovered.torn_bytes == 0);
    CHECK(PayloadOf(**store, 2) == big);
    CHECK(PayloadOf(**store, 3) == "behind");
  }
  std::filesystem::remove_all(dir);
}

}  // namespace clustron::cluster
