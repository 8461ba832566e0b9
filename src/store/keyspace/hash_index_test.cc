// The index against std::map, through growing and shrinking.
#include "store/keyspace/hash_index.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "base/rng.h"
#include "store/keyspace/hash_order.h"

namespace clustron::store {
namespace {

// Elements are their own payload; hashes may be given few distinct values, to fill chains.
struct Hasher {
  uint64_t spread;  // distinct hashes
  uint64_t operator()(uint64_t payload) const { return Mix64(payload % spread); }
};

class Checked {
 public:
  explicit Checked(uint64_t spread) : hash_of{spread} {}
  HashIndex::Ref Find(uint64_t x) {
    return index.Find(hash_of(x), [x](uint64_t payload) { return payload == x; });
  }
  void Insert(uint64_t x) {
    index.Insert(hash_of(x), x, hash_of);
    model.insert(x);
  }
  void Erase(uint64_t x) {
    index.Erase(hash_of(x), Find(x), hash_of);
    model.erase(x);
  }
  void Compare(uint64_t range) {
    REQUIRE(index.size() == model.size());
    for (uint64_t x = 0; x < range; x++) {
      const HashIndex::Ref ref = Find(x);
      REQUIRE(static_cast<bool>(ref) == model.contains(x));
      if (ref) REQUIRE(ref.payload() == x);
    }
    std::set<uint64_t> seen;
    index.ForEach([&](uint64_t x) { REQUIRE(seen.insert(x).second); });
    REQUIRE(seen == model);
  }
  // All in scan order, `count` at a time.
  std::vector<uint64_t> ScanAll(size_t count) const {
    std::vector<uint64_t> order;
    uint64_t cursor = 0;
    do {
      const uint64_t next =
          ScanInHashOrder(index, cursor, count, hash_of, std::less<>(), [&](uint64_t x) {
            order.push_back(x);
            return true;
          });
      REQUIRE((next == 0 || next > cursor));
      cursor = next;
    } while (cursor != 0);
    return order;
  }

  HashIndex index;
  std::set<uint64_t> model;
  Hasher hash_of;
};

TEST_CASE("index agrees with a set while it grows and shrinks") {
  for (const uint64_t spread : {uint64_t{1} << 40, uint64_t{3000}, uint64_t{40}}) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
      CAPTURE(spread);
      CAPTURE(seed);
      Checked c(spread);
      Rng rng(seed);
      const uint64_t range = spread < 100 ? 400 : 20'000;
      for (int phase = 0; phase < 6; phase++) {
        const double inserts = phase % 2 == 0 ? 85 : 10;
        for (uint64_t i = 0; i < range * 2; i++) {
          const uint64_t x = rng.Below(range);
          if (rng.Percent(inserts)) {
            if (!c.model.contains(x)) c.Insert(x);
          } else if (c.model.contains(x)) {
            c.Erase(x);
          }
        }
        c.Compare(range);
      }
      while (!c.model.empty()) c.Erase(*c.model.begin());
      c.Compare(range);
      while (c.index.Upkeep(100, c.hash_of)) {
      }
    }
  }
}

TEST_CASE("scan order depends on the elements only, not on size, history or page") {
  Rng rng(9);
  Checked grown(1 << 30);
  Checked shrunk(1 << 30);
  for (uint64_t x = 0; x < 50'000; x++) shrunk.Insert(x);
  for (uint64_t x = 0; x < 50'000; x++) {
    if (rng.Percent(97)) {
      shrunk.Erase(x);
    } else {
      grown.Insert(x);
    }
  }
  const std::vector<uint64_t> order = grown.ScanAll(1'000'000);
  CHECK(order.size() == grown.model.size());
  CHECK(shrunk.ScanAll(7) == order);
  CHECK(grown.ScanAll(1) == order);
  HashIndex copy;
  copy.CopyFrom(shrunk.index);
  std::set<uint64_t> seen;
  copy.ForEach([&](uint64_t x) { seen.insert(x); });
  CHECK(seen == shrunk.model);
}

TEST_CASE("elements of one position are never parted") {
  Checked c(40);
  for (uint64_t x = 0; x < 400; x++) c.Insert(x);
  const std::vector<uint64_t> order = c.ScanAll(1);
  CHECK(order.size() == 400);
  CHECK(order == c.ScanAll(1000));
}

TEST_CASE("a scan in pages returns every element that is there throughout") {
  for (uint64_t seed = 1; seed <= 10; seed++) {
    CAPTURE(seed);
    Rng rng(seed);
    Checked c(uint64_t{1} << 40);
    for (uint64_t x = 0; x < 500; x++) c.Insert(x);
    std::multiset<uint64_t> seen;
    uint64_t cursor = 0;
    bool growing = true;
    do {
      cursor = ScanInHashOrder(c.index, cursor, 1 + rng.Below(20), c.hash_of, std::less<>(),
                               [&](uint64_t x) {
                                 seen.insert(x);
                                 return true;
                               });
      if (rng.Percent(10)) growing = !growing;
      for (uint64_t i = 0; i < 2000; i++) {
        const uint64_t x = 500 + rng.Below(30'000);
        if (growing && !c.model.contains(x)) c.Insert(x);
        if (!growing && c.model.contains(x)) c.Erase(x);
      }
    } while (cursor != 0);
    for (uint64_t x = 0; x < 500; x++) REQUIRE(seen.count(x) == 1);  // and never twice
  }
}

TEST_CASE("an element costs at most 16 bytes of index at common sizes") {
  Checked c(uint64_t{1} << 40);
  for (const uint64_t size : {100'000, 250'000, 600'000, 1'000'000}) {
    while (c.index.size() < size)
      c.index.Insert(c.hash_of(c.index.size()), c.index.size(), c.hash_of);
    while (c.index.Upkeep(1000, c.hash_of)) {
    }
    CAPTURE(size);
    CHECK(c.index.MemoryUsage() / c.index.size() <= 16);
  }
  c.model.clear();
}

TEST_CASE("thrown away in slices, an index gives all of its memory back") {
  const size_t before = allocated_bytes;
  {
    HashIndex index;
    const Hasher hash_of{uint64_t{1} << 40};
    for (uint64_t x = 0; x < 100'000; x++) index.Insert(hash_of(x), x, hash_of);
    int slices = 0;
    while (index.FreeSome(100)) slices++;
    CHECK(slices > 100);
    CHECK(allocated_bytes == before);
  }
  CHECK(allocated_bytes == before);
}

}  // namespace
}  // namespace clustron::store
