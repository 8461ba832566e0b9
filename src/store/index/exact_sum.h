// A sum of doubles that is exact, so it does not depend on the order in which they are added; it is
// rounded once, at the end. A fixed-point number wide enough for every double.
#pragma once

#include <array>
#include <cstdint>

namespace clustron::store {

class ExactSum {
 public:
  // REQUIRES: finite; fewer than 2^30 are added.
  void Add(double value);
  // The nearest double, ties to even; infinite where the sum is too large for one.
  double Value() const { return Scaled(0); }
  // Of so many values: finite even where their sum is too large for a double. REQUIRES: count > 0.
  double Mean(uint64_t count) const;

 private:
  // Digits of 32 bits, each in a signed word that takes up carries until Value(). Bit 0 of digit 0
  // is worth 2^-1074.
  static constexpr int kDigits = 68;
  // The nearest double to the sum times 2^exponent.
  double Scaled(int exponent) const;
  std::array<int64_t, kDigits> digits_ = {};
};

}  // namespace clustron::store
