// Nanoseconds of processor time per store operation and bytes per key. Usage: store_bench [keys]
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/rng.h"
#include "store/keyspace/store.h"
#include "store/snapshot/snapshot_walk.h"
#include "store/types/hash/hash_edit.h"
#include "store/types/hash/hash_value.h"
#include "store/types/string/string_edit.h"
#include "store/types/string/string_value.h"

namespace {

using clustron::Rng;
using clustron::store::Event;
using clustron::store::KeyRecord;
using clustron::store::Mutation;
using clustron::store::Scratch;
using clustron::store::Store;

// Processor time of this thread: other work on the machine disturbs it less.
int64_t NowNs() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

size_t ResidentBytes() {
  FILE* f = std::fopen("/proc/self/statm", "r");
  long pages = 0;
  if (f == nullptr || std::fscanf(f, "%*d %ld", &pages) != 1) return 0;
  std::fclose(f);
  return static_cast<size_t>(pages * sysconf(_SC_PAGESIZE));
}

// Runs and prints one measurement; also the longest single call, which is what stalls a loop.
template <typename F>
void Measure(const char* what, size_t count, F&& f) {
  int64_t longest = 0;
  const int64_t start = NowNs();
  for (size_t i = 0; i < count; i += 64) {
    const int64_t before = NowNs();
    for (size_t j = i; j < i + 64 && j < count; j++) f(j);
    longest = std::max(longest, NowNs() - before);
  }
  const double each = static_cast<double>(NowNs() - start) / static_cast<double>(count);
  std::printf("%-42s %8.1f ns   longest 64: %6.1f us\n", what, each,
              static_cast<double>(longest) / 1000);
}

// 16 bytes, without an allocation.
struct Key {
  char text[17];
  explicit Key(size_t i) { std::snprintf(text, sizeof text, "key:%012zu", i % 1'000'000'000'000); }
  operator std::string_view() const { return {text, 16}; }
};

class CountingSink : public clustron::store::SnapshotSink {
 public:
  void OnRows(std::string_view, std::string_view) override {}
  void OnKey(int, std::string_view key, clustron::store::Type, const clustron::store::KeyMeta&,
             uint64_t) override {
    bytes += key.size();
  }
  void OnPart(std::string_view part) override { bytes += part.size(); }
  uint64_t bytes = 0;
};

void Set(Store& s, std::string_view key, std::string_view value) {
  s.BeginItem();
  Mutation m = s.Modify(0, key);
  SetString(m, value);
  m.Commit({clustron::store::EventClass::kString, "set"});
}

void BenchStrings(size_t n) {
  Store s(1);
  const std::string value(32, 'v');
  std::vector<Key> keys;
  for (size_t i = 0; i < n; i++) keys.emplace_back(i);
  Rng rng(1);
  std::vector<uint32_t> random(n);
  for (uint32_t& r : random) r = static_cast<uint32_t>(rng.Below(n));

  const size_t resident = ResidentBytes();
  Measure("SET, new", n, [&](size_t i) { Set(s, keys[i], value); });
  std::printf("%-42s %8.1f bytes resident, %.1f counted\n", "  16-byte key, 32-byte value",
              static_cast<double>(ResidentBytes() - resident) / static_cast<double>(n),
              static_cast<double>(s.used_bytes()) / static_cast<double>(n));
  Measure("SET, same size, random", n, [&](size_t i) { Set(s, keys[random[i]], value); });
  size_t found = 0;
  Scratch scratch;
  Measure("GET, random", n,
          [&](size_t i) { found += StringOf(*s.Find(0, keys[random[i]])).Bytes(scratch).size(); });
  Measure("GET, random, prefetched in groups of 64", n, [&](size_t i) {
    if (i % 64 == 0) {
      const size_t end = std::min(i + 64, n);
      for (size_t j = i; j < end; j++) s.PrefetchBucket(0, s.Hash(keys[random[j]]));
      for (size_t j = i; j < end; j++) s.PrefetchEntry(0, s.Hash(keys[random[j]]));
    }
    found += StringOf(*s.Find(0, keys[random[i]])).Bytes(scratch).size();
  });
  Measure("GET, absent", n, [&](size_t i) {
    const Key key(n + i);
    found += s.Find(0, key) != nullptr ? 1 : 0;
  });
  {
    CountingSink sink;
    clustron::store::SnapshotWalk walk(s, sink);
    const int64_t start = NowNs();
    int64_t longest = 0;
    for (auto more = clustron::store::SnapshotWalk::Progress::kMore;
         more == clustron::store::SnapshotWalk::Progress::kMore;) {
      const int64_t before = NowNs();
      more = walk.Step(64 << 10);
      longest = std::max(longest, NowNs() - before);
    }
    std::printf("%-42s %8.1f ns   longest 64 KB: %4.1f us\n", "snapshot walk, per key",
                static_cast<double>(NowNs() - start) / static_cast<double>(n),
                static_cast<double>(longest) / 1000);
  }
  Measure("EXPIRE, new", n, [&](size_t i) {
    s.BeginItem();
    Mutation m = s.Modify(0, keys[i]);
    m.SetDeadline(s.RelativeDeadline(1000 + static_cast<int64_t>(i % 100'000)));
    m.Commit({clustron::store::EventClass::kGeneric, "expire"});
  });
  Measure("EXPIRE, later", n, [&](size_t i) {
    s.BeginItem();
    Mutation m = s.Modify(0, keys[random[i]]);
    m.SetDeadline(s.RelativeDeadline(200'000));
    m.Commit({clustron::store::EventClass::kGeneric, "expire"});
  });
  s.BeginEntry(300'000, 300'000);
  s.BeginItem();
  Measure("removal of due keys", n, [&](size_t) { s.ExpireDue(1); });
  std::printf("%zu left, %zu found\n", s.Size(0), found);
}

void BenchHash(size_t n) {
  Store s(1);
  Measure("HSET, new field of one hash", n, [&](size_t i) {
    s.BeginItem();
    const Key field(i);
    Mutation m = s.Modify(0, "h");
    SetHashField(m, field, "value");
    m.Commit({clustron::store::EventClass::kHash, "hset"});
  });
  Rng rng(2);
  size_t found = 0;
  Measure("HGET, random", n, [&](size_t) {
    const Key field(rng.Below(n));
    found += HashOf(*s.Find(0, "h")).Get(field)->size();
  });
  std::printf("%-42s %8.1f bytes\n", "  16-byte field, 5-byte value",
              static_cast<double>(s.Find(0, "h")->MemoryUsage()) / static_cast<double>(n));
  const int64_t start = NowNs();
  {
    s.BeginItem();
    Mutation m = s.Modify(0, "h");
    m.Delete();
    m.Commit({clustron::store::EventClass::kGeneric, "del"});
  }
  std::printf("%-42s %8.1f us\n", "DEL of that hash", static_cast<double>(NowNs() - start) / 1000);
  Measure("freeing it, per slice of 1,000", n / 1000, [&](size_t) { s.Upkeep(1000); });
}

}  // namespace

int main(int argc, char** argv) {
  const size_t n = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1'000'000;
  BenchStrings(n);
  BenchHash(n);
  return 0;
}
