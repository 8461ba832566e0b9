#include "base/memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#ifdef CLUSTRON_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

namespace clustron {

namespace {

uint64_t ResidentSetBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long total = 0;
  unsigned long resident = 0;
  const int fields = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return fields == 2 ? resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

#ifdef CLUSTRON_JEMALLOC
// jemalloc's figures are copies, made anew when "epoch" is written.
void RefreshStatistics() {
  uint64_t epoch = 1;
  size_t size = sizeof epoch;
  mallctl("epoch", &epoch, &size, &epoch, size);
}

uint64_t Statistic(const char* name) {
  size_t value = 0;
  size_t size = sizeof value;
  return mallctl(name, &value, &size, nullptr, 0) == 0 ? value : 0;
}
#endif

}  // namespace

void ReserveBig(std::string* bytes, size_t capacity) {
  constexpr size_t kBigBytes = 4 << 20;
  constexpr uintptr_t kHugePage = 2 << 20;
  if (capacity <= bytes->capacity()) return;
  if (capacity < kBigBytes) {
    bytes->reserve(std::max(capacity, 2 * bytes->capacity()));
    return;
  }
  // What is there moves when the advice has been given.
  std::string bigger;
  bigger.reserve(bytes->empty() ? capacity : std::max(capacity, 2 * bytes->capacity()));
  const uintptr_t begin = reinterpret_cast<uintptr_t>(bigger.data());
  const uintptr_t first = (begin + kHugePage - 1) & ~(kHugePage - 1);
  const uintptr_t end = (begin + bigger.capacity()) & ~(kHugePage - 1);
  // Only advice: without it everything works, slower.
  if (end > first) madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
  bigger.append(*bytes);
  *bytes = std::move(bigger);
}

#ifdef CLUSTRON_JEMALLOC

MemoryUse ReadMemoryUse() {
  RefreshStatistics();
  return {.allocated_bytes = Statistic("stats.allocated"),
          .active_bytes = Statistic("stats.active"),
          .resident_bytes = Statistic("stats.resident"),
          .retained_bytes = Statistic("stats.retained"),
          .rss_bytes = ResidentSetBytes()};
}

uint64_t AllocatedBytes() {
  RefreshStatistics();
  return Statistic("stats.allocated");
}

size_t MallocUsable(const void* block) {
  return block == nullptr ? 0 : malloc_usable_size(const_cast<void*>(block));
}

std::string_view AllocatorName() {
  static const std::string name = [] {
    const char* version = "";
    size_t size = sizeof version;
    mallctl("version", &version, &size, nullptr, 0);
    const std::string_view text = version;  // "5.3.0-0-g54eaed1…"
    return "jemalloc-" + std::string(text.substr(0, text.find('-')));
  }();
  return name;
}

void PurgeMemory() {
  char name[32];
  std::snprintf(name, sizeof name, "arena.%d.purge", MALLCTL_ARENAS_ALL);
  mallctl(name, nullptr, nullptr, nullptr, 0);
}

void PurgeInBackground() {
  bool on = true;
  mallctl("background_thread", nullptr, nullptr, &on, sizeof on);  // if it can: no harm if not
}

std::string AllocatorReport() {
  std::string report;
  malloc_stats_print(
      [](void* out, const char* text) { static_cast<std::string*>(out)->append(text); }, &report,
      nullptr);
  return report;
}

#else

uint64_t AllocatedBytes() {
  const struct mallinfo2 info = mallinfo2();
  const uint64_t bytes = info.uordblks + info.hblkhd;
  return bytes > 0 ? bytes : ResidentSetBytes();  // sanitizers' allocators don't tell
}

MemoryUse ReadMemoryUse() {
  const struct mallinfo2 info = mallinfo2();
  const uint64_t resident = ResidentSetBytes();
  const uint64_t mapped = info.arena + info.hblkhd;
  return {.allocated_bytes = AllocatedBytes(),
          .active_bytes = mapped > 0 ? mapped : resident,
          .resident_bytes = mapped > 0 ? mapped : resident,
          .retained_bytes = 0,
          .rss_bytes = resident};
}

size_t MallocUsable(const void* block) {
  return block == nullptr ? 0 : malloc_usable_size(const_cast<void*>(block));
}

std::string_view AllocatorName() { return "libc"; }
void PurgeMemory() { malloc_trim(0); }
void PurgeInBackground() {}
std::string AllocatorReport() { return "Stats not supported for the current allocator"; }

#endif

}  // namespace clustron
