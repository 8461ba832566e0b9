// One row's part of the store's full digest, fed piece by piece. Sums of these are the digest: so
// the order of rows doesn't matter.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"
#include "base/rng.h"

namespace clustron::store {

class Digester {
 public:
  // What a row is of. The numbers are part of the digest: they stay.
  enum Kind : uint64_t {
    kKey = 1,
    kClocks,
    kTouchCell,
    kLease,
    kLock,
    kWait,
    kTxn = 16,
    kIndex,
    kLabels
  };

  explicit Digester(Kind kind) : sum_(Mix64(kind)) {}
  void Number(uint64_t v) { sum_ = Mix64(sum_ ^ v); }
  void Bytes(std::string_view bytes) {
    Number(bytes.size());
    sum_ = HashBytes(bytes, sum_);
  }
  uint64_t sum() const { return sum_; }

 private:
  uint64_t sum_;
};

}  // namespace clustron::store
