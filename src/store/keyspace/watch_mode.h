// What the cluster setting `watches` says of the history of changes. The numbers are those of its
// words (settings.cc).
#pragma once

#include <cstdint>

namespace clustron::store {

enum class WatchMode : uint8_t {
  kOff = 0,
  kOn = 1,
  kPrevious = 2,  // with the values before
};

}  // namespace clustron::store
