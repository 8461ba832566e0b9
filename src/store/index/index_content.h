// What an index holds: which keys it covers, and their values field by field. A function of the
// keys that were put in and not taken out, whatever the history; but ids, and the order within
// equal values, are this node's own and must not show.
//
// A key has an id, and its bytes once. Per key and field about 20 bytes, per key about 30 and its
// name. THREAD: core loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "store/index/column.h"
#include "store/index/definition.h"
#include "store/keyspace/hash_index.h"

namespace clustron::store {

// One key of an index: its slots, one a field, stand before it, its name behind it.
class IndexedKey {
 public:
  IndexedKey(uint32_t id, uint32_t size) : id_(id), size_(size) {}
  std::string_view name() const { return {reinterpret_cast<const char*>(this + 1), size_}; }
  uint32_t id() const { return id_; }
  void set_id(uint32_t id) { id_ = id; }
  const Slot& slot(size_t field) const {
    return *(reinterpret_cast<const Slot*>(this) - 1 - field);
  }
  Slot& slot(size_t field) { return *(reinterpret_cast<Slot*>(this) - 1 - field); }

 private:
  uint32_t id_;
  uint32_t size_;
};
static_assert(sizeof(IndexedKey) == 8);

struct ByName {
  static bool Less(const IndexedKey* a, const IndexedKey* b) {
    return a != b && a->name() < b->name();
  }
  static bool Equal(const IndexedKey* a, const IndexedKey* b) { return a == b; }
};
using NameTree = PostingTree<const IndexedKey*, ByName>;
using AnyColumn = std::variant<Column<NumValues>, Column<TextValues>>;

class IndexContent {
 public:
  IndexContent(IndexDefinition definition, uint64_t seed);
  ~IndexContent();
  IndexContent(const IndexContent&) = delete;
  IndexContent& operator=(const IndexContent&) = delete;

  const IndexDefinition& definition() const { return definition_; }
  size_t size() const { return size_; }
  size_t fields() const { return columns_.size(); }
  const AnyColumn& column(size_t field) const { return *columns_[field]; }
  // kKeys only: all keys in order.
  const NameTree& names() const { return names_; }
  // Ids are below this. Of keys that go the ids are used again, so that they are about twice as
  // many as keys, and a few thousand more; keys with many values keep theirs, and may hold it up.
  uint32_t id_end() const { return id_end_; }
  // Null: the id is free.
  const IndexedKey* At(uint32_t id) const {
    const uint64_t word = *WordOf(id);
    return (word & kFree) != 0 ? nullptr : KeyAt(word);
  }
  const IndexedKey* Find(std::string_view name, uint64_t hash) const;

  // Puts a key in, or gives it other values: `values` has those of each field, in any order.
  // `hash`: of the name, by the content's seed.
  void Set(std::string_view name, uint64_t hash,
           std::span<const std::vector<std::string_view>> values);
  // True if it was there.
  bool Remove(std::string_view name, uint64_t hash);

  // For batches of changes, as HashIndex has them: first all buckets, then all keys. Not in kKeys.
  void PrefetchBucket(uint64_t hash) const { by_hash_.Prefetch(hash); }
  void PrefetchKey(uint64_t hash) const { by_hash_.PrefetchTargets(hash); }

  // Frees about `count` keys or values; true if more are left. For one that is thrown away.
  bool FreeSome(size_t count);
  // For tests.
  void CheckInvariants() const;

 private:
  struct HashOf {
    uint64_t seed;
    uint64_t operator()(uint64_t payload) const;
  };
  static IndexedKey* KeyAt(uint64_t payload) { return reinterpret_cast<IndexedKey*>(payload); }
  // Of each id the address of its key; or, if it is free, that and its neighbours in the list of
  // free ids: next (32 bits), previous (31), 1.
  static constexpr uint32_t kSegment = 4096;
  static constexpr uint64_t kFree = 1;
  static constexpr uint32_t kNoId = UINT32_MAX >> 1;
  uint64_t* WordOf(uint32_t id) const { return segments_[id / kSegment] + id % kSegment; }
  uint32_t TakeId();
  void GiveId(uint32_t id);
  uint32_t NextFree(uint32_t id) const { return static_cast<uint32_t>(*WordOf(id) >> 32); }
  uint32_t PreviousFree(uint32_t id) const { return static_cast<uint32_t>(*WordOf(id)) >> 1; }
  void LinkFree(uint32_t previous, uint32_t next);
  // Takes it out of the list of free ids.
  void Unlist(uint32_t id);
  // Of the last ids those that are free are gone.
  void TrimIds();
  // Over all fields.
  size_t ValuesOf(const IndexedKey& key) const;
  // Behind a removal: if far more ids than keys are left, the last keys take free ones.
  static constexpr size_t kMovedValuesMax = 64;
  void CompactIds();
  IndexedKey* FindKey(std::string_view name, uint64_t hash) const;
  IndexedKey* Add(std::string_view name, uint64_t hash);
  void Assign(IndexedKey* key, size_t field, const std::vector<std::string_view>& values);
  void AssignNumbers(IndexedKey* key, size_t field, const std::vector<std::string_view>& values);
  void AssignTexts(IndexedKey* key, size_t field, const std::vector<std::string_view>& values);
  void FreeKey(IndexedKey* key);

  const IndexDefinition definition_;
  const uint64_t seed_;
  std::vector<std::unique_ptr<AnyColumn>> columns_;
  HashIndex by_hash_;  // none in kKeys
  NameTree names_;
  std::vector<uint64_t*> segments_;
  uint32_t id_end_ = 0;
  uint32_t free_id_ = kNoId;
  size_t size_ = 0;
};

}  // namespace clustron::store
