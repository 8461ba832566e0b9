// Where the store's memory comes from, and how much of it is in use.
//
// Sizes are counted as jemalloc's size classes, so that used_bytes is what the allocator really
// holds for the store, at the cost of an addition per call.
// THREAD: core loop (the count is not atomic).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>

namespace clustron::store {

// What jemalloc hands out for a request: multiples of 16 up to 128, then four classes a doubling.
constexpr size_t AllocSize(size_t size) {
  if (size <= 8) return 8;
  if (size <= 128) return (size + 15) & ~size_t{15};
  const auto shift = static_cast<int>(std::bit_width(size - 1)) - 3;
  const size_t mask = (size_t{1} << shift) - 1;
  return (size + mask) & ~mask;
}
static_assert(AllocSize(129) == 160);
static_assert(AllocSize(1024) == 1024);
static_assert(AllocSize(1025) == 1280);

inline size_t allocated_bytes = 0;

// Whole classes are asked for, so what lies behind `size` within its class may be used too, and
// any size of the same class frees it.
inline void* Alloc(size_t size) {
  size = AllocSize(size);
  allocated_bytes += size;
  return ::operator new(size);
}
inline void Free(void* p, size_t size) {
  size = AllocSize(size);
  allocated_bytes -= size;
  ::operator delete(p, size);
}

}  // namespace clustron::store
