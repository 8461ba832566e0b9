#include "base/clock.h"

#include <ctime>

namespace clustron {

int64_t SystemClock::MonotonicNs() const {
  timespec ts;
  clock_gettime(CLOCK_BOOTTIME, &ts);
  return ts.tv_sec * 1'000'000'000LL + ts.tv_nsec;
}

int64_t SystemClock::WallMs() const {
  timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  return ts.tv_sec * 1'000LL + ts.tv_nsec / 1'000'000;
}

}  // namespace clustron
