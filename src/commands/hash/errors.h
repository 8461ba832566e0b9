// The error texts of hashes.
#pragma once

#include <string_view>

namespace clustron::commands {

inline constexpr std::string_view kErrHashNotInteger = "ERR hash value is not an integer";
inline constexpr std::string_view kErrHashNotFloat = "ERR hash value is not a float";
// Of HINCRBYFLOAT's argument; the sum's is kErrIncrNotFinite.
inline constexpr std::string_view kErrNotFinite = "ERR value is NaN or Infinity";

}  // namespace clustron::commands
