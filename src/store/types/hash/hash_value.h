// The value of a hash: fields and values, both byte strings.
//
// Small ones are packed: one block, insertion order, looked up by a walk ("listpack" to OBJECT
// ENCODING). When a field or value is longer than the limit, or there are too many, it becomes a
// "hashtable" for good: fields in a dense array (in chunks of some hundred) beside a hash index.
// The dense order is part of the state: it follows history (a new field goes to the end, a delete
// moves the last field into the hole), so that HRANDFIELD and HGETALL are the same on every node,
// and snapshots keep it.
//
// Here are the reads; hash_edit.h has the changes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "store/keyspace/settings.h"

namespace clustron::store {

class KeyRecord;
class PackedHash;
class BigHash;

struct FieldValue {
  std::string_view field;
  std::string_view value;
};

// One word inside an entry; owns the packed block or the big table that it points to.
class HashValue {
 public:
  HashValue(const HashValue&) = delete;
  HashValue& operator=(const HashValue&) = delete;

  size_t size() const;
  bool packed() const { return (word_ & 1) != 0; }

  // Views are valid until the next mutation.
  std::optional<std::string_view> Get(std::string_view field) const;
  bool Has(std::string_view field) const { return Get(field).has_value(); }

  // By position in the value's own order, which is deterministic: HGETALL walks 0 … size()-1,
  // HRANDFIELD takes At(rng.Below(size())). O(1) for tables; packed ones walk, so use ForEach for
  // many.
  FieldValue At(size_t index) const;
  template <typename F>  // void(FieldValue)
  void ForEach(F&& f) const {
    size_t at = 0;
    FieldValue fv;
    while (Next(at, fv)) f(fv);
  }
  // Step-wise: start with at = 0; false at the end. `at` is opaque and valid until a change.
  bool Next(size_t& at, FieldValue& out) const;

  // HSCAN: visits at least `count` fields from position `cursor` on (packed: all of them) and
  // returns the next cursor, 0 at the end. Cursors are hash positions: every field that is there
  // from the first to the last call is returned, whatever changes in between.
  template <typename F>  // void(FieldValue)
  uint64_t Scan(uint64_t cursor, size_t count, F&& f) const {
    return ScanImpl(
        cursor, count, [](void* ctx, FieldValue fv) { (*static_cast<F*>(ctx))(fv); }, &f);
  }

  size_t MemoryUsage() const;
  // What a copy stands for, about: a function of fields and values, not of how they are kept here.
  size_t StoredBytes() const;

 private:
  friend class HashWord;  // hash_edit.h: how the store changes hashes
  HashValue() = default;
  ~HashValue() = default;
  using Visit = void (*)(void* ctx, FieldValue);
  uint64_t ScanImpl(uint64_t cursor, size_t count, Visit visit, void* ctx) const;
  const PackedHash* packed_hash() const { return reinterpret_cast<PackedHash*>(word_ & ~1UL); }
  const BigHash* big_hash() const { return reinterpret_cast<BigHash*>(word_); }

  uintptr_t word_ = 0;  // pointer | 1 when packed
};
static_assert(sizeof(HashValue) == 8);

// REQUIRES: a hash; CHECKed, as everything that another type would be taken for.
const HashValue& HashOf(const KeyRecord& record);

}  // namespace clustron::store
