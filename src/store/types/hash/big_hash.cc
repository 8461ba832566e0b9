#include "store/types/hash/big_hash.h"

#include <algorithm>
#include <cstddef>

#include "base/check.h"
#include "base/hash.h"
#include "store/keyspace/alloc.h"
#include "store/keyspace/hash_order.h"
#include "store/keyspace/value_type.h"

namespace clustron::store {

HashItem* HashItem::New(std::string_view field, std::string_view value) {
  const size_t bytes = offsetof(HashItem, bytes) + field.size() + value.size();
  auto* item = static_cast<HashItem*>(Alloc(bytes));
  item->refs = 1;
  item->field_size = static_cast<uint32_t>(field.size());
  item->value_size = static_cast<uint32_t>(value.size());
  char* to = reinterpret_cast<char*>(item) + offsetof(HashItem, bytes);
  std::memcpy(to, field.data(), field.size());
  std::memcpy(to + field.size(), value.data(), value.size());
  return item;
}

void HashItem::Unref(HashItem* item) {
  if (--item->refs == 0) Free(item, item->AllocBytes());
}

HashChunk* HashChunk::New() {
  auto* chunk = static_cast<HashChunk*>(Alloc(sizeof(HashChunk)));
  chunk->refs = 1;
  chunk->count = 0;
  return chunk;
}

void HashChunk::Unref(HashChunk* chunk) {
  if (--chunk->refs != 0) return;
  for (uint32_t i = 0; i < chunk->count; i++) HashItem::Unref(chunk->items[i]);
  Free(chunk, sizeof(HashChunk));
}

BigHash::~BigHash() { FreeSome(SIZE_MAX); }

uint64_t BigHash::HashOf(std::string_view field) const { return HashBytes(field, seed_); }

HashIndex::Ref BigHash::RefOf(std::string_view field, uint64_t hash) const {
  return index_.Find(hash, [&](uint64_t place) { return At(place).field() == field; });
}

size_t BigHash::Find(std::string_view field) const {
  const HashIndex::Ref ref = RefOf(field, HashOf(field));
  return ref ? ref.payload() : kNone;
}

HashChunk& BigHash::Own(size_t place) {
  HashChunk*& slot = chunks_[place / HashChunk::kItems];
  if (slot->refs > 1) {
    HashChunk* own = HashChunk::New();
    own->count = slot->count;
    shared_bytes_copied += sizeof(HashChunk);
    for (uint32_t i = 0; i < slot->count; i++) {
      own->items[i] = slot->items[i];
      own->items[i]->refs++;
      shared_bytes_copied += AllocSize(own->items[i]->AllocBytes());
    }
    slot->refs--;
    slot = own;
  }
  return *slot;
}

void BigHash::PushBack(HashItem* item) {
  if (size_ % HashChunk::kItems == 0) chunks_.push_back(HashChunk::New());
  HashChunk& chunk = Own(size_);
  chunk.items[chunk.count++] = item;
  size_++;
  item_bytes_ += AllocSize(item->AllocBytes());
}

HashItem* BigHash::PopBack() {
  HashChunk& chunk = Own(size_ - 1);
  HashItem* item = chunk.items[--chunk.count];
  size_--;
  item_bytes_ -= AllocSize(item->AllocBytes());
  if (chunk.count == 0) {
    HashChunk::Unref(&chunk);
    chunks_.pop_back();
  }
  return item;
}

void BigHash::Add(HashItem* item) {
  const size_t place = size_;
  PushBack(item);
  index_.Insert(HashOf(item->field()), place, [this](uint64_t p) { return HashAt(p); });
}

HashItem* BigHash::Replace(size_t place, HashItem* item) {
  HashItem*& slot = Own(place).items[place % HashChunk::kItems];
  DCHECK(slot->field() == item->field());
  item_bytes_ += AllocSize(item->AllocBytes());
  item_bytes_ -= AllocSize(slot->AllocBytes());
  return std::exchange(slot, item);
}

HashItem* BigHash::Remove(size_t place) {
  const uint64_t hash = HashAt(place);
  const HashIndex::Ref ref = index_.Find(hash, [&](uint64_t p) { return p == place; });
  CHECK(ref);
  index_.Erase(hash, ref, [this](uint64_t p) { return HashAt(p); });
  const size_t last = size_ - 1;
  if (place == last) return PopBack();
  // The last one moves into the hole.
  const HashIndex::Ref moved = index_.Find(HashAt(last), [&](uint64_t p) { return p == last; });
  CHECK(moved);
  HashIndex::Replace(moved, place);
  HashItem* item = PopBack();
  HashItem*& slot = Own(place).items[place % HashChunk::kItems];
  item_bytes_ += AllocSize(item->AllocBytes());
  item_bytes_ -= AllocSize(slot->AllocBytes());
  return std::exchange(slot, item);
}

void BigHash::InsertAt(size_t place, HashItem* item) {
  const auto hash_at = [this](uint64_t p) { return HashAt(p); };
  if (place == size_) {
    Add(item);
    return;
  }
  const HashIndex::Ref ref = index_.Find(HashAt(place), [&](uint64_t p) { return p == place; });
  CHECK(ref);
  HashIndex::Replace(ref, size_);
  HashItem*& slot = Own(place).items[place % HashChunk::kItems];
  HashItem* moved = std::exchange(slot, item);
  item_bytes_ += AllocSize(item->AllocBytes());
  item_bytes_ -= AllocSize(moved->AllocBytes());
  PushBack(moved);
  index_.Insert(HashOf(item->field()), place, hash_at);
}

uint64_t BigHash::Scan(uint64_t cursor, size_t count, Visit visit, void* ctx) const {
  return ScanInHashOrder(
      index_, cursor, count, [this](uint64_t p) { return HashAt(p); },
      [this](uint64_t a, uint64_t b) { return At(a).field() < At(b).field(); },
      [&](uint64_t p) {
        visit(ctx, {At(p).field(), At(p).value()});
        return true;
      });
}

HashFreeze BigHash::Freeze() const {
  for (HashChunk* chunk : chunks_) chunk->refs++;
  return HashFreeze(chunks_);
}

std::unique_ptr<BigHash> BigHash::Copy() const {
  auto copy = std::make_unique<BigHash>(seed_);
  copy->index_.CopyFrom(index_);
  copy->chunks_ = chunks_;
  for (HashChunk* chunk : chunks_) chunk->refs++;
  copy->size_ = size_;
  copy->item_bytes_ = item_bytes_;
  return copy;
}

bool BigHash::FreeSome(size_t count) {
  while (!chunks_.empty()) {
    if (count < HashChunk::kItems) return true;
    count -= HashChunk::kItems;
    HashChunk::Unref(chunks_.back());
    chunks_.pop_back();
  }
  size_ = 0;
  return index_.FreeSome(count / 8 + 1);
}

size_t BigHash::MemoryUsage() const {
  return sizeof(*this) + index_.MemoryUsage() + chunks_.capacity() * sizeof(HashChunk*) +
         chunks_.size() * AllocSize(sizeof(HashChunk)) + item_bytes_;
}

}  // namespace clustron::store
