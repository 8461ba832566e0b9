#include "store/keyspace/key_record.h"

#include <charconv>
#include <memory>

#include "store/keyspace/alloc.h"
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/varint.h"
#include "store/types/hash/hash_edit.h"
#include "store/types/string/big_string.h"

namespace clustron::store {

std::string_view TypeName(Type type) {
  static constexpr std::string_view kNames[] = {"string", "list", "set", "zset", "hash", "stream"};
  return kNames[static_cast<size_t>(type)];
}

std::string_view KeyRecord::key() const {
  const char* p = after_deadline();
  if (out_of_line()) {
    p += sizeof(void*);
    const size_t size = GetVarint(p);
    return {p, size};
  }
  const size_t size = GetVarint(p);
  GetVarint(p);
  return {p, size};
}

std::string_view KeyRecord::inline_value() const {
  DCHECK(!out_of_line());
  const char* p = after_deadline();
  const size_t key_size = GetVarint(p);
  const size_t size = GetVarint(p);
  return {p + key_size, size};
}

Deadline KeyRecord::deadline() const { return KeyRecordEdit::DeadlineOf(*this).deadline(); }

std::string_view KeyRecord::encoding() const {
  switch (form()) {
    case Form::kInt:
      return "int";
    case Form::kEmbstr:
      return "embstr";
    case Form::kRaw:
    case Form::kBig:
      return "raw";
    case Form::kObject:
      return hash().packed() ? "listpack" : "hashtable";
  }
  UNREACHABLE();
}

size_t KeyRecord::StringSize() const {
  DCHECK(type() == Type::kString);
  return form() == Form::kBig ? KeyRecordEdit::Big(*this).size() : inline_value().size();
}

std::string_view KeyRecord::String(Scratch& scratch) const {
  DCHECK(type() == Type::kString);
  if (form() != Form::kBig) return inline_value();
  const BigString& big = KeyRecordEdit::Big(*this);
  return big.Range(0, big.size(), scratch);
}

std::string_view KeyRecord::StringRange(size_t offset, size_t size, Scratch& scratch) const {
  DCHECK(type() == Type::kString);
  if (form() == Form::kBig) return KeyRecordEdit::Big(*this).Range(offset, size, scratch);
  const std::string_view value = inline_value();
  return offset >= value.size() ? std::string_view() : value.substr(offset, size);
}

size_t KeyRecord::PieceCount() const {
  DCHECK(type() == Type::kString);
  return form() == Form::kBig ? KeyRecordEdit::Big(*this).piece_count() : 1;
}

std::string_view KeyRecord::Piece(size_t index) const {
  return form() == Form::kBig ? KeyRecordEdit::Big(*this).piece(index) : inline_value();
}

SharedBytes KeyRecord::SharedPiece(size_t index, size_t offset, size_t size) const {
  return KeyRecordEdit::Big(*this).SharePiece(index, offset, size);
}

const HashValue& KeyRecord::hash() const {
  DCHECK(type() == Type::kHash);
  return KeyRecordEdit::Hash(const_cast<KeyRecord&>(*this));
}

size_t KeyRecord::MemoryUsage() const {
  constexpr size_t kTableShare = 12;  // bytes of the table per key at common loads
  size_t sum = kTableShare + AllocSize(KeyRecordEdit::ShellBytes(*this));
  if (form() == Form::kBig) sum += KeyRecordEdit::Big(*this).MemoryUsage();
  if (type() == Type::kHash) sum += hash().MemoryUsage();
  return sum;
}

KeyRecord* KeyRecordEdit::NewShell(size_t body_bytes, Type type, Form form, DeadlineWord deadline) {
  const size_t bytes = sizeof(uint64_t) + (deadline.exists() ? 8 : 0) + body_bytes;
  auto* e = ::new (Alloc(bytes)) KeyRecord();
  e->head_ = static_cast<uint64_t>(type) << 48 | static_cast<uint64_t>(form) << 52;
  if (deadline.exists()) {
    e->head_ |= KeyRecord::kHasDeadline;
    const uint64_t bits = deadline.bits();
    std::memcpy(Mutable(e->body()), &bits, sizeof bits);
  }
  return e;
}

KeyRecord* KeyRecordEdit::NewInline(std::string_view key, size_t size, Form form,
                                    DeadlineWord deadline) {
  const size_t body = VarintSize(key.size()) + VarintSize(size) + key.size() + size;
  KeyRecord* e = NewShell(body, Type::kString, form, deadline);
  char* p = PutVarint(Mutable(e->after_deadline()), key.size());
  p = PutVarint(p, size);
  std::memcpy(p, key.data(), key.size());
  return e;
}

KeyRecord* KeyRecordEdit::NewPointer(std::string_view key, Type type, Form form, uintptr_t value,
                                     DeadlineWord deadline) {
  const size_t body = sizeof(value) + VarintSize(key.size()) + key.size();
  KeyRecord* e = NewShell(body, type, form, deadline);
  SetPointer(*e, value);
  char* p = PutVarint(Mutable(e->after_deadline()) + sizeof(value), key.size());
  std::memcpy(p, key.data(), key.size());
  return e;
}

KeyRecord* KeyRecordEdit::Reshape(const KeyRecord& e, std::string_view key, DeadlineWord deadline) {
  KeyRecord* copy;
  if (e.out_of_line()) {
    copy = NewPointer(key, e.type(), e.form(), Pointer(e), deadline);
  } else {
    const std::string_view value = e.inline_value();
    copy = NewInline(key, value.size(), e.form(), deadline);
    std::memcpy(InlineBytes(*copy), value.data(), value.size());
  }
  const uint64_t has_deadline = copy->head_ & KeyRecord::kHasDeadline;
  copy->head_ = (e.head_ & ~KeyRecord::kHasDeadline) | has_deadline;
  return copy;
}

KeyRecord* KeyRecordEdit::Clone(const KeyRecord& e, std::string_view key, DeadlineWord deadline) {
  KeyRecord* copy = Reshape(e, key, deadline);
  if (e.form() == Form::kBig) {
    SetPointer(*copy, reinterpret_cast<uintptr_t>(Big(e).Share().release()));
  } else if (e.form() == Form::kObject) {
    SetPointer(*copy, HashEdit::Copy(e.hash()));
  }
  return copy;
}

void KeyRecordEdit::FreeShell(KeyRecord* e) { Free(e, ShellBytes(*e)); }

void KeyRecordEdit::Destroy(KeyRecord* e) {
  if (e->form() == Form::kBig) delete &Big(*e);
  if (e->form() == Form::kObject) HashEdit::Destroy(Pointer(*e));
  FreeShell(e);
}

size_t KeyRecordEdit::ShellBytes(const KeyRecord& e) {
  const char* start = reinterpret_cast<const char*>(&e);
  if (e.out_of_line()) {
    const std::string_view key = e.key();
    return static_cast<size_t>(key.data() + key.size() - start);
  }
  const std::string_view value = e.inline_value();
  return static_cast<size_t>(value.data() + value.size() - start);
}

DeadlineWord KeyRecordEdit::DeadlineOf(const KeyRecord& e) {
  if (!e.has_deadline()) return {};
  uint64_t bits;
  std::memcpy(&bits, e.body(), sizeof bits);
  return DeadlineWord::FromBits(bits);
}

HashValue& KeyRecordEdit::Hash(KeyRecord& e) { return HashEdit::From(Mutable(e.after_deadline())); }

char* KeyRecordEdit::InlineBytes(KeyRecord& e) { return Mutable(e.inline_value().data()); }

bool KeyRecordEdit::FitsInPlace(const KeyRecord& e, size_t size) {
  if (e.out_of_line() || size > kInlineMax) return false;
  const size_t old = e.inline_value().size();
  if (old == size) return true;
  const size_t bytes = ShellBytes(e);
  return VarintSize(old) == VarintSize(size) && AllocSize(bytes) == AllocSize(bytes - old + size);
}

void KeyRecordEdit::SetDeadline(KeyRecord& e, DeadlineWord word) {
  DCHECK(e.has_deadline());
  DCHECK(word.exists());
  const uint64_t bits = word.bits();
  std::memcpy(Mutable(e.body()), &bits, sizeof bits);
}

void KeyRecordEdit::SetPointer(KeyRecord& e, uintptr_t value) {
  std::memcpy(Mutable(e.after_deadline()), &value, sizeof value);
}

void KeyRecordEdit::SetInlineSize(KeyRecord& e, size_t size) {
  DCHECK(FitsInPlace(e, size));
  const char* p = e.after_deadline();
  GetVarint(p);
  PutVarint(Mutable(p), size);
}

Form KeyRecordEdit::Classify(std::string_view value) {
  if (value.size() <= 20 && IsCanonicalInt(value)) return Form::kInt;
  return value.size() <= kEmbstrMax ? Form::kEmbstr : Form::kRaw;
}

bool IsCanonicalInt(std::string_view text) {
  if (text.empty() || text.size() > 20) return false;
  const size_t sign = text[0] == '-' ? 1 : 0;
  if (text.size() == sign) return false;
  if (text[sign] < '0' || text[sign] > '9') return false;
  if (text[sign] == '0') return text.size() == 1;
  int64_t value;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end;
}

}  // namespace clustron::store
