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
//   record: hash 32 (top bits) | table 4 | epoch 8 | time within its slot 20
//
// What comes up is in order of time, and within a millisecond in order of the hash: a function of
// the filed keys only, so that every node removes due keys in the same order. However many come up
// in one millisecond, they are sorted only as far as they are taken.
// THREAD: core loop.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace clustron::store {

struct WheelRecord {
  uint32_t hash_high = 0;  // the key's, its top 32 bits
  int table = 0;           // its number, 0 … 15
  uint8_t epoch = 0;       // of the deadline that it was filed for
  friend bool operator==(const WheelRecord&, const WheelRecord&) = default;
};

class TimeWheel {
 public:
  // `now` is the clock's time, as a hint: an empty wheel starts from it.
  void Add(int64_t now, int64_t ms, WheelRecord record);

  // The next records that come up at or before `now`: those of one time and one hash, hence nearly
  // always one; false when there are none. They stay until Consume. Meanwhile records may be added
  // for later times.
  bool Peek(int64_t now, int64_t& ms, std::vector<WheelRecord>& group);
  void Consume();

  // The clock has gone back to `now`. Far back, all records are filed anew: later ones would be too
  // many for late_.
  void GoBack(int64_t now);

  // A time not after the earliest record; INT64_MAX when empty. Cheap: asked for each command.
  int64_t NextMs() const {
    if (!next_known_) FindNext();
    return next_ms_;
  }
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
      next_known_ = false;
    }
  }

 private:
  static constexpr int kLevels = 7;
  static constexpr int kSlotBits = 8;
  static constexpr int kSlots = 1 << kSlotBits;
  static constexpr int kTimeBits = 20;
  static constexpr size_t kSortAtOnce = 32;

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
  // Makes the records of the next time that has some, if not after `now`, the batch.
  bool LoadBatch(int64_t now);
  // The batch's element at `i`, in sorted order. REQUIRES: i counts up from batch_at_.
  uint64_t Sorted(size_t i);
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
  void FindNext() const;
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
  // What has come up and is not taken yet, all of batch_ms_: sorted bit by bit (incremental
  // quicksort: Paredes, Navarro 2006). pivots_: ends of ranges that hold nothing above what is
  // behind them, innermost last.
  std::vector<uint64_t> batch_;
  std::vector<size_t> pivots_;
  size_t batch_at_ = 0;
  size_t group_end_ = 0;
  int64_t batch_ms_ = 0;
  size_t size_ = 0;
  // NextMs's answer, kept while nothing goes: where the first slot in use begins, or the time of
  // the batch or of the first late record.
  mutable int64_t next_ms_ = INT64_MAX;
  mutable bool next_known_ = true;
  int sweep_level_ = 0;
  int sweep_slot_ = 0;
  size_t sweep_index_ = 0;
};

}  // namespace clustron::store
