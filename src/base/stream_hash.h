// HashBytes with seed 0, of bytes that come in pieces.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"

namespace clustron {

class StreamHash {
 public:
  StreamHash() { XXH3_64bits_reset(&state_); }
  void Add(std::string_view bytes) { XXH3_64bits_update(&state_, bytes.data(), bytes.size()); }
  uint64_t Digest() const { return XXH3_64bits_digest(&state_); }

 private:
  XXH3_state_t state_;
};

}  // namespace clustron
