// What applying an item of the log has cost so far, in units of work. A unit is an element that was
// visited (a key, a field, a cell of a table); bytes that are read count an eighth of one, bytes
// that come into being (copied, shared, zeros up to a far offset) a half. Units are a function of
// the state and of the item alone: no allocation, no table size, no clock, so the sum is the same
// on every node. THREAD: any, one at a time.
#pragma once

#include <cstdint>

namespace clustron {

class WorkMeter {
 public:
  static constexpr uint64_t kUnlimited = UINT64_MAX;

  // Starts an item that may spend `max` units.
  void Begin(uint64_t max) {
    spent_ = 0;
    max_ = max;
  }
  // False if that was more than there was. To be called before the work where it is much.
  bool Spend(uint64_t units) {
    if (__builtin_add_overflow(spent_, units, &spent_)) spent_ = UINT64_MAX;
    return !exceeded();
  }
  bool SpendRead(uint64_t bytes) { return Spend(bytes / 8); }
  bool SpendMade(uint64_t bytes) { return Spend(bytes / 2); }
  // As if all had been spent and more.
  void Exhaust() {
    if (max_ != kUnlimited) spent_ = UINT64_MAX;
  }
  bool exceeded() const { return spent_ > max_; }
  uint64_t spent() const { return spent_; }
  uint64_t max() const { return max_; }

 private:
  uint64_t spent_ = 0;
  uint64_t max_ = kUnlimited;
};

}  // namespace clustron
