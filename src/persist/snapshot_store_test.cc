#include "persist/snapshot_store.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/crc.h"
#include "persist/rdb_reader.h"
#include "persist/rdb_writer.h"
#include "tests/sim/log_script.h"
#include "tests/sim/sim_fs.h"

namespace clustron::persist {
namespace {

using sim::CrashMode;
using sim::QueueRunner;
using sim::SimFs;

constexpr const char* kDir = "/data/snapshots";

std::string Image(const std::string& value, size_t size = 0) {
  RdbWriter rdb;
  rdb.Begin();
  rdb.SelectDb(0);
  rdb.String("key", value);
  if (size > 0) rdb.String("big", std::string(size, 'b'));
  rdb.End();
  return rdb.Take();
}

struct Store {
  explicit Store(SimFs* fs_in) : fs(*fs_in) {
    auto opened = SnapshotStore::Open(&fs, &runner, kDir);
    REQUIRE(opened);
    store = std::move(*opened);
  }

  // Writes one in small pieces; true if it was reported durable.
  bool Write(uint64_t slot, const std::string& image) {
    bool durable = false;
    store->BeginWrite(slot);
    for (size_t at = 0; at < image.size(); at += 100) store->Append(image.substr(at, 100));
    store->FinishWrite([&](Status status, bool fatal) {
      durable = status.has_value();
      failed_fatally = fatal;
    });
    runner.RunAll();
    return durable;
  }

  std::vector<uint64_t> Slots() const {
    std::vector<uint64_t> slots;
    for (const SnapshotInfo& info : store->list()) slots.push_back(info.slot);
    return slots;
  }

  SimFs& fs;
  QueueRunner runner;
  std::unique_ptr<SnapshotStore> store;
  bool failed_fatally = false;
};

std::string NewestIn(SimFs* fs) {
  QueueRunner runner;
  auto store = SnapshotStore::Open(fs, &runner, kDir);
  if (!store) return "open: " + store.error().detail;
  auto opened = (*store)->OpenNewestValid();
  if (!opened) return opened.error().code == Errc::kNotFound ? "none" : "damaged";
  return std::to_string(opened->info.slot);
}

}  // namespace

TEST_CASE("snapshots: written aside, listed when durable, two are kept") {
  SimFs fs;
  Store store(&fs);
  CHECK(store.Slots().empty());
  CHECK(store.Write(10, Image("a")));
  CHECK(store.Write(20, Image("b")));
  CHECK(store.Slots() == std::vector<uint64_t>{20, 10});
  CHECK(store.Write(30, Image("c")));
  CHECK(store.Slots() == std::vector<uint64_t>{30, 20});
  CHECK(fs.Files().size() == 2);
  CHECK(fs.Content(store.store->PathOf(30)) == Image("c"));
  CHECK(NewestIn(&fs) == "30");
}

TEST_CASE("snapshots: an aborted one leaves nothing") {
  SimFs fs;
  Store store(&fs);
  store.store->BeginWrite(5);
  store.store->Append("half");
  CHECK(store.store->backlog_bytes() == 4);
  store.store->AbortWrite();
  store.runner.RunAll();
  CHECK(fs.Files().empty());
  CHECK(!store.store->writing());
}

TEST_CASE("snapshots: a damaged one is passed over, all damaged is not none") {
  SimFs fs;
  CHECK(NewestIn(&fs) == "none");
  {
    Store store(&fs);
    CHECK(store.Write(10, Image("a")));
    CHECK(store.Write(20, Image("b")));
    fs.FlipBit(store.store->PathOf(20), 15, 3);
    auto opened = store.store->OpenNewestValid();
    REQUIRE(opened);
    CHECK(opened->info.slot == 10);
    CHECK(opened->skipped.find("00020.rdb") != std::string::npos);
    // The damaged one does not push out the one to fall back on.
    CHECK(store.Write(30, Image("c")));
    CHECK(store.Slots() == std::vector<uint64_t>{30, 10});
    CHECK(fs.Files().size() == 2);
  }
  for (const std::string& file : fs.Files()) fs.FlipBit(file, 12, 0);
  CHECK(NewestIn(&fs) == "damaged");
  CHECK(NewestIn(&fs) == "damaged");
}

TEST_CASE("snapshots: a full disk fails the snapshot and changes nothing") {
  SimFs fs;
  Store store(&fs);
  CHECK(store.Write(10, Image("a")));
  fs.SetCapacity(fs.used_bytes() + 300);
  CHECK(!store.Write(20, Image("b", 1000)));
  CHECK(!store.failed_fatally);
  CHECK(store.Slots() == std::vector<uint64_t>{10});
  CHECK(fs.Files().size() == 1);
  CHECK(store.Write(30, Image("c")));
}

TEST_CASE("snapshots: a failed fsync is fatal") {
  SimFs fs;
  Store store(&fs);
  fs.FailNextSync();
  CHECK(!store.Write(10, Image("a")));
  CHECK(store.failed_fatally);
}

TEST_CASE("snapshots: sent in checked pieces, received, and resumed by offset") {
  SimFs from_fs;
  Store from(&from_fs);
  const std::string image = Image("value", 700'000);
  REQUIRE(from.Write(77, image));
  auto sender = from.store->OpenSender(77);
  REQUIRE(sender);
  CHECK((*sender)->info == SnapshotInfo{.slot = 77, .bytes = image.size()});

  SimFs to_fs;
  const SnapshotInfo info = (*sender)->info;
  const uint64_t id = (*sender)->file_id;
  {
    Store to(&to_fs);
    CHECK(to.store->BeginReceive(info, id) == 0u);
    auto chunk = SnapshotStore::ReadChunk(**sender, 0);
    REQUIRE(chunk);
    CHECK(chunk->bytes.size() == kSnapshotChunkBytesMax);
    SnapshotChunk bad = *chunk;
    bad.bytes[5] = static_cast<char>(bad.bytes[5] ^ 1);
    CHECK(to.store->Receive(bad).error().code == Errc::kCorruption);
    bad = *chunk;
    bad.offset = 1;
    CHECK(to.store->Receive(bad).error().code == Errc::kInvalidArgument);
    CHECK(to.store->Receive(*chunk));
    CHECK(to.store->Receive(*chunk).error().code == Errc::kInvalidArgument);
    // The same transfer announced again goes on.
    CHECK(to.store->BeginReceive(info, id) == kSnapshotChunkBytesMax);
    to.runner.RunAll();
  }
  to_fs.Kill();
  Store to(&to_fs);
  CHECK(to.Slots().empty());
  auto offset = to.store->BeginReceive(info, id);
  REQUIRE(offset);
  CHECK(*offset == kSnapshotChunkBytesMax);
  while (to.store->receive_offset() < info.bytes) {
    auto chunk = SnapshotStore::ReadChunk(**sender, to.store->receive_offset());
    REQUIRE(chunk);
    REQUIRE(to.store->Receive(*chunk));
  }
  CHECK(!SnapshotStore::ReadChunk(**sender, info.bytes));
  bool durable = false;
  to.store->FinishReceive([&](Status status, bool) { durable = status.has_value(); });
  to.runner.RunAll();
  CHECK(durable);
  CHECK(to.Slots() == std::vector<uint64_t>{77});
  CHECK(to_fs.Content(to.store->PathOf(77)) == image);
  CHECK(to_fs.Files().size() == 1);
}

TEST_CASE("snapshots: what a process with a failed fsync received is on disk when it counts") {
  const std::string image = Image("value", 700'000);
  const SnapshotInfo info{.slot = 7, .bytes = image.size()};
  SimFs fs;
  const auto receive = [&](Store& to, size_t end) {
    while (to.store->receive_offset() < end) {
      const size_t at = to.store->receive_offset();
      const std::string piece = image.substr(at, std::min(end - at, kSnapshotChunkBytesMax));
      REQUIRE(to.store->Receive({.offset = at, .bytes = piece, .crc32c = Crc32c(piece)}));
    }
  };
  {
    Store to(&fs);
    REQUIRE(to.store->BeginReceive(info, 1) == 0u);
    receive(to, image.size());
    fs.FailNextSync();
    bool fatally = false;
    to.store->FinishReceive([&](Status, bool fatal) { fatally = fatal; });
    to.runner.RunAll();
    REQUIRE(fatally);
  }
  fs.Kill();
  {
    Store to(&fs);
    REQUIRE(to.store->BeginReceive(info, 1) == image.size());
    bool durable = false;
    to.store->FinishReceive([&](Status status, bool) { durable = status.has_value(); });
    to.runner.RunAll();
    REQUIRE(durable);
  }
  Rng rng(1);
  fs.Crash(rng, CrashMode::kLost);
  CHECK(NewestIn(&fs) == "7");
}

TEST_CASE("snapshots: a transfer goes on with the same file only") {
  const std::string image = Image("value", 1000);
  const SnapshotInfo info{.slot = 7, .bytes = image.size()};
  const std::string piece = image.substr(0, 500);
  SimFs fs;
  {
    Store to(&fs);
    CHECK(to.store->BeginReceive(info, 1) == 0u);
    CHECK(to.store->Receive({.offset = 0, .bytes = piece, .crc32c = Crc32c(piece)}));
    to.runner.RunAll();
    SUBCASE("in one process") { CHECK(to.store->BeginReceive(info, 2) == 0u); }
  }
  Store to(&fs);
  CHECK(to.store->BeginReceive(info, 2) == 0u);
}

TEST_CASE("snapshots: a transfer that could not be written begins anew when there is room") {
  const std::string image = Image("value", 1000);
  const SnapshotInfo info{.slot = 7, .bytes = image.size()};
  const SnapshotChunk first{.offset = 0, .bytes = image.substr(0, 600), .crc32c = 0};
  const auto checked = [](SnapshotChunk chunk) {
    chunk.crc32c = Crc32c(chunk.bytes);
    return chunk;
  };
  SimFs fs;
  Store to(&fs);
  fs.SetCapacity(fs.used_bytes() + 300);
  CHECK(to.store->BeginReceive(info, 1) == 0u);
  CHECK(to.store->Receive(checked(first)));
  to.runner.RunAll();
  CHECK(to.store->Receive(checked({.offset = 600, .bytes = image.substr(600), .crc32c = 0}))
            .error()
            .code == Errc::kNoSpace);
  fs.SetCapacity(0);
  CHECK(to.store->BeginReceive(info, 1) == 0u);
  CHECK(to.store->Receive(checked({.offset = 0, .bytes = image, .crc32c = 0})));
  bool durable = false;
  to.store->FinishReceive([&](Status status, bool) { durable = status.has_value(); });
  to.runner.RunAll();
  CHECK(durable);
  CHECK(fs.Content(to.store->PathOf(7)) == image);
  CHECK(fs.Files().size() == 1);
}

TEST_CASE("snapshots: what came damaged is dropped, not installed") {
  SimFs fs;
  Store to(&fs);
  std::string image = Image("value");
  image[12] = static_cast<char>(image[12] ^ 4);
  CHECK(to.store->BeginReceive({.slot = 5, .bytes = image.size()}, 1) == 0u);
  CHECK(to.store->Receive({.offset = 0, .bytes = image, .crc32c = Crc32c(image)}));
  Errc code = Errc::kLimit;
  to.store->FinishReceive([&](Status status, bool) {
    REQUIRE(!status);
    code = status.error().code;
  });
  to.runner.RunAll();
  CHECK(code == Errc::kCorruption);
  CHECK(to.Slots().empty());
  CHECK(fs.Files().empty());
}

TEST_CASE("snapshots: the file of a running transfer outlives its successors") {
  SimFs fs;
  Store store(&fs);
  CHECK(store.Write(10, Image("a")));
  auto sender = store.store->OpenSender(10);
  REQUIRE(sender);
  CHECK(store.Write(20, Image("b")));
  CHECK(store.Write(30, Image("c")));
  CHECK(!fs.Exists(store.store->PathOf(10)));
  auto chunk = SnapshotStore::ReadChunk(**sender, 0);
  REQUIRE(chunk);
  CHECK(chunk->bytes == Image("a"));
}

TEST_CASE("snapshots: stopped at every operation, one that was reported durable stays") {
  const auto run = [](SimFs* fs) {
    std::vector<uint64_t> durable;
    QueueRunner runner;
    auto store = SnapshotStore::Open(fs, &runner, kDir);
    if (!store) return durable;
    for (const uint64_t slot : {10, 20, 30}) {
      (*store)->BeginWrite(slot);
      const std::string image = Image("v", 1500);
      for (size_t at = 0; at < image.size(); at += 700) (*store)->Append(image.substr(at, 700));
      (*store)->FinishWrite([&, slot](Status status, bool) {
        if (status) durable.push_back(slot);
      });
      runner.RunAll();
    }
    return durable;
  };
  SimFs whole;
  REQUIRE(run(&whole).size() == 3);
  int recoveries = 0;
  for (uint64_t op = 1; op <= whole.operations(); ++op) {
    for (const CrashMode mode : sim::kCrashModes) {
      SimFs fs;
      fs.StopAt(op);
      const std::vector<uint64_t> durable = run(&fs);
      Rng rng(op);
      fs.Crash(rng, mode);
      CAPTURE(op);
      CAPTURE(static_cast<int>(mode));
      const std::string newest = NewestIn(&fs);
      ++recoveries;
      if (durable.empty()) {
        CHECK((newest == "none" || newest == "10"));
        continue;
      }
      CHECK((newest == std::to_string(durable.back()) ||
             newest == std::to_string(durable.back() + 10)));
    }
  }
  CHECK(recoveries > 80);
}

TEST_CASE("snapshots: one that was opened stays, whoever was killed while it was written") {
  const std::string image = Image("v");
  int opened_new = 0;
  for (uint64_t op = 1; op <= 10; ++op) {
    SimFs fs;
    {
      Store store(&fs);
      REQUIRE(store.Write(10, image));
      fs.StopAt(op);
      store.Write(20, image);
    }
    fs.Kill();
    const std::string opened = NewestIn(&fs);
    opened_new += opened == "20";
    Rng rng(op);
    fs.Crash(rng, CrashMode::kLost);
    CAPTURE(op);
    CHECK(NewestIn(&fs) == opened);
  }
  CHECK(opened_new > 1);
}

}  // namespace clustron::persist
