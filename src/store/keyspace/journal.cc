#include "store/keyspace/journal.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "store/keyspace/store.h"

namespace clustron::store {

Journal::~Journal() { CHECK(records_.empty()); }

size_t Journal::Arm() {
  marks_.push_back({records_.size(), events_.size(), store_.revision_, store_.item_revision_});
  return marks_.size() - 1;
}

void Journal::Disarm(size_t mark) {
  CHECK(mark + 1 == marks_.size());
  marks_.pop_back();
  if (!marks_.empty()) return;
  // Newest first: an entry that was exchanged twice is ours in both records.
  while (!records_.empty()) {
    std::visit([this](auto& r) { Keep(r); }, records_.back());
    records_.pop_back();
  }
  End();
}

void Journal::End() {
  CHECK(records_.empty());
  Deliver();
}

// Commands say what it takes to change so much.
void Journal::Pay(uint64_t bytes_kept) {
  // About half of what a record takes, which is what bytes made cost.
  constexpr uint64_t kRecordUnits = 64;
  store_.work_.Spend(kRecordUnits, 0);
  store_.work_.SpendMade(bytes_kept);
}

void Journal::Deliver() {
  if (events_.empty()) return;
  const ChunkedStack<HeldEvent> events(std::move(events_));
  for (size_t i = 0; i < events.size(); i++) store_.Deliver(events[i]);
}

void Journal::Rollback(size_t mark) {
  CHECK(mark < marks_.size());
  const Mark& m = marks_[mark];
  while (records_.size() > m.records) {
    std::visit([this](auto& r) { Undo(r); }, records_.back());
    records_.pop_back();
  }
  while (events_.size() > m.events && !Planted(Bug::kWatchUndoneTold)) events_.pop_back();
  store_.revision_ = m.revision;
  store_.item_revision_ = m.item_revision;
  marks_.resize(mark);
  if (marks_.empty()) End();
}

std::vector<const KeyRecord*> Journal::WrittenSince(size_t mark) const {
  CHECK(mark < marks_.size());
  std::vector<const KeyRecord*> entries;
  for (size_t i = marks_[mark].records; i < records_.size(); i++) {
    if (const auto* head = std::get_if<undo::HeadChanged>(&records_[i]); head && head->written) {
      entries.push_back(head->record);
    } else if (const auto* moved = std::get_if<undo::EntryMoved>(&records_[i])) {
      entries.push_back(moved->now);
    }
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

// ---- keys ----

void Journal::Undo(undo::EntryChanged& r) {
  const std::string_view key = r.now != nullptr ? r.now->key() : r.old->key();
  if (r.now == nullptr) return r.table->Insert(r.hash, r.old);
  const HashIndex::Ref ref = r.table->Find(key, r.hash);
  CHECK(ref && Table::EntryAt(ref.payload()) == r.now);
  if (r.old == nullptr) {
    r.table->Erase(r.hash, ref);
  } else {
    r.table->Replace(ref, r.old);
  }
  if (r.same_value) {
    if (!KeyRecordEdit::IsInline(*r.now))
      KeyRecordEdit::SetPointer(*r.old, KeyRecordEdit::Pointer(*r.now));
    KeyRecordEdit::FreeShell(r.now);
  } else {
    store_.Discard(r.now);
  }
}

void Journal::Keep(undo::EntryChanged& r) {
  if (r.old == nullptr) return;
  r.same_value ? KeyRecordEdit::FreeShell(r.old) : store_.Discard(r.old);
}

void Journal::Undo(undo::EntryMoved& r) {
  const HashIndex::Ref ref = r.to->Find(r.now->key(), r.to_hash);
  CHECK(ref && Table::EntryAt(ref.payload()) == r.now);
  r.to->Erase(r.to_hash, ref);
  if (!KeyRecordEdit::IsInline(*r.now))
    KeyRecordEdit::SetPointer(*r.old, KeyRecordEdit::Pointer(*r.now));
  KeyRecordEdit::FreeShell(r.now);
  r.from->Insert(r.from_hash, r.old);
}

void Journal::Keep(undo::EntryMoved& r) { KeyRecordEdit::FreeShell(r.old); }

void Journal::Undo(undo::HeadChanged& r) {
  const uint8_t epoch = KeyRecordEdit::SnapshotEpoch(*r.record);
  KeyRecordEdit::SetHead(*r.record, r.head);
  KeyRecordEdit::SetSnapshotEpoch(*r.record, epoch);
  if (r.deadline_bits != 0) {
    KeyRecordEdit::SetDeadline(*r.record, DeadlineWord::FromBits(r.deadline_bits));
  }
}

void Journal::Undo(undo::ValueChanged& r) { r.undo->Undo(*r.record); }

void Journal::Undo(undo::Touched& r) { store_.touch_[r.cell] = r.revision; }
void Journal::Undo(undo::FlushTouched& r) {
  store_.flush_touch_[r.db] = r.revision;
  store_.flushed_created_[r.db] = r.created;
}
void Journal::Undo(undo::CreatedNoted& r) { store_.created_[r.db] = r.revision; }

void Journal::Undo(undo::Flushed& r) {
  store_.table_by_id_[r.table->id()] = r.table.get();
  std::swap(store_.tables_[r.db], r.table);
}

void Journal::Keep(undo::Flushed& r) { store_.Discard(std::move(r.table)); }

void Journal::Undo(undo::Swapped& r) { store_.SwapTables(r.a, r.b); }

void Journal::Undo(undo::SettingChanged& r) { store_.UndoSetting(*r.spec, r.text); }

// ---- what stands beside the keys ----

void Journal::Undo(undo::KeyRenamed& r) {
  store_.followers_.attachments->Rename(r.names->to, r.names->from);
}

void Journal::Undo(undo::KeyIndexed& r) {
  if (!store_.Hooked(r.db, Hook::kIndexes) || Planted(Bug::kIndexNotUndone)) return;
  const HashIndex::Ref ref = store_.table(r.db).Find(r.key, r.hash);
  const KeyRecord* now = ref ? Table::EntryAt(ref.payload()) : nullptr;
  store_.followers_.indexes->OnKey(r.db, r.key, r.hash, now);
}

void Journal::Undo(undo::RowChanged& r) { r.undo(); }

}  // namespace clustron::store
