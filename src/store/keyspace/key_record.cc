#include "store/keyspace/key_record.h"

#include <memory>

#include "store/keyspace/alloc.h"
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/value_type.h"
#include "store/keyspace/varint.h"

namespace clustron::store {

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

Deadline KeyRecord::deadline() const { return KeyRecordEdit::DeadlineOf(*this).deadline(); }

std::string_view KeyRecord::encoding() const { return ValueTypeOf(*this).encoding(*this); }

size_t KeyRecord::MemoryUsage() const {
  constexpr size_t kTableShare = 12;  // bytes of the table per key at common loads
  size_t sum = kTableShare + AllocSize(KeyRecordEdit::ShellBytes(*this));
  return sum + (out_of_line() ? ValueTypeOf(*this).memory_usage(*this) : 0);
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
  DCHECK(form < Form::kBig);
  const size_t body = VarintSize(key.size()) + VarintSize(size) + key.size() + size;
  KeyRecord* e = NewShell(body, Type::kString, form, deadline);
  char* p = PutVarint(Mutable(e->after_deadline()), key.size());
  p = PutVarint(p, size);
  std::memcpy(p, key.data(), key.size());
  return e;
}

KeyRecord* KeyRecordEdit::NewPointer(std::string_view key, Type type, Form form, uintptr_t value,
                                     DeadlineWord deadline) {
  CHECK(form >= Form::kBig);
  CHECK(value != 0);
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
  if (e.out_of_line()) SetPointer(*copy, ValueTypeOf(e).share(e));
  return copy;
}

void KeyRecordEdit::FreeShell(KeyRecord* e) { Free(e, ShellBytes(*e)); }

void KeyRecordEdit::Destroy(KeyRecord* e) {
  if (e->out_of_line()) ValueTypeOf(*e).destroy(Pointer(*e));
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

}  // namespace clustron::store
