// When keys come due, by one clock. Records are hints of 8 bytes: which key to look at, and when.
//
// The key's own deadline is the truth. A record is filed at or before its key's deadline; when it
// comes up the key is looked up: due, or filed again (its deadline was moved later), or the record
// is stale and dropped. So moving a deadline later costs nothing here, and moving it earlier costs
// a second record.
//
// Levels of 256 slots: 1 ms wide on the lowest, then 256 times wider each. Records carry enough of
// their time to move down without looking the key up.
//
//   record: database 4 | hash 32 (top bits) | epoch 8 | time within its slot 20
//
// What comes up is in order of time, and within a millisecond in order of (database, hash): a
// function of the filed keys only, so that every node removes due keys in the same order.
// THREAD: core loop.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace clustron::store {

struct WheelRecord {
  int db = 0;              // 0 … 15
  uint32_t hash_high = 0;  // the key's, its top 32 bits
  uint8_t epoch = 0;       // of the deadline that it was filed for
  friend auto operator<=>(const WheelRecord&, const WheelRecord&) = default;
};

class TimeWheel {
 public:
  // `now` is the clock's time, as a hint: an empty wheel starts from it.
  void Add(int64_t now, int64_t ms, WheelRecord record);

  // Takes all records of the earliest time <= `now`, sorted, duplicates removed, and that time;
  // false when there are none. Then records may be added again, for that time too.
  bool PopDue(int64_t now, int64_t& ms, std::vector<WheelRecord>& records);

  // A time not after the earliest record; INT64_MAX when empty.
  int64_t NextMs() const;
  size_t size() const { return size_; }
  void Clear();

  // Goes over some `budget` records and drops those for which keep(record) is false; a full round
  // takes many calls. For weeding out stale ones when they pile up.
  template <typename Keep>
  void Sweep(size_t budget, Keep&& keep) {
    while (budget > 0 && size_ > 0) {
      std::vector<uint64_t>& slot = levels_[sweep_level_].slots[sweep_slot_];
      if (sweep_index_ >= slot.size()) {
        NextSweepSlot();
        budget--;
        continue;
      }
      budget--;
      if (keep(Unpack(slot[sweep_index_]))) {
        sweep_index_++;
        continue;
      }
      slot[sweep_index_] = slot.back();
      slot.pop_back();
      size_--;
      if (slot.empty()) Mark(sweep_level_, sweep_slot_, false);
    }
  }

 private:
  static constexpr int kLevels = 7;
  static constexpr int kSlotBits = 8;
  static constexpr int kSlots = 1 << kSlotBits;
  static constexpr int kTimeBits = 20;

  struct Level {
    std::array<std::vector<uint64_t>, kSlots> slots;
    std::array<uint64_t, kSlots / 64> used = {};  // bit: slot not empty
  };

  static uint64_t Pack(WheelRecord record);
  static WheelRecord Unpack(uint64_t bits);
  void Mark(int level, int slot, bool used) {
    uint64_t& word = levels_[level].used[slot / 64];
    const uint64_t bit = uint64_t{1} << (slot % 64);
    word = used ? word | bit : word & ~bit;
  }
  // The first slot in use from `from` on, -1 if none.
  int FirstUsed(int level, int from) const;
  void Place(int64_t ms, uint64_t packed);
  // Time bits dropped by a level's records.
  static int Shift(int level) {
    return level * kSlotBits > kTimeBits ? level * kSlotBits - kTimeBits : 0;
  }
  struct Found {
    int level = -1;
    int slot = 0;
    int64_t ms = 0;  // where the slot begins
  };
  Found FirstSlot() const;
  void NextSweepSlot() {
    sweep_index_ = 0;
    if (++sweep_slot_ == kSlots) {
      sweep_slot_ = 0;
      sweep_level_ = (sweep_level_ + 1) % kLevels;
    }
  }

  std::array<Level, kLevels> levels_;
  // Filed for a time that is not after now_: few, so a map will do.
  std::map<int64_t, std::vector<uint64_t>> late_;
  int64_t now_ = 0;  // all slots up to here are empty
  size_t size_ = 0;
  int sweep_level_ = 0;
  int sweep_slot_ = 0;
  size_t sweep_index_ = 0;
};

}  // namespace clustron::store
