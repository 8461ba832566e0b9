#include "persist/lzf.h"

#include <cstdint>

namespace clustron::persist {

// A control byte c, then: c < 32: c + 1 literal bytes. Else a copy of bytes already written: length
// (c >> 5) + 2, where 7 is followed by a byte to add; distance ((c & 31) << 8 | next byte) + 1. A
// copy may overlap itself.
bool LzfDecompress(std::string_view in, size_t size, std::string* out) {
  out->clear();
  if (size > in.size() * kLzfRatioMax) return false;
  out->reserve(size);
  size_t at = 0;
  const auto next = [&]() -> size_t { return static_cast<uint8_t>(in[at++]); };
  while (at < in.size()) {
    const size_t control = next();
    if (control < 32) {
      const size_t literals = control + 1;
      if (in.size() - at < literals || size - out->size() < literals) return false;
      out->append(in.substr(at, literals));
      at += literals;
      continue;
    }
    size_t length = control >> 5;
    if (length == 7) {
      if (at == in.size()) return false;
      length += next();
    }
    length += 2;
    if (at == in.size()) return false;
    const size_t distance = ((control & 31) << 8 | next()) + 1;
    if (distance > out->size() || size - out->size() < length) return false;
    for (size_t from = out->size() - distance; length > 0; --length) {
      out->push_back((*out)[from++]);
    }
  }
  return out->size() == size;
}

}  // namespace clustron::persist
