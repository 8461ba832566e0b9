// What applying an item of the log has cost so far, in two sums.
//
// Units of work bound every item: a unit is an element that was visited (a key, a field, a cell of
// a table); bytes that are read count an eighth of one, bytes that come into being (copied, shared,
// zeros up to a far offset) a half. Entries of all feature versions are judged by them.
//
// Nominal nanoseconds bound what runs other commands (EXEC, TXN, ONCE …), from kItemsHaveTime on
// (cluster/log/feature_version.h): what the same work takes on a slow core, as it was measured
// (tests/bench/work_bench.cc). What came with the arguments, and ends with them, is in neither.
//
// Both are functions of the state and of the item alone: no allocation, no table size, no clock, so
// the sums are the same on every node. THREAD: any, one at a time.
#pragma once

#include <algorithm>
#include <cstdint>

namespace clustron {

class WorkMeter {
 public:
  // Sums stop there. An item's limits are far below it.
  static constexpr uint64_t kUnlimited = UINT32_MAX;
  // Of a unit of which nothing else is said.
  static constexpr uint64_t kNsOfUnit = 3;

  // Starts an item that may spend so many units, and so many nominal nanoseconds.
  void Begin(uint64_t max, uint64_t max_ns = kUnlimited) {
    spent_ = spent_ns_ = 0;
    max_ = Capped(max);
    max_ns_ = Capped(max_ns);
  }
  // False if that was more than there was. To be called before the work where it is much.
  bool Spend(uint64_t units) { return SpendEach(units, kNsOfUnit); }
  bool Spend(uint64_t units, uint64_t ns) {
    spent_ = Sum(spent_, units);
    spent_ns_ = Sum(spent_ns_, ns);
    return !exceeded();
  }
  // `count` units, of which each is so many nanoseconds.
  bool SpendEach(uint64_t count, uint64_t ns_each) {
    uint64_t ns;
    return Spend(count, __builtin_mul_overflow(count, ns_each, &ns) ? kUnlimited : ns);
  }
  bool SpendRead(uint64_t bytes) { return Spend(bytes / 8, bytes / 4); }
  bool SpendMade(uint64_t bytes) { return Spend(bytes / 2, bytes); }
  // As if all had been spent and more.
  void Exhaust() { spent_ = Capped(kUnlimited); }
  bool exceeded() const { return spent_ > max_ || spent_ns_ > max_ns_; }
  // Whether so many nanoseconds more would be too much.
  bool ExceededWith(uint64_t ns) const { return exceeded() || Sum(spent_ns_, ns) > max_ns_; }
  uint64_t spent() const { return spent_; }
  uint64_t spent_ns() const { return spent_ns_; }
  // In units of which so many take a nanosecond.
  uint64_t max(uint64_t units_per_ns) const {
    return max_ns_ == kUnlimited ? max_ : std::min(uint64_t{max_}, max_ns_ * units_per_ns);
  }

 private:
  static uint32_t Capped(uint64_t n) { return static_cast<uint32_t>(std::min(n, kUnlimited)); }
  static uint32_t Sum(uint64_t sum, uint64_t more) { return Capped(sum + Capped(more)); }

  uint32_t spent_ = 0;
  uint32_t spent_ns_ = 0;
  uint32_t max_ = UINT32_MAX;
  uint32_t max_ns_ = UINT32_MAX;
};

}  // namespace clustron
