// One key's part of the store's full digest, fed piece by piece. Sums of these, and of the digests
// of the other tables, are the digest: so the order of keys doesn't matter.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"
#include "base/rng.h"
#include "store/keyspace/key_meta.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"

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

// Then KeyDigestPart for each part of the value (value_type.h), on its running sum. How a string is
// cut counts: it is summed as it is kept, in its pieces.
uint64_t KeyDigestBegin(int db, std::string_view key, Type type, const KeyMeta& meta,
                        uint64_t size);
inline uint64_t KeyDigestPart(uint64_t sum, std::string_view part) {
  return HashBytes(part, Mix64(sum ^ part.size()));
}
uint64_t KeyDigest(int db, const KeyRecord& e);
uint64_t LeaseDigest(const Lease& lease);
uint64_t LockDigest(const KeyName& name, const Lock& lock);

}  // namespace clustron::store
