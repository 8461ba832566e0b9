// LEB128 sizes inside the store's own memory (trusted bytes, no bounds to check).
#pragma once

#include <cstddef>
#include <cstdint>

namespace clustron::store {

constexpr size_t VarintSize(size_t v) {
  size_t n = 1;
  for (; v >= 0x80; v >>= 7) n++;
  return n;
}
inline char* PutVarint(char* p, size_t v) {
  for (; v >= 0x80; v >>= 7) *p++ = static_cast<char>(v | 0x80);
  *p++ = static_cast<char>(v);
  return p;
}
// Reads a size and moves `p` behind it.
inline size_t GetVarint(const char*& p) {
  size_t v = static_cast<uint8_t>(*p++);
  if (v < 0x80) [[likely]]
    return v;
  v &= 0x7f;
  for (int shift = 7;; shift += 7) {
    const size_t byte = static_cast<uint8_t>(*p++);
    v |= (byte & 0x7f) << shift;
    if (byte < 0x80) return v;
  }
}

}  // namespace clustron::store
