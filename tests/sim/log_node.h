// A log store on a simulated disk, with what it told: for the log store's own tests.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "cluster/log/log_store.h"
#include "tests/sim/log_script.h"
#include "tests/sim/sim_fs.h"

namespace clustron::sim {

using cluster::Durability;
using cluster::LogStore;
using cluster::LogStoreOptions;
using cluster::RecoveredLog;
using paxos::LogRecord;
using paxos::Slot;

constexpr const char* kLogDir = "/data";
constexpr int64_t kLogSecondNs = 1'000'000'000;

inline LogRecord Promise(uint64_t seq, uint64_t round) {
  LogRecord record;
  record.type = LogRecord::Type::kPromise;
  record.seq = seq;
  record.ballot = {.round = round, .node = 2};
  return record;
}

inline LogRecord Accept(uint64_t seq, Slot slot, std::string payload, uint64_t round = 1) {
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

inline LogRecord Chosen(uint64_t seq, Slot slot) {
  LogRecord record;
  record.type = LogRecord::Type::kChosen;
  record.seq = seq;
  record.slot = slot;
  return record;
}

// A store on a disk, with what it told.
struct LogNode : private LogStore::Listener {
  LogNode(persist::Fs* fs, LogStoreOptions options) : options_(options) {
    auto opened = LogStore::Open(fs, &runner, kLogDir, options, &recovered);
    if (!opened) {
      error = opened.error();
      return;
    }
    store = std::move(*opened);
    store->SetListener(this);
  }
  LogNode(persist::Fs* fs, Durability durability) : LogNode(fs, LogScript::Options(durability)) {}

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
    now_ns += seconds * kLogSecondNs;
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
  int64_t now_ns = kLogSecondNs;

 private:
  void OnDurable(uint64_t up_to) override { durable = up_to; }
  void OnDiskLow(bool low) override { ++(low ? lows : highs); }
  void OnFatal(const Error& e) override {
    ++fatals;
    error = e;
  }
  const LogStoreOptions options_;
};

inline std::string PayloadOf(LogStore& store, Slot slot) {
  const auto read = store.Read(slot);
  return read ? std::string(paxos::BytesOf(read->value.payload)) : read.error().detail;
}

inline void Crash(SimFs* fs) {
  Rng rng(1);
  fs->Crash(rng, CrashMode::kLost);
}

}  // namespace clustron::sim
