#include "store/types/string/string_edit.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "base/check.h"
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/value_type.h"
#include "store/types/string/big_string.h"
#include "store/types/string/string_type.h"
#include "store/types/string/string_value.h"

namespace clustron::store {

namespace {

// Bytes of a string out of line were overwritten, or put behind its end.
class Written final : public ValueUndo {
 public:
  Written(size_t size, size_t offset, std::string bytes)
      : size_(size), offset_(offset), bytes_(std::move(bytes)) {}
  void Undo(KeyRecord& record) override {
    BigString& big = BigOf(record);
    big.Truncate(size_);
    big.Write(std::min(offset_, size_), bytes_);
  }
  size_t kept_bytes() const override { return bytes_.size(); }

 private:
  const size_t size_;  // before
  const size_t offset_;
  const std::string bytes_;  // that were there
};

// The inline value as `size` bytes that may be written, the old ones kept; form raw.
char* WritableInline(Mutation& m, size_t size) {
  DCHECK(size <= KeyRecordEdit::kInlineMax);
  KeyRecord* record = m.writable();
  if (record != nullptr && !m.undoable() && KeyRecordEdit::FitsInPlace(*record, size)) {
    KeyRecordEdit::SetInlineSize(*record, size);
    KeyRecordEdit::SetForm(*record, Type::kString, Form::kRaw);
    return KeyRecordEdit::InlineBytes(*record);
  }
  const DeadlineWord word = record == nullptr ? DeadlineWord() : KeyRecordEdit::DeadlineOf(*record);
  KeyRecord* now = KeyRecordEdit::NewInline(m.key(), size, Form::kRaw, word);
  char* bytes = KeyRecordEdit::InlineBytes(*now);
  if (record != nullptr) {
    KeyRecordEdit::SetHead(*now, KeyRecordEdit::Head(*record));
    KeyRecordEdit::SetForm(*now, Type::kString, Form::kRaw);
    const std::string_view old = KeyRecordEdit::InlineValue(*record);
    std::memcpy(bytes, old.data(), std::min(old.size(), size));
  }
  m.Install(now);
  return bytes;
}

// The value out of line; it is moved there when need be.
BigString& WritableBig(Mutation& m) {
  const KeyRecord* record = m.record();
  if (record == nullptr || KeyRecordEdit::IsInline(*record)) {
    auto big = std::make_unique<BigString>();
    DeadlineWord word;
    uint64_t head = 0;
    if (record != nullptr) {
      big->Append(KeyRecordEdit::InlineValue(*record));
      word = KeyRecordEdit::DeadlineOf(*record);
      head = KeyRecordEdit::Head(*record);
    }
    KeyRecord* now = NewBigString(m.key(), std::move(big), word);
    if (head != 0) {
      KeyRecordEdit::SetHead(*now, head);
      KeyRecordEdit::SetForm(*now, Type::kString, Form::kBig);
    }
    m.Install(now);
  }
  return BigOf(*m.record());
}

void WriteBig(Mutation& m, size_t offset, std::string_view bytes) {
  BigString& big = WritableBig(m);
  if (m.undoable()) {
    Scratch scratch;
    m.AddUndo(std::make_unique<Written>(big.size(), offset,
                                        std::string(big.Range(offset, bytes.size(), scratch))));
  }
  big.Write(offset, bytes);
}

}  // namespace

void SetString(Mutation& m, std::string_view value, Keep keep, StringForm form, Deadline deadline) {
  m.BeginValue();
  KeyRecord* record = m.writable();
  const Form kept_as = form == StringForm::kRaw ? Form::kRaw : ClassifyString(value);
  const Form as = form == StringForm::kText && kept_as == Form::kInt ? Form::kEmbstr : kept_as;

  DeadlineWord word;
  if (record != nullptr) {
    word = KeyRecordEdit::DeadlineOf(*record);
    if (keep == Keep::kNothing && record->has_lease()) m.DetachLease();
  }
  if (deadline.exists()) {
    CHECK(keep == Keep::kNothing || record == nullptr || !record->has_lease());
    word = m.FileDeadline(deadline, word);
  } else if (keep == Keep::kNothing) {
    word = {};
  }

  // In place, when the old value's room will do and nobody needs the old one.
  if (record != nullptr && !m.undoable() && record->has_deadline() == word.exists() &&
      KeyRecordEdit::FitsInPlace(*record, value.size())) {
    if (keep != Keep::kAll) m.DropLabels();
    KeyRecordEdit::SetInlineSize(*record, value.size());
    std::memcpy(KeyRecordEdit::InlineBytes(*record), value.data(), value.size());
    KeyRecordEdit::SetForm(*record, Type::kString, as);
    if (word.exists()) KeyRecordEdit::SetDeadline(*record, word);
    if (keep == Keep::kNothing) KeyRecordEdit::SetLease(*record, false);
    if (keep != Keep::kAll) KeyRecordEdit::SetLabels(*record, false);
    return;
  }

  KeyRecord* now;
  if (value.size() <= KeyRecordEdit::kInlineMax) {
    now = KeyRecordEdit::NewInline(m.key(), value.size(), as, word);
    std::memcpy(KeyRecordEdit::InlineBytes(*now), value.data(), value.size());
  } else {
    auto big = std::make_unique<BigString>();
    big->Append(value);
    now = NewBigString(m.key(), std::move(big), word);
  }
  if (record != nullptr) {
    KeyRecordEdit::SetRevision(*now, record->revision());
    KeyRecordEdit::SetLease(*now, keep != Keep::kNothing && record->has_lease());
    KeyRecordEdit::SetLabels(*now, keep == Keep::kAll && record->has_labels());
  }
  m.Install(now);
}

void AppendString(Mutation& m, std::string_view bytes) {
  if (!m.exists()) return SetString(m, bytes, Keep::kAll);
  WriteString(m, StringOf(*m.record()).size(), bytes);
}

void WriteString(Mutation& m, size_t offset, std::string_view bytes) {
  m.BeginValue();
  const KeyRecord* record = m.record();
  const size_t old_size = record == nullptr ? 0 : StringOf(*record).size();
  const size_t size = std::max(old_size, offset + bytes.size());
  if (size > KeyRecordEdit::kInlineMax ||
      (record != nullptr && !KeyRecordEdit::IsInline(*record))) {
    return WriteBig(m, offset, bytes);
  }
  char* to = WritableInline(m, size);
  if (offset > old_size) std::memset(to + old_size, 0, offset - old_size);
  std::memcpy(to + offset, bytes.data(), bytes.size());
}

bool SetStringBit(Mutation& m, uint64_t bit_offset, bool bit) {
  const size_t at = bit_offset / 8;
  const auto mask = static_cast<uint8_t>(0x80 >> (bit_offset % 8));
  Scratch scratch;
  const std::string_view old =
      m.exists() ? StringOf(*m.record()).Range(at, 1, scratch) : std::string_view();
  const uint8_t byte = old.empty() ? 0 : static_cast<uint8_t>(old[0]);
  const char now = static_cast<char>(bit ? byte | mask : byte & ~mask);
  WriteString(m, at, {&now, 1});
  return (byte & mask) != 0;
}

}  // namespace clustron::store
