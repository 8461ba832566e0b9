// Ranges of values, which is what every condition on a field comes down to.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace clustron::store {

struct NumRange {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
  bool high_open = false;

  // Whether a value is before the range, or not behind it.
  bool Before(double value) const { return low_open ? value <= low : value < low; }
  bool UpTo(double value) const { return high_open ? value < high : value <= high; }
  bool Has(double value) const { return !Before(value) && UpTo(value); }
  void Narrow(const NumRange& other);
};

struct BytesRange {
  std::string low = {};
  bool low_open = false;
  std::optional<std::string> high = {};  // none: no end
  bool high_open = false;

  bool Before(std::string_view value) const { return low_open ? value <= low : value < low; }
  bool UpTo(std::string_view value) const {
    return !high || (high_open ? value < *high : value <= *high);
  }
  bool Has(std::string_view value) const { return !Before(value) && UpTo(value); }
  void Narrow(const BytesRange& other);
  // All that begin so.
  static BytesRange OfPrefix(std::string_view prefix);
};

inline void NumRange::Narrow(const NumRange& other) {
  if (other.low > low || (other.low == low && other.low_open)) {
    low = other.low;
    low_open = other.low_open;
  }
  if (other.high < high || (other.high == high && other.high_open)) {
    high = other.high;
    high_open = other.high_open;
  }
}

inline void BytesRange::Narrow(const BytesRange& other) {
  if (other.low > low || (other.low == low && other.low_open)) {
    low = other.low;
    low_open = other.low_open;
  }
  if (!other.high) return;
  if (!high || *other.high < *high || (*other.high == *high && other.high_open)) {
    high = other.high;
    high_open = other.high_open;
  }
}

inline BytesRange BytesRange::OfPrefix(std::string_view prefix) {
  BytesRange range{.low = std::string(prefix)};
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (end.empty()) return range;
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  range.high = std::move(end);
  range.high_open = true;
  return range;
}

}  // namespace clustron::store
