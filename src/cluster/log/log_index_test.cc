#include "cluster/log/log_index.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <vector>

#include "base/memory.h"
#include "base/rng.h"

namespace clustron::cluster {

using paxos::Slot;
using persist::WalLocation;

TEST_CASE("log index: agrees with plain maps") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    LogIndex index;
    std::map<Slot, WalLocation> there;
    std::set<Slot> unknown;
    std::map<uint64_t, Slot> highest;  // by segment
    uint64_t segment = 1;
    uint64_t first_segment = 1;
    Slot top = 100;
    for (int step = 0; step < 400; ++step) {
      if (rng.Percent(10)) ++segment;
      const Slot slot = top - rng.Below(20) + rng.Below(25);
      top = std::max(top, slot);
      if (rng.Percent(85)) {
        const WalLocation at{.segment = segment, .offset = rng.Below(1000) * 8, .payload_size = 7};
        index.NoteRecord(at, slot);
        index.Add(slot, at);
        there[slot] = at;
        unknown.erase(slot);
        highest[segment] = std::max(highest[segment], slot);
      } else if (rng.Percent(80)) {
        index.AddUnknown(slot);
        there.erase(slot);
        unknown.insert(slot);
      } else {
        const Slot floor = top - rng.Below(100);
        uint64_t needed = segment;
        for (const auto& [number, max] : highest) {
          if (number < segment && max > floor && number >= first_segment) {
            needed = std::min(needed, number);
          }
        }
        if (unknown.upper_bound(floor) != unknown.end()) needed = first_segment;
        CHECK(index.FirstNeeded(floor, segment) == needed);
        index.DropBefore(needed, floor);
        unknown.erase(unknown.begin(), unknown.upper_bound(floor));
        first_segment = needed;
        std::erase_if(there, [&](const auto& e) { return e.second.segment < needed; });
      }
      const Slot asked = top - rng.Below(150);
      const WalLocation* found = index.Find(asked);
      CHECK((found != nullptr) == there.contains(asked));
      if (found != nullptr) CHECK(found->offset == there[asked].offset);
      const auto above = there.upper_bound(asked);
      CHECK(index.first_slot_above(asked) == (above == there.end() ? 0 : above->first));
      CHECK(index.last_slot() == (there.empty() ? 0 : there.rbegin()->first));
      CHECK(index.Unknown(asked) == std::vector<Slot>(unknown.upper_bound(asked), unknown.end()));
    }
  }
}

TEST_CASE("log index: a slot far above forgets those below, whatever lies between") {
  LogIndex index;
  index.Add(5, {.segment = 1, .offset = 512, .payload_size = 0});
  index.Add(40'000'000, {.segment = 1, .offset = 1024, .payload_size = 0});
  CHECK(index.Find(5) == nullptr);
  CHECK(index.Find(40'000'000) != nullptr);
  CHECK(index.last_slot() == 40'000'000);
}

TEST_CASE("log index: damage keeps the segments beside it until its slots are below the floor") {
  LogIndex index;
  index.NoteRecord({.segment = 1, .offset = 512, .payload_size = 0}, 3);
  index.NoteDamage(9);
  index.NoteRecord({.segment = 2, .offset = 512, .payload_size = 0}, 4);
  index.NoteRecord({.segment = 3, .offset = 512, .payload_size = 0}, 5);
  CHECK(index.FirstNeeded(5, 4) == 1);
  CHECK(index.FirstNeeded(8, 4) == 1);
  CHECK(index.FirstNeeded(9, 4) == 4);
  CHECK(index.bytes() == 3 * (512 + 136));
}

TEST_CASE("log index: a slot that stayed unknown until a snapshot took it over keeps no others") {
  LogIndex index;
  index.AddUnknown(1);
  const uint64_t before = AllocatedBytes();
  for (Slot slot = 2; slot < 200'000; ++slot) {
    const WalLocation at{.segment = 1 + slot / 1000, .offset = 512, .payload_size = 0};
    index.NoteRecord(at, slot);
    index.Add(slot, at);
    if (slot % 1000 == 0) index.DropBefore(index.FirstNeeded(slot - 1, at.segment), slot - 1);
  }
  CHECK(AllocatedBytes() < before + 1'000'000);
  CHECK(index.Unknown(0).empty());
}

TEST_CASE("log index: bytes behind a slot") {
  LogIndex index;
  const auto add = [&](uint64_t segment, uint64_t offset, Slot slot) {
    const WalLocation at{.segment = segment, .offset = offset, .payload_size = 0};
    index.NoteRecord(at, slot);
    index.Add(slot, at);
  };
  CHECK(index.BytesFrom(1) == 0);
  add(1, 512, 5);
  add(1, 648, 6);
  add(2, 512, 8);
  CHECK(index.BytesFrom(1) == 2 * 136 + 512 + 136);
  CHECK(index.BytesFrom(6) == 136 + 512 + 136);
  CHECK(index.BytesFrom(7) == 136);  // from 8 on
  CHECK(index.BytesFrom(9) == 0);
  index.AddUnknown(8);
  CHECK(index.BytesFrom(7) == 0);
}

}  // namespace clustron::cluster
