#include "store/snapshot_walk.h"

#include <utility>

#include "base/check.h"
#include "base/reach.h"
#include "store/digest.h"
#include "store/entry_edit.h"
#include "store/garbage.h"
#include "store/table.h"

namespace clustron::store {
namespace {

// Values above this are written in slices, by reference.
constexpr size_t kWholeBytes = 64 << 10;
constexpr size_t kWholeFields = 512;

bool IsBig(const Entry& e) {
  if (e.type() == Type::kString) return e.StringSize() > kWholeBytes;
  return !e.hash().packed() && e.hash().size() > kWholeFields;
}
uint64_t SizeOf(const Entry& e) {
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
  digest_ = store.TablesDigest();
}

SnapshotWalk::~SnapshotWalk() { Stop(); }

void SnapshotWalk::Stop() {
  if (std::exchange(stopped_, true)) return;
  for (int db = 0; db < kDatabases; db++) {
    store_.SetHook(db, Hook::kSnapshot, false);
    FinishTable(sources_[db]);
  }
  for (Held& held : held_) {
    if (held.small != nullptr) EntryEdit::Destroy(held.small);
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
  while (!aborted_ && written_bytes_ < budget_bytes) {
    if (HeldBytes() > limits_.held_bytes_max) {
      REACH("snapshot_walk_aborted");
      aborted_ = true;
    } else if (!held_.empty()) {
      WriteHeld();
    } else if (current_ == kDatabases) {
      Stop();
      store_.epochs_until_reuse_ = EntryEdit::kSnapshotEpochMax;  // every mark was passed
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

void SnapshotWalk::WalkBucket(Source& source) {
  const uint8_t epoch = store_.snapshot_epoch_;
  const int db = current_;
  source.at = source.table->index().VisitBucket(source.at, [&](uint64_t payload) {
    Entry* e = Table::EntryAt(payload);
    const uint8_t seen = EntryEdit::SnapshotEpoch(*e);
    if (seen != epoch) Emit(db, *e);
    if (seen != 0) EntryEdit::SetSnapshotEpoch(*e, 0);
  });
  written_bytes_ += 1;  // empty buckets cost something too
  source.table->walked_below = HashPosition(source.at);
  if (source.at == 0) {
    FinishTable(source);
    current_++;
  }
}

void SnapshotWalk::BeforeChange(Table& t, Entry& e) {
  if (aborted_) return;
  const uint64_t before = written_bytes_;
  Emit(db_of_id_[t.id()], e);
  early_bytes_ += written_bytes_ - before;
  EntryEdit::SetSnapshotEpoch(e, store_.snapshot_epoch_);
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

void SnapshotWalk::Emit(int db, const Entry& e) {
  if (held_.empty() && !IsBig(e)) {
    Write(db, e);
  } else {
    Hold(db, e);
  }
}

void SnapshotWalk::Write(int db, const Entry& e) {
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

void SnapshotWalk::Hold(int db, const Entry& e) {
  Held held;
  held.db = db;
  if (!IsBig(e)) {
    held.small = EntryEdit::Clone(e, e.key(), EntryEdit::DeadlineOf(e));
    held_bytes_ += held.small->MemoryUsage();
  } else {
    held.key = e.key();
    held.meta = KeyMeta::Of(e);
    if (e.type() == Type::kString) {
      held.string = EntryEdit::Big(e).Share();
    } else {
      held.hash_size = e.hash().size();
      held.hash = HashEdit::Big(EntryEdit::Pointer(e))->Freeze();
    }
  }
  held_.push_back(std::move(held));
}

void SnapshotWalk::WriteHeld() {
  Held& held = held_.front();
  if (held.small != nullptr) {
    Write(held.db, *held.small);
    held_bytes_ -= held.small->MemoryUsage();
    EntryEdit::Destroy(held.small);
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
