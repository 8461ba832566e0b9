// Keyed 64-bit hash of bytes: XXH3 with a seed (libxxhash). The seed of the keyspace is chosen at
// formation and replicated, so that all nodes order keys alike and outsiders can't aim at it.
#pragma once

#include <cstdint>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace clustron {

inline uint64_t HashBytes(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace clustron
