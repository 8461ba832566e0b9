// Decoder of liblzf's format (Marc Lehmann), in which Redis compresses strings of 20 bytes and
// more.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace clustron::persist {

// No input expands by more than this.
inline constexpr size_t kLzfRatioMax = 264;

// False: malformed, or what comes out is not exactly `size` bytes.
bool LzfDecompress(std::string_view in, size_t size, std::string* out);

}  // namespace clustron::persist
