#include "cluster/paxos/log_window.h"

#include <doctest/doctest.h>

#include <map>

#include "base/rng.h"

namespace clustron::paxos {
namespace {

Accepted Entry(Slot slot, uint64_t round, size_t bytes = 10) {
  return {slot,
          {round, 1},
          {EntryKind::kBatch, {round, 1}, std::make_shared<const std::string>(bytes, 'x')}};
}

TEST_CASE("the window holds what was stored, and nothing in between") {
  LogWindow window(5);
  CHECK(window.Find(5) == nullptr);
  window.Store(Entry(8, 1), 3);
  CHECK(window.end() == 9);
  REQUIRE(window.Find(6) != nullptr);
  CHECK_FALSE(window.Find(6)->accepted);
  CHECK(window.Find(8)->accepted);
  CHECK(window.Find(8)->persist_seq == 3);
  CHECK(window.Find(4) == nullptr);
  CHECK(window.Find(9) == nullptr);
}

TEST_CASE("storing again replaces the entry and forgets that it was unknown") {
  LogWindow window(1);
  window.MarkUnknown(2);
  CHECK(window.unknown_count() == 1);
  window.Store(Entry(2, 4), 1).chosen = true;
  CHECK(window.unknown_count() == 0);
  CHECK_FALSE(window.Find(2)->unknown);
  window.Store(Entry(2, 5), 2);
  CHECK(window.Find(2)->entry.ballot.round == 5);
  CHECK_FALSE(window.Find(2)->chosen);
}

TEST_CASE("dropping may pass the end") {
  LogWindow window(1);
  window.Store(Entry(3, 1), 1);
  window.DropBelow(100);
  CHECK(window.first() == 100);
  CHECK(window.end() == 100);
  CHECK(window.bytes() == 0);
  window.Store(Entry(100, 1), 1);
  CHECK(window.Find(100)->accepted);
}

TEST_CASE("window against a map") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    LogWindow window(1);
    std::map<Slot, Accepted> model;
    Slot first = 1;
    for (int i = 0; i < 2000; ++i) {
      if (rng.Percent(80)) {
        const Accepted entry =
            Entry(first + rng.Below(300), static_cast<uint64_t>(i) + 1, rng.Below(500));
        window.Store(entry, 1);
        model[entry.slot] = entry;
      } else {
        first += rng.Below(100);
        window.DropBelow(first);
        model.erase(model.begin(), model.lower_bound(first));
      }
      REQUIRE(window.first() == first);
      REQUIRE((model.empty() || window.end() == model.rbegin()->first + 1));
    }
    size_t payload_bytes = 0;
    for (Slot slot = first; slot < window.end(); ++slot) {
      const auto it = model.find(slot);
      REQUIRE(window.Find(slot)->accepted == (it != model.end()));
      if (it == model.end()) continue;
      CHECK(window.Find(slot)->entry == it->second);
      payload_bytes += BytesOf(it->second.value.payload).size();
    }
    CHECK(window.bytes() >= payload_bytes);
    CHECK(window.bytes() <= payload_bytes + (window.end() - first) * (sizeof(Cell) + 64));
    window.DropBelow(window.end());
    CHECK(window.bytes() == 0);
  }
}

}  // namespace
}  // namespace clustron::paxos
