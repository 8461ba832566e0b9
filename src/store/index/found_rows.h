// The keys that a query has found, in batches whose memory is fetched together; without those that
// readers don't see. THREAD: core loop.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "store/index/index_content.h"

namespace clustron::store {

inline constexpr size_t kFoundBatch = 32;

// Moves those that are there for readers to the front, in their order, and says how many they are.
// Null: all are there.
using KeepLiving = std::function<size_t(std::span<const IndexedKey*> rows)>;

// Visits that a row takes. `deadlines`: the database has keys that end at a time, so it may have to
// be looked up whether a row is there. A function of the state: whether one is past its time is not
// known everywhere alike, and what a query may cost decides what it does.
inline uint64_t VisitsOfRow(bool deadlines) { return deadlines ? 2 : 1; }

// f: bool(std::span<const IndexedKey* const>); false: that is enough.
template <typename F>
void ForEachBatch(const IndexContent& content, std::span<const uint32_t> ids,
                  const KeepLiving& keep_living, F&& f) {
  std::array<const IndexedKey*, kFoundBatch> rows;
  for (size_t i = 0; i < ids.size(); i += kFoundBatch) {
    const size_t count = std::min(kFoundBatch, ids.size() - i);
    const size_t ahead = std::min(2 * kFoundBatch, ids.size() - i);
    for (size_t j = kFoundBatch; j < ahead; j++) __builtin_prefetch(content.At(ids[i + j]));
    for (size_t j = 0; j < count; j++) rows[j] = content.At(ids[i + j]);
    const std::span<const IndexedKey*> batch(rows.data(), count);
    const size_t living = keep_living ? keep_living(batch) : count;
    if (!f(std::span<const IndexedKey* const>(batch.first(living)))) return;
  }
}

}  // namespace clustron::store
