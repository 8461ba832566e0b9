// Walking an index in hash order: SCAN, HSCAN, RANDOMKEY. Order and cursors depend only on which
// elements there are: not on the table's size, its history or the node.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "store/keyspace/hash_index.h"

namespace clustron::store {

// Cursors are the top 48 bits of a hash: they fit every client's integers (JavaScript's too).
inline constexpr int kCursorBits = 48;
inline uint64_t HashPosition(uint64_t hash) { return hash >> (64 - kCursorBits); }

// Visits elements in order of (hash, less) from position `cursor` on until `visit` has counted
// `count` of them (it returns false for those that don't count); those of one position are never
// parted. At most `kVisitsPerCount` × count + a bucket are looked at. Returns the next position,
// 0 at the end.
inline constexpr size_t kVisitsPerCount = 10;
template <typename HashOf, typename Less, typename Visit>
uint64_t ScanInHashOrder(const HashIndex& index, uint64_t cursor, size_t count, HashOf&& hash_of,
                         Less&& less, Visit&& visit) {
  if (cursor >> kCursorBits != 0) return 0;
  uint64_t at = cursor << (64 - kCursorBits);
  size_t counted = 0;
  size_t looked_at = 0;
  std::vector<std::pair<uint64_t, uint64_t>> found;  // (hash, payload)
  do {
    found.clear();
    const uint64_t next = index.VisitBucket(at, [&](uint64_t payload) {
      const uint64_t hash = hash_of(payload);
      if (hash >= at) found.emplace_back(hash, payload);
    });
    std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) {
      return a.first != b.first ? a.first < b.first : less(a.second, b.second);
    });
    uint64_t position = 0;
    for (const auto& [hash, payload] : found) {
      if ((counted >= count || looked_at >= count * kVisitsPerCount) &&
          HashPosition(hash) != position) {
        return HashPosition(hash);
      }
      position = HashPosition(hash);
      looked_at++;
      if (visit(payload)) counted++;
    }
    at = next;
  } while (at != 0);
  return 0;
}

}  // namespace clustron::store
