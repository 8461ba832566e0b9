#include "store/types/list/list_chunk.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include "store/keyspace/alloc.h"
#include "store/keyspace/value_type.h"

namespace clustron::store {

namespace {

constexpr std::array<uint8_t, 256> kSizes = [] {
  std::array<uint8_t, 256> sizes = {};
  for (size_t code = 0; code < sizes.size(); code++)
    sizes[code] = static_cast<uint8_t>(EncodedElement::SizeOf(static_cast<uint8_t>(code)));
  return sizes;
}();

}  // namespace

ListChunk* ListChunk::New(size_t room, bool reversed) {
  CHECK(room <= kRoomMax);
  const size_t bytes = AllocSize(kHeaderBytes + room);
  auto* chunk = ::new (Alloc(bytes)) ListChunk();
  chunk->refs_ = 1;
  chunk->count_ = chunk->first_ = chunk->begin_ = chunk->end_ = 0;
  chunk->room_ = static_cast<uint16_t>(bytes - kHeaderBytes);
  chunk->code_ = 0;
  chunk->uniform_ = true;
  chunk->reversed_ = reversed;
  chunk->has_blobs_ = false;
  chunk->listpack_bytes_ = 0;
  return chunk;
}

void ListChunk::Unref(ListChunk* chunk) {
  DCHECK(chunk->refs_ > 0);
  if (--chunk->refs_ != 0) return;
  if (chunk->has_blobs_) {
    size_t offset = chunk->begin_;
    for (size_t i = 0; i < chunk->count_; i++) {
      const uint8_t code = chunk->CodeAt(i);
      chunk->ForgetBlob(code, offset);
      offset += kSizes[code];
    }
  }
  Free(chunk, chunk->AllocBytes());
}

ListChunk* ListChunk::Clone() const {
  auto* copy = static_cast<ListChunk*>(Alloc(AllocBytes()));
  std::memcpy(static_cast<void*>(copy), this, AllocBytes());
  copy->refs_ = 1;
  if (!has_blobs_) return copy;
  size_t offset = begin_;
  for (size_t i = 0; i < count_; i++) {
    const uint8_t code = CodeAt(i);
    if (code == EncodedElement::kBlob) EncodedElement::BlobAt(bytes() + offset)->refs++;
    offset += kSizes[code];
  }
  return copy;
}

size_t ListChunk::MemoryUsage() const {
  size_t sum = AllocSize(AllocBytes());
  if (!has_blobs_) return sum;
  size_t offset = begin_;
  for (size_t i = 0; i < count_; i++) {
    const uint8_t code = CodeAt(i);
    if (code == EncodedElement::kBlob)
      sum += AllocSize(ListBlob::AllocBytes(EncodedElement::BlobAt(bytes() + offset)->size));
    offset += kSizes[code];
  }
  return sum;
}

size_t ListChunk::OffsetOf(size_t physical) const {
  DCHECK(physical <= count_);
  if (uniform_) return begin_ + physical * kSizes[code_];
  const uint8_t* code = codes() - first_;
  if (2 * physical <= count_) {
    size_t offset = begin_;
    for (size_t i = 0; i < physical; i++) offset += kSizes[*(code - i)];
    return offset;
  }
  size_t offset = end_;
  for (size_t i = count_; i > physical; i--) offset -= kSizes[*(code - (i - 1))];
  return offset;
}

ListChunk::Cursor ListChunk::At(size_t index) const {
  if (index == count_) return {reversed_ ? SIZE_MAX : count_, 0};
  const size_t physical = Physical(index);
  return {physical, OffsetOf(physical)};
}

void ListChunk::Compact() {
  std::memmove(bytes(), bytes() + begin_, static_cast<size_t>(end_ - begin_));
  end_ = static_cast<uint16_t>(end_ - begin_);
  begin_ = 0;
  if (uniform_ || first_ == 0) return;
  uint8_t* top = codes() + 1;
  std::memmove(top - count_, top - first_ - count_, count_);
  first_ = 0;
}

void ListChunk::SpellCodes() {
  DCHECK(uniform_ && Gap() >= count_);
  first_ = 0;
  uniform_ = false;
  std::memset(codes() + 1 - count_, code_, count_);
}

ListChunk* ListChunk::Moved(ListChunk* chunk, size_t room) {
  ListChunk* to = New(room, chunk->reversed_);
  CHECK(to->room_ >= chunk->used());
  to->count_ = chunk->count_;
  to->code_ = chunk->code_;
  to->uniform_ = chunk->uniform_;
  to->has_blobs_ = chunk->has_blobs_;
  to->listpack_bytes_ = chunk->listpack_bytes_;
  to->end_ = static_cast<uint16_t>(chunk->end_ - chunk->begin_);
  std::memcpy(to->bytes(), chunk->bytes() + chunk->begin_, to->end_);
  if (!chunk->uniform_)
    std::memcpy(to->codes() + 1 - to->count_, chunk->codes() + 1 - chunk->first_ - chunk->count_,
                to->count_);
  Free(chunk, chunk->AllocBytes());
  return to;
}

bool ListChunk::Insert(ListChunk** chunk, size_t index, const EncodedElement& element) {
  ListChunk* c = *chunk;
  DCHECK(!c->shared());
  DCHECK(index <= c->count_);
  if (c->count_ == kCountMax) return false;
  const bool spells = c->uniform_ && c->count_ != 0 && element.code() != c->code_;
  const bool coded = !c->uniform_ || spells;
  const size_t more = element.size() + (spells ? c->count_ + size_t{1} : coded ? 1 : 0);
  const size_t used = c->used();
  if (used + more > kRoomMax) return false;
  if (used + more > c->room_) {
    c = *chunk = Moved(c, used + more);
  } else if (c->Gap() < more) {
    c->Compact();
  }
  if (c->count_ == 0) {
    c->uniform_ = true;
    c->code_ = element.code();
  } else if (spells) {
    c->SpellCodes();
  }
  c->InsertAt(c->reversed_ ? c->count_ - index : index, element);
  return true;
}

// REQUIRES: room in the gap, for a code too unless all are equal.
void ListChunk::InsertAt(size_t physical, const EncodedElement& element) {
  const size_t size = element.size();
  const size_t offset = OffsetOf(physical);
  if (physical == 0 && begin_ >= size && (uniform_ || first_ > 0)) {
    begin_ = static_cast<uint16_t>(begin_ - size);  // where others were taken off before
    if (!uniform_) first_--;
    element.Write(bytes() + begin_);
  } else {
    std::memmove(bytes() + offset + size, bytes() + offset, end_ - offset);
    end_ = static_cast<uint16_t>(end_ + size);
    if (!uniform_) {
      uint8_t* top = codes() + 1 - first_;
      std::memmove(top - count_ - 1, top - count_, count_ - physical);
    }
    element.Write(bytes() + offset);
  }
  count_++;
  if (!uniform_) codes()[-static_cast<ptrdiff_t>(first_ + physical)] = element.code();
  has_blobs_ |= element.code() == EncodedElement::kBlob;
  listpack_bytes_ += element.listpack_bytes();
}

void ListChunk::Erase(size_t index) {
  DCHECK(!shared() && index < count_);
  const size_t physical = Physical(index);
  const size_t offset = OffsetOf(physical);
  const uint8_t code = CodeAt(physical);
  const size_t size = kSizes[code];
  listpack_bytes_ -= ListpackBytes(EncodedElement::Read(code, bytes() + offset));
  ForgetBlob(code, offset);
  if (physical == 0) {
    begin_ = static_cast<uint16_t>(begin_ + size);
    if (!uniform_) first_++;
  } else {
    std::memmove(bytes() + offset, bytes() + offset + size, end_ - offset - size);
    end_ = static_cast<uint16_t>(end_ - size);
    if (!uniform_) {
      uint8_t* top = codes() + 1 - first_;
      std::memmove(top - count_ + 1, top - count_, count_ - physical - 1);
    }
  }
  count_--;
  if (count_ == 0) {
    first_ = begin_ = end_ = 0;
    uniform_ = true;
  }
}

void ListChunk::EraseRange(size_t begin, size_t end) {
  DCHECK(begin <= end && end <= count_);
  if (begin == 0) {
    for (size_t i = 0; i < end; i++) Erase(0);
  } else {
    for (size_t i = end; i > begin; i--) Erase(i - 1);
  }
}

ListChunk* ListChunk::Split(size_t index) {
  DCHECK(!shared() && index > 0 && index < count_);
  ListChunk* tail = New(std::min(kRoomMax, used()), false);
  Cursor at = At(index);
  for (size_t i = index; i < count_; i++, Next(&at)) Append(&tail, Encoded(at));
  EraseRange(index, count_);
  return tail;
}

size_t ListChunk::EraseEqual(ListChunk** chunk, const EncodedElement& element, size_t limit,
                             bool from_back) {
  ListChunk* c = *chunk;
  DCHECK(!c->shared());
  size_t matches = 0;
  Cursor at = c->At(0);
  for (size_t i = 0; i < c->count_; i++, c->Next(&at)) matches += c->Equals(at, element);
  if (matches == 0 || limit == 0) return 0;
  // Which of the matches go: the first ones, or the last.
  const size_t gone = std::min(matches, limit);
  const size_t kept_first = from_back ? matches - gone : 0;
  ListChunk* kept = New(std::min(kRoomMax, c->used()), c->reversed_);
  size_t seen = 0;
  at = c->At(0);
  for (size_t i = 0; i < c->count_; i++, c->Next(&at)) {
    if (c->Equals(at, element)) {
      const size_t match = seen++;
      if (match >= kept_first && match < kept_first + gone) continue;
    }
    Append(&kept, c->Encoded(at));
  }
  Unref(c);
  *chunk = kept;
  return gone;
}

void ListChunk::Join(ListChunk** chunk, ListChunk* from) {
  Cursor at = from->At(0);
  for (size_t i = 0; i < from->count_; i++, from->Next(&at)) Append(chunk, from->Encoded(at));
  Unref(from);
}

void ListChunk::Append(ListChunk** chunk, const EncodedElement& element) {
  const bool fits = Insert(chunk, (*chunk)->count(), element);
  CHECK(fits);  // what comes from one chunk has room in another
}

}  // namespace clustron::store
