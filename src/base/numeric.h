// Numbers as Redis reads and prints them. Exact: what Redis refuses is refused here, and the text
// of a number is the same on every node.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clustron {

// A canonical decimal int64: no blanks, no "+", no leading zeros, no "-0".
std::optional<int64_t> ParseInt64(std::string_view text);
// The same for unsigned numbers (cursors, revisions).
std::optional<uint64_t> ParseUint64(std::string_view text);

// A float as INCRBYFLOAT takes it: everything that strtold reads, without blanks around it;
// infinities yes, NaN no.
std::optional<long double> ParseLongDouble(std::string_view text);
// Up to 17 digits behind the point, without trailing zeros and without an exponent ("3", "10.5").
// REQUIRES: finite.
std::string FormatLongDouble(long double value);

// A score or a double argument: everything that strtod reads, without blanks around it; infinities
// yes, NaN no; what is too big or too small for a double is refused.
std::optional<double> ParseDouble(std::string_view text);
// The shortest text that reads back as the same number, laid out as Redis 7.2 does: whole numbers
// up to 2^52 plainly, others plainly unless they would need many zeros ("1e+17", "1.5e-8"); "inf",
// "-inf", "nan", "-0".
std::string FormatDouble(double value);

// Decimal text of an integer, on the stack.
class Decimal {
 public:
  explicit Decimal(int64_t value) { End(std::to_chars(text_, text_ + sizeof text_, value).ptr); }
  explicit Decimal(uint64_t value) { End(std::to_chars(text_, text_ + sizeof text_, value).ptr); }
  std::string_view view() const { return {text_, size_}; }
  operator std::string_view() const { return view(); }

 private:
  void End(const char* end) { size_ = static_cast<size_t>(end - text_); }
  char text_[24];
  size_t size_;
};

}  // namespace clustron
