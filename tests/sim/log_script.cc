#include "tests/sim/log_script.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"

namespace clustron::sim {

using cluster::Durability;
using cluster::LogStore;
using cluster::RecoveredLog;
using paxos::Accepted;
using paxos::LogRecord;
using paxos::Slot;

namespace {

constexpr const char* kDir = "/data";
constexpr int64_t kStepNs = 150'000'000;

std::string Show(const Accepted& accepted) {
  return "slot " + std::to_string(accepted.slot) + " ballot " +
         std::to_string(accepted.ballot.round) + " with " +
         std::to_string(paxos::BytesOf(accepted.value.payload).size()) + " bytes";
}

}  // namespace

void LogState::Apply(const LogRecord& record) {
  switch (record.type) {
    case LogRecord::Type::kPromise:
      promised = std::max(promised, record.ballot);
      break;
    case LogRecord::Type::kAccept:
      promised = std::max(promised, record.accepted.ballot);
      accepted[record.accepted.slot] = record.accepted;
      break;
    case LogRecord::Type::kChosen:
      chosen = std::max(chosen, record.slot);
      break;
  }
}

cluster::LogStoreOptions LogScript::Options(Durability durability) {
  cluster::LogStoreOptions options;
  options.durability = durability;
  options.salt = 0x5eed;
  options.segment_bytes = 4096;
  options.spare_bytes = 8192;
  options.low_water_bytes = 16384;
  return options;
}

LogScript::LogScript(SimFs* fs, uint64_t seed, Durability durability)
    : fs_(*fs), rng_(seed), durability_(durability) {
  RecoveredLog recovered;
  Result<std::unique_ptr<LogStore>> store =
      LogStore::Open(&fs_, &runner_, kDir, Options(durability), &recovered);
  if (!store) {
    CHECK(fs_.stopped());
    failed_ = true;
    return;
  }
  store_ = std::move(*store);
  store_->SetListener(this);
}

LogScript::~LogScript() = default;

void LogScript::OnDurable(uint64_t seq) {
  CHECK(seq > acknowledged_);
  CHECK(seq <= records_.size());
  acknowledged_ = seq;
}

void LogScript::OnFatal(const Error& error) {
  CHECK(fs_.stopped() || error.code != Errc::kInvalidArgument);
  failed_ = true;
}

std::string LogScript::Payload() {
  uint64_t size = rng_.Below(200);
  if (rng_.Percent(5)) size = 3000 + rng_.Below(6000);  // bigger than a segment, now and then
  if (rng_.Percent(10)) size = 0;
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(rng_.Next() | 1);
  return bytes;
}

LogRecord LogScript::NewAccept(Slot slot) {
  LogRecord record;
  record.type = LogRecord::Type::kAccept;
  record.accepted.slot = slot;
  record.accepted.ballot = ballot_;
  record.accepted.value.kind = paxos::EntryKind::kBatch;
  record.accepted.value.first_ballot = ballot_;
  record.accepted.value.payload = std::make_shared<const std::string>(Payload());
  return record;
}

void LogScript::AppendSome() {
  std::vector<LogRecord> batch;
  const uint64_t count = 1 + rng_.Below(4);
  for (uint64_t i = 0; i < count; ++i) {
    LogRecord record;
    const uint64_t what = rng_.Below(100);
    if (what < 70 || next_slot_ == 1) {
      record = NewAccept(next_slot_++);
    } else if (what < 80) {
      // A slot that is still open, under the current ballot.
      const Slot open = next_slot_ - 1;
      if (open <= chosen_) continue;
      record = NewAccept(chosen_ + 1 + rng_.Below(open - chosen_));
    } else if (what < 88) {
      ++ballot_.round;
      record.type = LogRecord::Type::kPromise;
      record.ballot = ballot_;
    } else {
      record.type = LogRecord::Type::kChosen;
      chosen_ += rng_.Below(next_slot_ - chosen_);
      record.slot = chosen_;
    }
    record.seq = records_.size() + batch.size() + 1;
    batch.push_back(record);
  }
  records_.insert(records_.end(), batch.begin(), batch.end());
  store_->Append(batch);
}

void LogScript::Step() {
  if (failed_ || fs_.stopped()) return;
  now_ns_ += kStepNs;
  const uint64_t what = rng_.Below(100);
  if (what < 60) {
    AppendSome();
    if (rng_.Percent(85)) store_->Flush();
  } else if (what < 70) {
    store_->Tick(now_ns_);
  } else if (what < 75) {
    store_->AppendMark(
        {.boot = 1, .elapsed_ms = static_cast<int64_t>(++marks_), .wall_ms = 0, .slot = chosen_});
  } else if (what < 80) {
    const uint64_t upto = records_.size();
    store_->Sync([this, upto] { synced_ = std::max(synced_, upto); });
  } else if (what < 85 && chosen_ > floor_) {
    floor_ += 1 + rng_.Below(chosen_ - floor_);
    store_->CompactTo(floor_);
  } else if (what < 88) {
    reserve_asked_ += 1 + rng_.Below(1000);
    store_->PersistReserve(reserve_asked_,
                           [this, value = reserve_asked_] { reserve_done_ = value; });
  } else {
    runner_.RunAll();
  }
  if (rng_.Percent(50)) runner_.Step();
}

void LogScript::Settle() {
  store_->Sync([this, upto = records_.size()] { synced_ = std::max(synced_, upto); });
  runner_.RunAll();
}

Status LogScript::Close() {
  Settle();
  return store_->Close();
}

void LogScript::Abandon() {
  runner_.Drop();
  store_.reset();
}

std::string LogScript::Verify(SimFs* fs, bool damaged) const {
  for (int round = 0; round < 2; ++round) {
    QueueRunner runner;
    RecoveredLog recovered;
    const Result<std::unique_ptr<LogStore>> store =
        LogStore::Open(fs, &runner, kDir, Options(durability_), &recovered);
    if (!store) {
      if (damaged && store.error().code == Errc::kCorruption) return "";
      return "open: " + store.error().detail;
    }
    std::string wrong = Compare(**store, recovered, damaged);
    if (!wrong.empty()) {
      for (const std::string& line : recovered.report) wrong += "\n  " + line;
      return (round == 0 ? "" : "second start: ") + wrong;
    }
    // It must take writes, and still be sound the next time.
    LogRecord record;
    record.type = LogRecord::Type::kChosen;
    record.seq = 1;
    record.slot = recovered.chosen;
    (*store)->Append(std::span(&record, 1));
    (*store)->Sync([] {});
    runner.RunAll();
    if (const Status closed = (*store)->Close(); !closed) return "close: " + closed.error().detail;
  }
  return "";
}

std::string LogScript::Compare(LogStore& store, const RecoveredLog& recovered, bool damaged) const {
  if (recovered.floor > floor_) return "the floor was never asked for";
  if (recovered.reserved < reserve_done_) return "reserved numbers were forgotten";
  if (recovered.reserved > reserve_asked_) return "reserved numbers were invented";
  if (recovered.mark && (recovered.mark->elapsed_ms < 1 ||
                         static_cast<uint64_t>(recovered.mark->elapsed_ms) > marks_)) {
    return "a local mark was invented";
  }
  if (damaged) return CompareDamaged(store, recovered);
  if (!recovered.unknown.empty()) {
    return "slot " + std::to_string(recovered.unknown.front()) + " is unknown after a mere crash";
  }
  // What is there must be the state after some prefix that holds all that was acknowledged. Below
  // `always`, only what was fsynced counts.
  const uint64_t safe = std::max(synced_, durability_ == Durability::kAlways ? acknowledged_ : 0);
  LogState state;
  for (uint64_t i = 0; i < safe; ++i) state.Apply(records_[i]);
  std::string why = "no prefix of at least " + std::to_string(safe) + " of " +
                    std::to_string(records_.size()) + " records matches";
  for (uint64_t length = safe; length <= records_.size(); ++length) {
    if (length > safe) state.Apply(records_[length - 1]);
    if (recovered.promised != state.promised) continue;
    if (recovered.chosen != std::max(state.chosen, recovered.floor)) continue;
    bool same = true;
    Slot last = 0;
    for (const auto& [slot, accepted] : state.accepted) {
      if (slot <= recovered.floor) continue;
      last = slot;
      const Result<Accepted> read = store.Read(slot);
      if (read && *read == accepted) continue;
      why +=
          "; " + Show(accepted) + (read ? " but read " + Show(*read) : " " + read.error().detail);
      same = false;
      break;
    }
    if (same && recovered.last_slot == last) return "";
  }
  return why + "; promised " + std::to_string(recovered.promised.round) + " chosen " +
         std::to_string(recovered.chosen) + " last " + std::to_string(recovered.last_slot) +
         " floor " + std::to_string(recovered.floor);
}

std::string LogScript::CompareDamaged(LogStore& store, const RecoveredLog& recovered) const {
  const uint64_t safe = std::max(synced_, durability_ == Durability::kAlways ? acknowledged_ : 0);
  LogState state;
  std::set<std::pair<Slot, std::string>> appended;
  for (uint64_t i = 0; i < records_.size(); ++i) {
    if (i < safe) state.Apply(records_[i]);
    if (records_[i].type != LogRecord::Type::kAccept) continue;
    const Accepted& accepted = records_[i].accepted;
    appended.insert({accepted.slot, std::string(paxos::BytesOf(accepted.value.payload))});
  }
  if (recovered.promised < state.promised) return "the promise regressed";
  const std::set<Slot> unknown(recovered.unknown.begin(), recovered.unknown.end());
  for (const auto& [slot, accepted] : state.accepted) {
    if (slot <= recovered.floor || unknown.contains(slot)) continue;
    const Result<Accepted> read = store.Read(slot);
    if (!read) return Show(accepted) + " is silently gone: " + read.error().detail;
    if (!appended.contains({slot, std::string(paxos::BytesOf(read->value.payload))})) {
      return Show(*read) + " was never written";
    }
    if (read->ballot < accepted.ballot && slot > recovered.chosen) {
      return Show(accepted) + " went back to " + Show(*read);
    }
    if (read->ballot == accepted.ballot && *read != accepted && slot > recovered.chosen &&
        records_.size() == safe) {
      return Show(accepted) + " is an older one: " + Show(*read);
    }
  }
  return "";
}

}  // namespace clustron::sim
