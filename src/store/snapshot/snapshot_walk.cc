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
  for (size_t i = 0; i < store.replicated_count(); i++) store.replicated_table(i).BeginWalk();
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
  for (size_t i = 0; i < store_.replicated_count(); i++) store_.replicated_table(i).EndWalk();
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
    } else if (table_ < store_.replicated_count()) {
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

void SnapshotWalk::WalkRows() {
  ReplicatedTable& table = store_.replicated_table(table_);
  std::string rows;
  const ReplicatedTable::Slice slice = table.Walk(budget_bytes_ - written_bytes_, &rows);
  written_bytes_ += slice.cost;
  digest_ += slice.digest;
  if (!rows.empty()) sink_.OnRows(table.section(), rows);
  if (slice.all) table_++;
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
  if (table_ == store_.replicated_count() && held_.empty() && big == nullptr) {
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
