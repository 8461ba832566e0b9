// A large hash: items in a dense array of chunks, and an index from field to place.
//
// Items are immutable and counted; chunks are counted too. A snapshot or a copy takes references
// to the chunks, and the next change copies one chunk of pointers. So no operation, however large
// the hash, costs more than a chunk, and growing never stops for a rehash (HashIndex).
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "store/keyspace/hash_index.h"
#include "store/types/hash/hash_value.h"

namespace clustron::store {

// One field with its value.
struct HashItem {
  uint32_t refs;
  uint32_t field_size;
  uint32_t value_size;
  char bytes[4];  // really field_size + value_size of them

  static HashItem* New(std::string_view field, std::string_view value);
  static void Unref(HashItem* item);
  std::string_view field() const { return {bytes, field_size}; }
  std::string_view value() const { return {bytes + field_size, value_size}; }
  size_t AllocBytes() const { return offsetof(HashItem, bytes) + field_size + value_size; }
};

// Up to kItems items in order.
struct HashChunk {
  static constexpr size_t kItems = 254;
  uint32_t refs;
  uint32_t count;
  HashItem* items[kItems];

  static HashChunk* New();
  static void Unref(HashChunk* chunk);
};
static_assert(sizeof(HashChunk) <= 2048);

// The items of a hash at one moment, kept while the hash goes on.
class HashFreeze {
 public:
  HashFreeze() = default;
  explicit HashFreeze(std::vector<HashChunk*> chunks) : chunks_(std::move(chunks)) {}
  HashFreeze(HashFreeze&& other) noexcept : chunks_(std::exchange(other.chunks_, {})) {}
  HashFreeze& operator=(HashFreeze&& other) noexcept {
    std::swap(chunks_, other.chunks_);
    return *this;
  }
  ~HashFreeze() {
    for (HashChunk* chunk : chunks_) HashChunk::Unref(chunk);
  }
  size_t chunk_count() const { return chunks_.size(); }
  const HashChunk& chunk(size_t i) const { return *chunks_[i]; }

 private:
  std::vector<HashChunk*> chunks_;
};

class BigHash {
 public:
  static constexpr size_t kNone = SIZE_MAX;

  explicit BigHash(uint64_t seed) : seed_(seed) {}
  ~BigHash();
  BigHash(const BigHash&) = delete;
  BigHash& operator=(const BigHash&) = delete;

  size_t size() const { return size_; }
  size_t Find(std::string_view field) const;  // its place, or kNone
  const HashItem& At(size_t place) const {
    return *chunks_[place / HashChunk::kItems]->items[place % HashChunk::kItems];
  }
  // At least `count` fields in order of (hash, field) from position `cursor` on.
  using Visit = void (*)(void* ctx, FieldValue);
  uint64_t Scan(uint64_t cursor, size_t count, Visit visit, void* ctx) const;

  // REQUIRES: the field is absent. Takes the item over; it gets place size().
  void Add(HashItem* item);
  // Returns the old item, which is the caller's then.
  [[nodiscard]] HashItem* Replace(size_t place, HashItem* item);
  // The last item moves to the place. Returns the item.
  [[nodiscard]] HashItem* Remove(size_t place);
  // The inverse of Remove: the item now at `place` goes back to the end.
  void InsertAt(size_t place, HashItem* item);

  HashFreeze Freeze() const;
  // The same items in the same order, chunks shared.
  std::unique_ptr<BigHash> Copy() const;
  // Drops up to about `count` items; true if more is left. For a hash being thrown away.
  bool FreeSome(size_t count);
  size_t MemoryUsage() const;
  // Of items and index; the same for every history.
  size_t stored_bytes() const { return item_bytes_ + size_ * kIndexBytes; }
  uint64_t seed() const { return seed_; }

 private:
  static constexpr size_t kIndexBytes = 16;  // a field's share, about

  uint64_t HashOf(std::string_view field) const;
  uint64_t HashAt(size_t place) const { return HashOf(At(place).field()); }
  HashIndex::Ref RefOf(std::string_view field, uint64_t hash) const;
  // The chunk of a place, ours alone.
  HashChunk& Own(size_t place);
  void PushBack(HashItem* item);
  HashItem* PopBack();

  uint64_t seed_;
  HashIndex index_;
  std::vector<HashChunk*> chunks_;
  size_t size_ = 0;
  size_t item_bytes_ = 0;
};

}  // namespace clustron::store
