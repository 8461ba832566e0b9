#include "store/keyspace/mutation.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "store/keyspace/journal.h"
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/store.h"
#include "store/keyspace/table.h"
#include "store/types/hash/big_hash.h"
#include "store/types/hash/hash_edit.h"
#include "store/types/string/big_string.h"

namespace clustron::store {

Mutation::Mutation(Store& store, int db, std::string_view key, uint64_t hash)
    : store_(store), key_(key), hash_(hash), db_(db) {
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
  if (due_) {
    store_.RemoveDue(db_, key_, hash_);
  } else if (store_.Hooked(db_, Hook::kSnapshot)) [[unlikely]] {
    store_.BeforeChange(db_, hash_, entry_);
  }
}

void Mutation::Install(KeyRecord* now, bool same_value) {
  store_.Install(db_, hash_, entry_, now, same_value);
  entry_ = now;
}

void Mutation::SetString(std::string_view value, Keep keep, StringForm form, Deadline deadline) {
  Begin();
  value_changed_ = true;
  const Form kept_as = form == StringForm::kRaw ? Form::kRaw : KeyRecordEdit::Classify(value);
  const Form as = form == StringForm::kText && kept_as == Form::kInt ? Form::kEmbstr : kept_as;

  DeadlineWord word;
  if (entry_ != nullptr) {
    word = KeyRecordEdit::DeadlineOf(*entry_);
    if (keep == Keep::kNothing && entry_->has_lease()) store_.Detach(db_, key_);
  }
  if (deadline.exists()) {
    word = store_.File(db_, hash_, deadline, word);
  } else if (keep == Keep::kNothing) {
    word = {};
  }

  // In place, when the old value's room will do and nobody needs the old one.
  if (entry_ != nullptr && !store_.armed(db_) && entry_->has_deadline() == word.exists() &&
      KeyRecordEdit::FitsInPlace(*entry_, value.size())) {
    KeyRecordEdit::SetInlineSize(*entry_, value.size());
    std::memcpy(KeyRecordEdit::InlineBytes(*entry_), value.data(), value.size());
    KeyRecordEdit::SetForm(*entry_, Type::kString, as);
    if (word.exists()) KeyRecordEdit::SetDeadline(*entry_, word);
    if (keep == Keep::kNothing) KeyRecordEdit::SetLease(*entry_, false);
    if (keep != Keep::kAll) KeyRecordEdit::SetLabels(*entry_, false);
    return;
  }

  KeyRecord* now;
  if (value.size() <= KeyRecordEdit::kInlineMax) {
    now = KeyRecordEdit::NewInline(key_, value.size(), as, word);
    std::memcpy(KeyRecordEdit::InlineBytes(*now), value.data(), value.size());
  } else {
    auto big = std::make_unique<BigString>();
    big->Append(value);
    now = KeyRecordEdit::NewPointer(key_, Type::kString, Form::kBig,
                                    reinterpret_cast<uintptr_t>(big.release()), word);
  }
  if (entry_ != nullptr) {
    KeyRecordEdit::SetRevision(*now, entry_->revision());
    KeyRecordEdit::SetLease(*now, keep != Keep::kNothing && entry_->has_lease());
    KeyRecordEdit::SetLabels(*now, keep == Keep::kAll && entry_->has_labels());
  }
  Install(now, false);
}

char* Mutation::WritableInline(size_t size) {
  DCHECK(size <= KeyRecordEdit::kInlineMax);
  if (entry_ != nullptr && !store_.armed(db_) && KeyRecordEdit::FitsInPlace(*entry_, size)) {
    KeyRecordEdit::SetInlineSize(*entry_, size);
    KeyRecordEdit::SetForm(*entry_, Type::kString, Form::kRaw);
    return KeyRecordEdit::InlineBytes(*entry_);
  }
  const DeadlineWord word = entry_ == nullptr ? DeadlineWord() : KeyRecordEdit::DeadlineOf(*entry_);
  KeyRecord* now = KeyRecordEdit::NewInline(key_, size, Form::kRaw, word);
  char* bytes = KeyRecordEdit::InlineBytes(*now);
  if (entry_ != nullptr) {
    KeyRecordEdit::SetHead(*now, KeyRecordEdit::Head(*entry_));
    KeyRecordEdit::SetForm(*now, Type::kString, Form::kRaw);
    const std::string_view old = entry_->inline_value();
    std::memcpy(bytes, old.data(), std::min(old.size(), size));
  }
  Install(now, false);
  return bytes;
}

BigString& Mutation::WritableBig() {
  if (entry_ == nullptr || KeyRecordEdit::IsInline(*entry_)) {
    auto big = std::make_unique<BigString>();
    DeadlineWord word;
    uint64_t head = 0;
    if (entry_ != nullptr) {
      big->Append(entry_->inline_value());
      word = KeyRecordEdit::DeadlineOf(*entry_);
      head = KeyRecordEdit::Head(*entry_);
    }
    KeyRecord* now = KeyRecordEdit::NewPointer(key_, Type::kString, Form::kBig,
                                               reinterpret_cast<uintptr_t>(big.release()), word);
    if (head != 0) {
      KeyRecordEdit::SetHead(*now, head);
      KeyRecordEdit::SetForm(*now, Type::kString, Form::kBig);
    }
    Install(now, false);
  }
  return KeyRecordEdit::Big(*entry_);
}

void Mutation::WriteBig(size_t offset, std::string_view bytes) {
  BigString& big = WritableBig();
  if (store_.armed(db_)) {
    undo::BigStringWritten record{&big, big.size(), offset, {}};
    Scratch scratch;
    record.bytes = std::string(big.Range(offset, bytes.size(), scratch));
    store_.journal_->Add(std::move(record));
  }
  big.Write(offset, bytes);
}

void Mutation::Append(std::string_view bytes) {
  if (entry_ == nullptr) return SetString(bytes, Keep::kAll);
  SetRange(entry_->StringSize(), bytes);
}

void Mutation::SetRange(size_t offset, std::string_view bytes) {
  DCHECK(entry_ == nullptr || entry_->type() == Type::kString);
  Begin();
  value_changed_ = true;
  const size_t old_size = entry_ == nullptr ? 0 : entry_->StringSize();
  const size_t size = std::max(old_size, offset + bytes.size());
  if (size > KeyRecordEdit::kInlineMax ||
      (entry_ != nullptr && !KeyRecordEdit::IsInline(*entry_))) {
    return WriteBig(offset, bytes);
  }
  char* to = WritableInline(size);
  if (offset > old_size) std::memset(to + old_size, 0, offset - old_size);
  std::memcpy(to + offset, bytes.data(), bytes.size());
}

bool Mutation::SetBit(uint64_t bit_offset, bool bit) {
  const size_t at = bit_offset / 8;
  const auto mask = static_cast<uint8_t>(0x80 >> (bit_offset % 8));
  Scratch scratch;
  const std::string_view old =
      entry_ == nullptr ? std::string_view() : entry_->StringRange(at, 1, scratch);
  const uint8_t byte = old.empty() ? 0 : static_cast<uint8_t>(old[0]);
  const char now = static_cast<char>(bit ? byte | mask : byte & ~mask);
  SetRange(at, {&now, 1});
  return (byte & mask) != 0;
}

bool Mutation::HashSet(std::string_view field, std::string_view value) {
  DCHECK(entry_ == nullptr || entry_->type() == Type::kHash);
  Begin();
  value_changed_ = true;
  if (entry_ == nullptr) {
    Install(KeyRecordEdit::NewPointer(key_, Type::kHash, Form::kObject, HashEdit::New(), {}),
            false);
  }
  HashValue& h = KeyRecordEdit::Hash(*entry_);
  if (!store_.armed(db_)) {
    return HashEdit::Set(h, field, value, store_.hash_limits_, store_.seed_, nullptr);
  }
  HashUndo inverse;
  const bool added = HashEdit::Set(h, field, value, store_.hash_limits_, store_.seed_, &inverse);
  store_.journal_->Add(undo::HashChanged{entry_, std::move(inverse)});
  return added;
}

bool Mutation::HashDelete(std::string_view field) {
  if (entry_ == nullptr) return false;
  DCHECK(entry_->type() == Type::kHash);
  HashValue& h = KeyRecordEdit::Hash(*entry_);
  if (!h.Has(field)) return false;
  Begin();
  value_changed_ = true;
  if (h.size() == 1) {
    store_.Remove(db_, key_, hash_);
    entry_ = nullptr;
    deleted_ = emptied_ = true;
    return true;
  }
  if (!store_.armed(db_)) return HashEdit::Remove(h, field, nullptr);
  HashUndo inverse;
  HashEdit::Remove(h, field, &inverse);
  store_.journal_->Add(undo::HashChanged{entry_, std::move(inverse)});
  return true;
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
  if ((store_.hooks_[db_] & Store::kObserverHooks) == 0) [[likely]]
    return true;

  Change change{.db = db_, .key = key_, .reason = reason, .event = event, .revision = revision};
  if (entry_ != nullptr) {
    change.kind = value_changed_ ? ChangeKind::kPut : ChangeKind::kTouch;
    change.created = !existed_;
    change.record = entry_;
    store_.Emit(change);
    return true;
  }
  if (!existed_) return true;  // came and went within this mutation
  change.kind = ChangeKind::kDelete;
  store_.Emit(change);
  if (emptied_) store_.Notify(db_, key_, {EventClass::kGeneric, "del"});
  return true;
}

}  // namespace clustron::store
