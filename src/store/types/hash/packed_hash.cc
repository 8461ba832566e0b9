#include "store/types/hash/packed_hash.h"

#include <cstring>

#include "base/check.h"
#include "store/keyspace/alloc.h"
#include "store/keyspace/varint.h"

namespace clustron::store {
namespace {

char* PutBytes(char* p, std::string_view bytes) {
  p = PutVarint(p, bytes.size());
  std::memcpy(p, bytes.data(), bytes.size());
  return p + bytes.size();
}
std::string_view GetBytes(const char*& p) {
  const size_t size = GetVarint(p);
  const std::string_view view(p, size);
  p += size;
  return view;
}
size_t Stored(std::string_view bytes) { return VarintSize(bytes.size()) + bytes.size(); }

}  // namespace

PackedHash* PackedHash::New() {
  auto* p = static_cast<PackedHash*>(Alloc(sizeof(PackedHash)));
  p->bytes_ = sizeof(PackedHash);
  p->count_ = 0;
  return p;
}

void PackedHash::Delete(PackedHash* p) { Free(p, p->bytes_); }

PackedHash* PackedHash::Clone() const {
  auto* p = static_cast<PackedHash*>(Alloc(bytes_));
  std::memcpy(static_cast<void*>(p), this, bytes_);
  return p;
}

size_t PackedHash::Find(std::string_view field) const {
  for (const char* p = data() + begin(); p != data() + end();) {
    const char* item = p;
    const std::string_view here = GetBytes(p);
    if (here == field) return static_cast<size_t>(item - data());
    const size_t value_size = GetVarint(p);
    p += value_size;
  }
  return kNone;
}

FieldValue PackedHash::Read(size_t& at) const {
  const char* p = data() + at;
  FieldValue fv;
  fv.field = GetBytes(p);
  fv.value = GetBytes(p);
  at = static_cast<size_t>(p - data());
  return fv;
}

size_t PackedHash::OffsetOf(size_t index) const {
  DCHECK(index < count_);
  size_t at = begin();
  while (index-- > 0) Read(at);
  return at;
}

PackedHash* PackedHash::Splice(PackedHash* p, size_t at, size_t old_size, size_t new_size) {
  const size_t bytes = p->bytes_;
  const size_t new_bytes = bytes - old_size + new_size;
  const size_t tail = bytes - at - old_size;
  if (AllocSize(bytes) == AllocSize(new_bytes)) {
    std::memmove(p->data() + at + new_size, p->data() + at + old_size, tail);
    p->bytes_ = static_cast<uint32_t>(new_bytes);
    return p;
  }
  auto* q = static_cast<PackedHash*>(Alloc(new_bytes));
  std::memcpy(static_cast<void*>(q), p, at);
  std::memcpy(q->data() + at + new_size, p->data() + at + old_size, tail);
  q->bytes_ = static_cast<uint32_t>(new_bytes);
  Delete(p);
  return q;
}

PackedHash* PackedHash::Add(PackedHash* p, std::string_view field, std::string_view value) {
  const size_t at = p->end();
  p = Splice(p, at, 0, Stored(field) + Stored(value));
  PutBytes(PutBytes(p->data() + at, field), value);
  p->count_++;
  return p;
}

PackedHash* PackedHash::Replace(PackedHash* p, size_t at, std::string_view value) {
  const char* q = p->data() + at;
  GetBytes(q);
  const size_t value_at = static_cast<size_t>(q - p->data());
  const size_t old_size = Stored(GetBytes(q));
  p = Splice(p, value_at, old_size, Stored(value));
  PutBytes(p->data() + value_at, value);
  return p;
}

PackedHash* PackedHash::Remove(PackedHash* p, size_t at) {
  size_t behind = at;
  p->Read(behind);
  p = Splice(p, at, behind - at, 0);
  p->count_--;
  return p;
}

size_t PackedHash::MemoryUsage() const { return AllocSize(bytes_); }

}  // namespace clustron::store
