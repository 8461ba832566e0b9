// One key's part of the store's full digest, fed piece by piece. Sums of these, and of the digests
// of the other tables, are the digest: so the order of keys doesn't matter.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"
#include "base/rng.h"
#include "store/snapshot/key_meta.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"
#include "store/types/hash/hash_value.h"

namespace clustron::store {

class Digester {
 public:
  explicit Digester(uint64_t start) : sum_(Mix64(start)) {}
  void Number(uint64_t v) { sum_ = Mix64(sum_ ^ v); }
  void Bytes(std::string_view bytes) {
    Number(bytes.size());
    sum_ = HashBytes(bytes, sum_);
  }
  uint64_t sum() const { return sum_; }

 private:
  uint64_t sum_;
};

// Then Piece for each piece of a string or Field for each field of a hash, on its running sum.
uint64_t KeyDigestBegin(int db, std::string_view key, Type type, const KeyMeta& meta,
                        uint64_t size);
inline uint64_t KeyDigestPiece(uint64_t sum, std::string_view piece) {
  return HashBytes(piece, Mix64(sum ^ piece.size()));
}
inline uint64_t KeyDigestField(uint64_t sum, FieldValue fv) {
  return KeyDigestPiece(KeyDigestPiece(sum, fv.field), fv.value);
}
uint64_t KeyDigest(int db, const KeyRecord& e);
uint64_t LeaseDigest(const Lease& lease);
uint64_t LockDigest(const KeyName& name, const Lock& lock);

}  // namespace clustron::store
