// A string that may be a number, as the counters read it.
#pragma once

#include <string_view>

#include "store/types/string/string_value.h"

namespace clustron::commands {

// The string, or of one that is too long to be a number enough to see that. REQUIRES: a string.
inline std::string_view NumberText(const store::KeyRecord& record, store::Scratch& scratch) {
  constexpr size_t kNumberBytesMax = 8 * 1024;
  return StringOf(record).Range(0, kNumberBytesMax, scratch);
}

}  // namespace clustron::commands
