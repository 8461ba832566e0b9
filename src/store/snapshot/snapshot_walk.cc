#include "store/snapshot/snapshot_walk.h"

#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/reach.h"
#include "store/keyspace/garbage.h"
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/table.h"
#include "store/snapshot/digest.h"

namespace clustron::store {
namespace {

// Leases and locks: handed on in pieces of about this size; what walking to one costs, in bytes.
constexpr size_t kRowsBytes = 8 << 10;
constexpr size_t kRowCost = 128;

// Hands parts on, and counts and sums them.
struct Parts final : PartSink {
  Parts(SnapshotSink& sink_in, uint64_t digest_in) : sink(sink_in), digest(digest_in) {}
  void OnPart(std::string_view part) override {
    sink.OnPart(part);
    bytes += part.size();
    digest = KeyDigestPart(digest, part);
  }
  SnapshotSink& sink;
  uint64_t digest;
  uint64_t bytes = 0;
};

}  // namespace

SnapshotWalk::SnapshotWalk(Store& store, SnapshotSink& sink, Limits limits)
    : store_(store), sink_(sink), limits_(limits), shared_copied_from_(shared_bytes_copied) {
  CHECK(store.walk_ == nullptr);
  store.NextSnapshotEpoch();
  store.walk_ = this;
  for (int db = 0; db < kDatabases; db++) {
    Table& t = store.table(db);
    keys_[db] = t.size();
    with_deadline_[db] = t.with_deadline;
    db_of_id_[t.id()] = db;
    sources_[db].table = &t;
    t.walked_below = 0;
    store.SetHook(db, Hook::kSnapshot, true);
  }
  store.EncodeTables(&tables_bytes_);
  digest_ = store.ClocksDigest();
}

SnapshotWalk::~SnapshotWalk() { Stop(); }

void SnapshotWalk::Stop() {
  if (std::exchange(stopped_, true)) return;
  for (int db = 0; db < kDatabases; db++) {
    store_.SetHook(db, Hook::kSnapshot, false);
    FinishTable(sources_[db]);
  }
  for (Held& held : held_) {
    if (held.small != nullptr) KeyRecordEdit::Destroy(held.small);
  }
  held_.clear();
  store_.walk_ = nullptr;
}

void SnapshotWalk::FinishTable(Source& source) {
  if (std::exchange(source.done, true)) return;
  source.table->walked_below = Table::kAllWalked;
  if (source.owned != nullptr) store_.garbage_->Add(std::move(source.owned));
}

SnapshotWalk::Progress SnapshotWalk::Step(size_t budget_bytes) {
  early_bytes_ = 0;
  written_bytes_ = 0;
  budget_bytes_ = budget_bytes;
  while (!aborted_ && written_bytes_ < budget_bytes) {
    if (HeldBytes() > limits_.held_bytes_max) {
      REACH("snapshot_walk_aborted");
      aborted_ = true;
    } else if (stage_ != Stage::kKeys) {
      WalkRows();
    } else if (!held_.empty()) {
      WriteHeld();
    } else if (current_ == kDatabases) {
      Stop();
      store_.epochs_until_reuse_ = KeyRecordEdit::kSnapshotEpochMax;  // every mark was passed
      return Progress::kDone;
    } else {
      WalkBucket(sources_[current_]);
    }
  }
  if (!aborted_) return Progress::kMore;
  Stop();
  return Progress::kAborted;
}

uint64_t SnapshotWalk::HeldBytes() const {
  return held_bytes_ + early_bytes_ + (shared_bytes_copied - shared_copied_from_);
}

void SnapshotWalk::AddRow(const Lease& lease) {
  row_.clear();
  EncodeLease(lease, &row_);
  Writer(&leases_.bytes).Bytes(row_);
  written_bytes_ += row_.size() + kRowCost;
  digest_ += LeaseDigest(lease);
}

void SnapshotWalk::AddRow(const KeyName& name, const Lock& lock) {
  row_.clear();
  EncodeLock(name, lock, &row_);
  Writer(&locks_.bytes).Bytes(row_);
  written_bytes_ += row_.size() + kRowCost;
  digest_ += LockDigest(name, lock);
}

void SnapshotWalk::BeforeChange(std::string_view id, const Lease* lease) {
  if (stage_ != Stage::kLeases || !leases_.Claim(id) || lease == nullptr) return;
  REACH("snapshot_walk_lease_before_its_turn");
  AddRow(*lease);
}

void SnapshotWalk::BeforeChange(const KeyName& name, const Lock* lock) {
  if (stage_ == Stage::kKeys || !locks_.Claim(name) || lock == nullptr) return;
  REACH("snapshot_walk_lock_before_its_turn");
  AddRow(name, *lock);
}

bool SnapshotWalk::RowsGoOn(const std::string& bytes) const {
  return bytes.size() < kRowsBytes && written_bytes_ < budget_bytes_;
}

void SnapshotWalk::WalkRows() {
  if (stage_ == Stage::kLeases) {
    const auto& table = store_.leases_.leases_;
    auto it = leases_.last ? table.upper_bound(*leases_.last) : table.begin();
    for (; it != table.end() && RowsGoOn(leases_.bytes); ++it) {
      leases_.last = it->first;
      if (leases_.early.erase(it->first) == 0) AddRow(*it->second);
    }
    if (!leases_.bytes.empty()) sink_.OnLeases(std::exchange(leases_.bytes, {}));
    if (it == table.end()) stage_ = Stage::kLocks;
  } else {
    const auto& table = store_.locks_.locks_;
    auto it = locks_.last ? table.upper_bound(*locks_.last) : table.begin();
    for (; it != table.end() && RowsGoOn(locks_.bytes); ++it) {
      locks_.last = it->first;
      if (locks_.early.erase(it->first) == 0) AddRow(it->first, it->second);
    }
    if (!locks_.bytes.empty()) sink_.OnLocks(std::exchange(locks_.bytes, {}));
    if (it == table.end()) stage_ = Stage::kKeys;
  }
}

void SnapshotWalk::WalkBucket(Source& source) {
  const uint8_t epoch = store_.snapshot_epoch_;
  const int db = current_;
  source.at = source.table->index().VisitBucket(source.at, [&](uint64_t payload) {
    KeyRecord* e = Table::EntryAt(payload);
    const uint8_t seen = KeyRecordEdit::SnapshotEpoch(*e);
    if (seen != epoch) Emit(db, *e);
    if (seen != 0) KeyRecordEdit::SetSnapshotEpoch(*e, 0);
  });
  written_bytes_ += 1;  // empty buckets cost something too
  source.table->walked_below = HashPosition(source.at);
  if (source.at == 0) {
    FinishTable(source);
    current_++;
  }
}

void SnapshotWalk::BeforeChange(Table& t, KeyRecord& e) {
  if (aborted_) return;
  const uint64_t before = written_bytes_;
  Emit(db_of_id_[t.id()], e);
  early_bytes_ += written_bytes_ - before;
  KeyRecordEdit::SetSnapshotEpoch(e, store_.snapshot_epoch_);
  if (HeldBytes() > limits_.held_bytes_max) {
    REACH("snapshot_walk_aborted_by_change");
    aborted_ = true;
  }
}

bool SnapshotWalk::Adopt(std::unique_ptr<Table>& t) {
  for (Source& source : sources_) {
    if (source.table != t.get() || source.done) continue;
    REACH("snapshot_walk_adopts_flushed_table");
    source.owned = std::move(t);
    return true;
  }
  return false;
}

void SnapshotWalk::Emit(int db, const KeyRecord& e) {
  auto big = ValueTypeOf(e).freeze(e);
  if (stage_ == Stage::kKeys && held_.empty() && big == nullptr) {
    Write(db, e);
  } else {
    Hold(db, e, std::move(big));
  }
}

void SnapshotWalk::Write(int db, const KeyRecord& e) {
  const std::string_view key = e.key();
  const ValueType& type = ValueTypeOf(e);
  const KeyMeta meta = KeyMeta::Of(e);
  const uint64_t count = type.count(e);
  sink_.OnKey(db, key, e.type(), meta, count);
  Parts parts(sink_, KeyDigestBegin(db, key, e.type(), meta, count));
  type.parts(e, parts);
  written_bytes_ += key.size() + 16 + parts.bytes;
  digest_ += parts.digest;
}

void SnapshotWalk::Hold(int db, const KeyRecord& e, std::unique_ptr<FrozenValue> big) {
  Held held;
  held.db = db;
  if (big == nullptr) {
    held.small = KeyRecordEdit::Clone(e, e.key(), KeyRecordEdit::DeadlineOf(e));
    held_bytes_ += held.small->MemoryUsage();
  } else {
    held.key = e.key();
    held.type = e.type();
    held.meta = KeyMeta::Of(e);
    held.count = ValueTypeOf(e).count(e);
    held.value = std::move(big);
  }
  held_.push_back(std::move(held));
}

void SnapshotWalk::WriteHeld() {
  Held& held = held_.front();
  if (held.small != nullptr) {
    Write(held.db, *held.small);
    held_bytes_ -= held.small->MemoryUsage();
    KeyRecordEdit::Destroy(held.small);
    held_.pop_front();
    return;
  }
  if (!std::exchange(held.begun, true)) {
    sink_.OnKey(held.db, held.key, held.type, held.meta, held.count);
    held.digest = KeyDigestBegin(held.db, held.key, held.type, held.meta, held.count);
    written_bytes_ += held.key.size() + 16;
  }
  Parts parts(sink_, held.digest);
  const bool more = held.value->Step(parts);
  written_bytes_ += parts.bytes;
  held.digest = parts.digest;
  if (more) return;
  digest_ += held.digest;
  held_.pop_front();
}

}  // namespace clustron::store
