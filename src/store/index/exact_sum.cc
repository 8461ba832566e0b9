#include "store/index/exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/check.h"

namespace clustron::store {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr int kMantissaBits = 52;
constexpr uint64_t kHidden = uint64_t{1} << kMantissaBits;

}  // namespace

void ExactSum::Add(double value) {
  CHECK(std::isfinite(value));
  const auto bits = std::bit_cast<uint64_t>(value);
  const int exponent = static_cast<int>(bits >> kMantissaBits & 0x7ff);
  uint64_t mantissa = bits & (kHidden - 1);
  if (exponent > 0) mantissa |= kHidden;
  const int shift = exponent > 0 ? exponent - 1 : 0;  // above 2^-1074
  const auto wide = static_cast<Wide>(mantissa) << (shift % 32);
  const int64_t sign = (bits >> 63) != 0 ? -1 : 1;
  for (int i = 0; i < 3; i++)
    digits_[static_cast<size_t>(shift / 32 + i)] +=
        sign * static_cast<int64_t>(static_cast<uint32_t>(wide >> (32 * i)));
}

double ExactSum::Mean(uint64_t count) const {
  CHECK(count > 0);
  const auto divisor = static_cast<double>(count);
  const double sum = Value();
  if (std::isfinite(sum)) return sum / divisor;
  constexpr int kSpare = 64;  // more doublings than there are values
  return std::ldexp(Scaled(-kSpare) / divisor, kSpare);
}

double ExactSum::Scaled(int scale) const {
  std::array<int64_t, kDigits> digits = digits_;
  const auto carry = [&digits] {
    int64_t over = 0;
    for (int64_t& digit : digits) {
      const int64_t sum = digit + over;
      digit = sum & 0xffffffff;
      over = sum >> 32;
    }
    return over;
  };
  const bool negative = carry() < 0;
  if (negative) {  // the two's complement of it
    for (int64_t& digit : digits) digit = 0xffffffff - digit;
    digits[0]++;
    carry();
  }
  size_t top = kDigits;
  while (top > 0 && digits[top - 1] == 0) top--;
  if (top == 0) return 0;
  // The top 64 bits and whether anything is below them: all that rounding needs.
  const auto digit = [&](size_t place) {
    return place < kDigits ? static_cast<uint64_t>(digits[place]) : 0;
  };
  Wide head = 0;
  for (size_t i = 0; i < 4; i++) head = head << 32 | (i < top ? digit(top - 1 - i) : 0);
  bool rest = false;
  for (size_t i = 0; i + 4 < top; i++) rest |= digits[i] != 0;
  // The value is head × 2^(32 (top - 4) - 1074), and a little more if there is a rest.
  const int exponent = 32 * (static_cast<int>(top) - 4) - 1074;
  const int width = 128 - std::countl_zero(static_cast<uint64_t>(head >> 64));
  // Bits that a double has no room for; of a denormal one more.
  const int drop = std::max(width - 53, -1074 - exponent);
  CHECK(drop > 0 && drop < 128);
  const Wide half = static_cast<Wide>(1) << (drop - 1);
  const Wide below = head & (2 * half - 1);
  auto kept = static_cast<uint64_t>(head >> drop);
  if (below > half || (below == half && (rest || (kept & 1) != 0))) kept++;
  const double magnitude = std::ldexp(static_cast<double>(kept), exponent + drop + scale);
  return negative ? -magnitude : magnitude;
}

}  // namespace clustron::store
