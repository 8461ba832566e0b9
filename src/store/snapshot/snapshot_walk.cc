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

// Values above this are written in slices, by reference.
constexpr size_t kWholeBytes = 64 << 10;
constexpr size_t kWholeFields = 512;

// Leases and locks: handed on in pieces of about this size; what walking to one costs, in bytes.
constexpr size_t kRowsBytes = 8 << 10;
constexpr size_t kRowCost = 128;

bool IsBig(const KeyRecord& e) {
  if (e.type() == Type::kString) return e.StringSize() > kWholeBytes;
  return !e.hash().packed() && e.hash().size() > kWholeFields;
}
uint64_t SizeOf(const KeyRecord& e) {
  return e.type() == Type::kString ? e.StringSize() : e.hash().size();
}

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
  if (stage_ == Stage::kKeys && held_.empty() && !IsBig(e)) {
    Write(db, e);
  } else {
    Hold(db, e);
  }
}

void SnapshotWalk::Write(int db, const KeyRecord& e) {
  const std::string_view key = e.key();
  sink_.OnKey(db, key, e.type(), KeyMeta::Of(e), SizeOf(e));
  written_bytes_ += key.size() + 16;
  if (e.type() == Type::kString) {
    e.ForEachPiece([&](std::string_view piece) {
      sink_.OnStringPiece(piece);
      written_bytes_ += piece.size();
    });
  } else {
    e.hash().ForEach([&](FieldValue fv) {
      sink_.OnField(fv);
      written_bytes_ += fv.field.size() + fv.value.size();
    });
  }
  digest_ += KeyDigest(db, e);
}

void SnapshotWalk::Hold(int db, const KeyRecord& e) {
  Held held;
  held.db = db;
  if (!IsBig(e)) {
    held.small = KeyRecordEdit::Clone(e, e.key(), KeyRecordEdit::DeadlineOf(e));
    held_bytes_ += held.small->MemoryUsage();
  } else {
    held.key = e.key();
    held.meta = KeyMeta::Of(e);
    if (e.type() == Type::kString) {
      held.string = KeyRecordEdit::Big(e).Share();
    } else {
      held.hash_size = e.hash().size();
      held.hash = HashEdit::Big(KeyRecordEdit::Pointer(e))->Freeze();
    }
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
  const Type type = held.string != nullptr ? Type::kString : Type::kHash;
  const uint64_t size = held.string != nullptr ? held.string->size() : held.hash_size;
  if (!std::exchange(held.begun, true)) {
    sink_.OnKey(held.db, held.key, type, held.meta, size);
    held.digest = KeyDigestBegin(held.db, held.key, type, held.meta, size);
    written_bytes_ += held.key.size() + 16;
  }
  size_t count;
  if (held.string != nullptr) {
    const std::string_view piece = held.string->piece(held.next);
    sink_.OnStringPiece(piece);
    held.digest = KeyDigestPiece(held.digest, piece);
    written_bytes_ += piece.size();
    count = held.string->piece_count();
  } else {
    const HashChunk& chunk = held.hash.chunk(held.next);
    for (uint32_t i = 0; i < chunk.count; i++) {
      const FieldValue fv{chunk.items[i]->field(), chunk.items[i]->value()};
      sink_.OnField(fv);
      held.digest = KeyDigestField(held.digest, fv);
      written_bytes_ += fv.field.size() + fv.value.size();
    }
    count = held.hash.chunk_count();
  }
  if (++held.next < count) return;
  digest_ += held.digest;
  held_.pop_front();
}

}  // namespace clustron::store
