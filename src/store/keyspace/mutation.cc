#include "store/keyspace/mutation.h"

#include <memory>
#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "store/keyspace/garbage.h"
#include "store/keyspace/journal.h"
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/store.h"
#include "store/keyspace/table.h"
#include "store/keyspace/value_type.h"

namespace clustron::store {

Mutation::Mutation(Store& store, int db, std::string_view key, uint64_t hash)
    : store_(store), key_(key), hash_(hash), db_(db), undoable_(store.armed(db)) {
  DCHECK(!std::exchange(store.mutating_, true));
  const HashIndex::Ref ref = store.table(db).Find(key, hash);
  if (!ref) return;
  entry_ = Table::EntryAt(ref.payload());
  if (entry_->has_deadline() && store.Due(*entry_)) {
    due_ = true;
    entry_ = nullptr;
  }
  existed_ = entry_ != nullptr;
}

Mutation::~Mutation() {
  DCHECK(committed_ || !begun_);
  store_.mutating_ = false;
}

void Mutation::Begin() {
  DCHECK(!committed_);
  if (begun_) return;
  begun_ = true;
  if (store_.Hooked(db_, Hook::kIndexes)) [[unlikely]]
    store_.journal_->BeforeIndexed(db_, key_, hash_);
  if (due_) {
    store_.RemoveDue(db_, key_, hash_);
  } else if ((store_.hooks_[db_] & kBeforeHooks) != 0) [[unlikely]] {
    store_.BeforeChange(db_, hash_, entry_);
  }
}

void Mutation::Install(KeyRecord* now, bool same_value) {
  store_.Install(db_, hash_, entry_, now, same_value);
  entry_ = now;
}

void Mutation::BeginValue() {
  Begin();
  value_changed_ = true;
}

void Mutation::AddUndo(std::unique_ptr<ValueUndo> undo) {
  DCHECK(undoable_ && value_changed_);
  DCHECK(entry_ != nullptr);
  store_.journal_->Add(undo::ValueChanged{entry_, std::move(undo)});
}

void Mutation::FreeLater(std::unique_ptr<SlicedFree> gone) {
  DCHECK(value_changed_);
  store_.garbage_->Add(std::move(gone));
}

void Mutation::RemoveEmptied() {
  CHECK(entry_ != nullptr && value_changed_);
  store_.Remove(db_, key_, hash_);
  entry_ = nullptr;
  deleted_ = emptied_ = true;
}

DeadlineWord Mutation::FileDeadline(Deadline deadline, DeadlineWord prior) {
  return store_.File(db_, hash_, deadline, prior);
}

void Mutation::DetachLease() { store_.followers_.attachments->Detach(db_, key_); }

void Mutation::SetLeased(bool leased) {
  Begin();
  touched_ = true;
  store_.RecordHead(db_, *entry_);
  KeyRecordEdit::SetLease(*entry_, leased);
}

void Mutation::SetLabelled(bool labelled) {
  CHECK(entry_ != nullptr);
  BeginValue();
  store_.RecordHead(db_, *entry_);
  KeyRecordEdit::SetLabels(*entry_, labelled);
}

void Mutation::DropLabels() {
  DCHECK(value_changed_);
  if (entry_ != nullptr && entry_->has_labels()) store_.followers_.labels->Drop(db_, key_);
}

bool Mutation::SetDeadline(Deadline deadline) {
  CHECK(entry_ != nullptr);
  CHECK(deadline.exists());
  DCHECK(!entry_->has_lease());
  if (deadline.DueAt(store_.elapsed_ms_, store_.wall_ms_)) {
    Delete();
    return false;
  }
  Begin();
  touched_ = true;
  const DeadlineWord word = store_.File(db_, hash_, deadline, KeyRecordEdit::DeadlineOf(*entry_));
  if (entry_->has_deadline()) {
    store_.RecordHead(db_, *entry_);
    KeyRecordEdit::SetDeadline(*entry_, word);
  } else {
    Install(KeyRecordEdit::Reshape(*entry_, key_, word), true);
  }
  return true;
}

bool Mutation::ClearDeadline() {
  CHECK(entry_ != nullptr);
  if (!entry_->has_deadline()) return false;
  Begin();
  touched_ = true;
  Install(KeyRecordEdit::Reshape(*entry_, key_, {}), true);
  return true;
}

void Mutation::Delete() {
  CHECK(entry_ != nullptr);
  Begin();
  store_.Remove(db_, key_, hash_);
  entry_ = nullptr;
  deleted_ = true;
}

bool Mutation::Commit(Event event, Reason reason) {
  DCHECK(!committed_);
  committed_ = true;
  if (!begun_) return false;
  const Revision revision = store_.TakeRevision();
  if (entry_ != nullptr && value_changed_) store_.SetRevision(db_, *entry_, revision);
  const bool deleted = deleted_ && !Planted(Bug::kWatchBlindToDeletes);
  if (deleted || (touched_ && !Planted(Bug::kWatchBlindToTtls))) store_.Touch(db_, hash_);
  const uint8_t hooks = store_.hooks_[db_];
  if ((hooks & kCommitHooks) == 0) [[likely]]
    return true;
  if (reason == Reason::kCmd) reason = store_.reason_;
  Observer* const observer = store_.observer_;
  DCHECK(observer != nullptr || (hooks & kShortHooks) == 0);
  if ((hooks & kTellingHooks) == kShortHooks && entry_ != nullptr &&
      observer->OnPut(*entry_, db_, reason, existed_)) [[likely]] {
    DCHECK(value_changed_);
    return true;
  }
  Tell(event, reason);
  return true;
}

void Mutation::Tell(const Event& event, Reason reason) {
  CHECK(committed_);
  CHECK(store_.ItemRevision() != 0);
  const bool kept = Planted(Bug::kIndexKeepsLeased) && reason == Reason::kLease;
  if (store_.Hooked(db_, Hook::kIndexes) && (value_changed_ || deleted_) && !kept)
    store_.followers_.indexes->OnKey(db_, key_, hash_, entry_);
  if ((store_.hooks_[db_] & kObserverHooks) == 0) return;

  Change change{
      .db = db_, .key = key_, .reason = reason, .event = event, .revision = store_.ItemRevision()};
  if (entry_ != nullptr) {
    change.kind = value_changed_ ? ChangeKind::kPut : ChangeKind::kTouch;
    change.created = !existed_;
    change.record = entry_;
    if (store_.armed(db_)) {
      store_.Emit(change);
    } else if (store_.observer_ != nullptr) {
      store_.observer_->OnChange(change);
    }
    return;
  }
  if (!existed_) return;  // came and went within this mutation
  change.kind = ChangeKind::kDelete;
  store_.Emit(change);
  if (emptied_) store_.Notify(db_, key_, {EventClass::kGeneric, "del"});
}

}  // namespace clustron::store
