#include "store/keyspace/time_wheel.h"

#include <algorithm>
#include <bit>
#include <memory>
#include <utility>

#include "base/breather.h"
#include "base/check.h"

namespace clustron::store {
namespace {
constexpr uint64_t kTimeMask = (uint64_t{1} << 20) - 1;
}

uint64_t TimeWheel::Pack(WheelRecord record) {
  return static_cast<uint64_t>(record.hash_high) << 32 | static_cast<uint64_t>(record.table) << 28 |
         static_cast<uint64_t>(record.epoch) << kTimeBits;
}

WheelRecord TimeWheel::Unpack(uint64_t bits) {
  return {.hash_high = static_cast<uint32_t>(bits >> 32),
          .table = static_cast<int>(bits >> 28 & 15),
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
    next_ms_ = std::min(next_ms_, ms);
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
  next_ms_ = std::min(next_ms_, ms - static_cast<int64_t>(within));
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

bool TimeWheel::LoadBatch(int64_t now) {
  if (NextMs() > now) {
    now_ = std::max(now_, now);
    return false;
  }
  next_known_ = false;
  batch_.clear();
  pivots_.clear();
  batch_at_ = group_end_ = 0;
  while (late_.empty()) {
    const Found found = FirstSlot();
    if (found.level < 0 || found.ms > now) {
      now_ = std::max(now_, now);
      return false;
    }
    now_ = found.ms;
    Mark(found.level, found.slot, false);
    std::vector<uint64_t>& slot = levels_[found.level].slots[found.slot];
    if (found.level == 0) {
      batch_ms_ = found.ms;
      batch_ = std::exchange(slot, {});
      return true;
    }
    // Down by a level or more; what is for this very millisecond becomes late.
    const int shift = Shift(found.level);
    for (const uint64_t bits : std::exchange(slot, {})) {
      Place(found.ms | static_cast<int64_t>((bits & kTimeMask) << shift), bits & ~kTimeMask);
    }
  }
  const auto first = late_.begin();  // always before what is in the slots
  if (first->first > now) return false;
  batch_ms_ = first->first;
  batch_ = std::move(first->second);
  late_.erase(first);
  return true;
}

uint64_t TimeWheel::Sorted(size_t i) {
  while (!pivots_.empty() && pivots_.back() < i) pivots_.pop_back();
  for (;;) {
    const size_t end = pivots_.empty() ? batch_.size() : pivots_.back();
    if (end == i) {
      pivots_.pop_back();
      return batch_[i];
    }
    const auto from = batch_.begin() + static_cast<ptrdiff_t>(i);
    const auto to = batch_.begin() + static_cast<ptrdiff_t>(end);
    if (end - i <= kSortAtOnce) {
      std::sort(from, to);
      for (size_t pivot = end; pivot > i; pivot--) pivots_.push_back(pivot - 1);
      continue;
    }
    // The pivot goes to its final place.
    const auto middle = from + (to - from) / 2;
    std::iter_swap(middle, to - 1);
    const uint64_t pivot = *(to - 1);
    const auto split = std::partition(from, to - 1, [pivot](uint64_t x) { return x < pivot; });
    std::iter_swap(split, to - 1);
    pivots_.push_back(static_cast<size_t>(split - batch_.begin()));
  }
}

bool TimeWheel::Peek(int64_t now, int64_t& ms, std::vector<WheelRecord>& group) {
  group.clear();
  if (size_ == 0) return false;
  if (batch_at_ == batch_.size() && !LoadBatch(now)) return false;
  ms = batch_ms_;
  size_t i = batch_at_;
  do {
    group.push_back(Unpack(batch_[i] = Sorted(i)));
    i++;
  } while (i < batch_.size() && Sorted(i) >> 32 == group.front().hash_high);
  group_end_ = i;
  return true;
}

void TimeWheel::Consume() {
  size_ -= group_end_ - batch_at_;
  batch_at_ = group_end_;
  next_known_ = false;
}

void TimeWheel::GoBack(int64_t now) {
  constexpr int64_t kFarMs = 60'000;
  constexpr size_t kRecordsPerBreath = 1000;
  if (now_ - now < kFarMs) return;
  next_known_ = false;
  const int64_t was = std::exchange(now_, now);
  const auto levels = std::make_unique<std::array<Level, kLevels>>(std::exchange(levels_, {}));
  const auto late = std::exchange(late_, {});
  for (size_t i = batch_at_; i < batch_.size(); i++) Place(batch_ms_, batch_[i]);
  batch_.clear();
  pivots_.clear();
  batch_at_ = group_end_ = 0;
  for (const auto& [ms, records] : late)
    for (const uint64_t bits : records) Place(ms, bits);
  size_t moved = 0;
  for (int level = 0; level < kLevels; level++) {
    const int above = (level + 1) * kSlotBits;
    const int64_t base = was >> above << above;
    for (int slot = 0; slot < kSlots; slot++) {
      const int64_t ms = base | static_cast<int64_t>(slot) << (level * kSlotBits);
      for (const uint64_t bits : (*levels)[level].slots[slot]) {
        Place(ms | static_cast<int64_t>((bits & kTimeMask) << Shift(level)), bits & ~kTimeMask);
        if (++moved % kRecordsPerBreath == 0) Breathe();
      }
    }
  }
}

void TimeWheel::FindNext() const {
  next_known_ = true;
  if (batch_at_ < batch_.size()) {
    next_ms_ = batch_ms_;
  } else if (!late_.empty()) {
    next_ms_ = late_.begin()->first;
  } else {
    const Found found = FirstSlot();
    next_ms_ = found.level < 0 ? INT64_MAX : found.ms;
  }
}

void TimeWheel::Clear() {
  const int64_t now = now_;
  *this = TimeWheel();
  now_ = now;
}

}  // namespace clustron::store
