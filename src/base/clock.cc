#include "base/clock.h"

#include <cstdio>
#include <ctime>
#include <string_view>

#include "base/hash.h"

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

uint64_t SystemClock::MachineBootId() const {
  std::FILE* file = std::fopen("/proc/sys/kernel/random/boot_id", "re");
  if (file == nullptr) return 0;
  char id[64];
  const size_t size = std::fread(id, 1, sizeof id, file);
  std::fclose(file);
  return HashBytes(std::string_view(id, size), 0);
}

}  // namespace clustron
