// The keys of one database.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"
#include "store/keyspace/hash_index.h"
#include "store/keyspace/hash_order.h"
#include "store/keyspace/key_record_edit.h"

namespace clustron::store {

// Database numbers are not its own: SWAPDB exchanges tables, FLUSHDB puts an empty one in place.
class Table {
 public:
  static constexpr uint64_t kAllWalked = uint64_t{1} << kCursorBits;

  Table(int id, uint64_t seed) : id_(id), seed_(seed) { index_.set_prefetch_targets(); }
  // Frees the keys too, all at once.
  ~Table() {
    FreeSome(SIZE_MAX, [](KeyRecord* e) { KeyRecordEdit::Destroy(e); });
  }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  static KeyRecord* EntryAt(uint64_t payload) { return reinterpret_cast<KeyRecord*>(payload); }

  // What the time wheels' records call it: stays with the table when databases are swapped.
  int id() const { return id_; }
  size_t size() const { return index_.size(); }

  HashIndex::Ref Find(std::string_view key, uint64_t hash) const {
    return index_.Find(hash, [key](uint64_t payload) { return EntryAt(payload)->key() == key; });
  }
  void Insert(uint64_t hash, KeyRecord* e) {
    index_.Insert(hash, reinterpret_cast<uint64_t>(e), HashOf{seed_});
    if (e->has_deadline()) with_deadline++;
  }
  // Exchanges the entry of the same key.
  void Replace(HashIndex::Ref ref, KeyRecord* e) {
    with_deadline -= EntryAt(ref.payload())->has_deadline() ? 1 : 0;
    with_deadline += e->has_deadline() ? 1 : 0;
    HashIndex::Replace(ref, reinterpret_cast<uint64_t>(e));
  }
  void Erase(uint64_t hash, HashIndex::Ref ref) {
    with_deadline -= EntryAt(ref.payload())->has_deadline() ? 1 : 0;
    index_.Erase(hash, ref, HashOf{seed_});
  }
  uint64_t Hash(std::string_view key) const { return HashBytes(key, seed_); }
  const HashIndex& index() const { return index_; }
  // Hands entries to `discard`, for at most about `count` of them, then drops the table itself;
  // true if more is left. For a table that is being thrown away.
  template <typename Discard>
  bool FreeSome(size_t count, Discard&& discard) {
    while (!emptied_) {
      if (count == 0) return true;
      free_at_ = index_.VisitBucket(free_at_, [&](uint64_t payload) {
        discard(EntryAt(payload));
        if (count > 0) count--;
      });
      if (free_at_ == 0) emptied_ = true;
    }
    return index_.FreeSome(count == SIZE_MAX ? count : count + 1);
  }
  bool Upkeep(size_t units) { return index_.Upkeep(units, HashOf{seed_}); }

  // Visits entries of hash order from `cursor` on; see ScanInHashOrder. bool(KeyRecord*).
  template <typename Visit>
  uint64_t Scan(uint64_t cursor, size_t count, Visit&& visit) const {
    return ScanInHashOrder(
        index_, cursor, count, HashOf{seed_},
        [](uint64_t a, uint64_t b) { return EntryAt(a)->key() < EntryAt(b)->key(); },
        [&](uint64_t payload) { return visit(EntryAt(payload)); });
  }

  size_t with_deadline = 0;  // keys that have one
  // The running snapshot has what is below this position in hash order, and not the rest yet.
  uint64_t walked_below = kAllWalked;

 private:
  struct HashOf {
    uint64_t seed;
    uint64_t operator()(uint64_t payload) const { return HashBytes(EntryAt(payload)->key(), seed); }
  };
  int id_;
  uint64_t seed_;
  HashIndex index_;
  uint64_t free_at_ = 0;
  bool emptied_ = false;
};

}  // namespace clustron::store
