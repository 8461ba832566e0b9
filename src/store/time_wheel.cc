#include "store/time_wheel.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"

namespace clustron::store {
namespace {
constexpr uint64_t kTimeMask = (uint64_t{1} << 20) - 1;
}

uint64_t TimeWheel::Pack(WheelRecord record) {
  return static_cast<uint64_t>(record.db) << 60 | static_cast<uint64_t>(record.hash_high) << 28 |
         static_cast<uint64_t>(record.epoch) << kTimeBits;
}

WheelRecord TimeWheel::Unpack(uint64_t bits) {
  return {.db = static_cast<int>(bits >> 60),
          .hash_high = static_cast<uint32_t>(bits >> 28),
          .epoch = static_cast<uint8_t>(bits >> kTimeBits)};
}

void TimeWheel::Add(int64_t now, int64_t ms, WheelRecord record) {
  if (size_ == 0) now_ = std::max(now_, now);
  size_++;
  Place(ms, Pack(record));
}

void TimeWheel::Place(int64_t ms, uint64_t packed) {
  if (ms <= now_) {
    late_[ms].push_back(packed);
    return;
  }
  // The level is that of the highest bit in which the time differs from now.
  const uint64_t differs = static_cast<uint64_t>(ms) ^ static_cast<uint64_t>(now_);
  const int level = (static_cast<int>(std::bit_width(differs)) - 1) / kSlotBits;
  CHECK(level < kLevels);
  const int slot = static_cast<int>(ms >> (level * kSlotBits)) & (kSlots - 1);
  const uint64_t within = static_cast<uint64_t>(ms) & ((uint64_t{1} << (level * kSlotBits)) - 1);
  levels_[level].slots[slot].push_back((packed & ~kTimeMask) | within >> Shift(level));
  Mark(level, slot, true);
}

int TimeWheel::FirstUsed(int level, int from) const {
  for (int word = from / 64; word < kSlots / 64; word++) {
    uint64_t bits = levels_[level].used[word];
    if (word == from / 64) bits &= ~uint64_t{0} << (from % 64);
    if (bits != 0) return word * 64 + std::countr_zero(bits);
  }
  return -1;
}

TimeWheel::Found TimeWheel::FirstSlot() const {
  // A lower level's records are all before a higher one's.
  for (int level = 0; level < kLevels; level++) {
    const int at = static_cast<int>(now_ >> (level * kSlotBits)) & (kSlots - 1);
    if (at + 1 == kSlots) continue;
    const int slot = FirstUsed(level, at + 1);
    if (slot < 0) continue;
    const int above = (level + 1) * kSlotBits;
    const int64_t base = now_ >> above << above;
    return {level, slot, base | static_cast<int64_t>(slot) << (level * kSlotBits)};
  }
  return {};
}

bool TimeWheel::PopDue(int64_t now, int64_t& ms, std::vector<WheelRecord>& records) {
  records.clear();
  for (;;) {
    const Found found = FirstSlot();
    if (!late_.empty()) {  // always before what is in the slots
      const auto first = late_.begin();
      if (first->first > now) return false;
      ms = first->first;
      for (const uint64_t bits : first->second) records.push_back(Unpack(bits));
      late_.erase(first);
      break;
    }
    if (found.level < 0 || found.ms > now) {
      now_ = std::max(now_, now);
      return false;
    }
    std::vector<uint64_t> slot = std::exchange(levels_[found.level].slots[found.slot], {});
    Mark(found.level, found.slot, false);
    if (found.level == 0) {
      now_ = ms = found.ms;
      for (const uint64_t bits : slot) records.push_back(Unpack(bits));
      break;
    }
    // Down by a level or more; what is for this very millisecond becomes late.
    now_ = found.ms;
    const int shift = Shift(found.level);
    for (const uint64_t bits : slot) {
      Place(found.ms | static_cast<int64_t>((bits & kTimeMask) << shift), bits);
    }
  }
  size_ -= records.size();
  std::sort(records.begin(), records.end());
  records.erase(std::unique(records.begin(), records.end()), records.end());
  return true;
}

int64_t TimeWheel::NextMs() const {
  if (!late_.empty()) return late_.begin()->first;
  const Found found = FirstSlot();
  return found.level < 0 ? INT64_MAX : found.ms;
}

void TimeWheel::Clear() {
  const int64_t now = now_;
  *this = TimeWheel();
  now_ = now;
}

}  // namespace clustron::store
