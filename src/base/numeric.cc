#include "base/numeric.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace clustron {

std::optional<uint64_t> ParseUint64(std::string_view text) {
  if (text.empty() || text.size() > 20) return std::nullopt;
  if (text[0] == '0' && text.size() > 1) return std::nullopt;
  uint64_t value = 0;
  for (char c : text) {
    const unsigned digit = static_cast<unsigned char>(c) - '0';
    if (digit > 9) return std::nullopt;
    if (value > UINT64_MAX / 10 || value * 10 > UINT64_MAX - digit) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

std::optional<int64_t> ParseInt64(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  const std::optional<uint64_t> digits = ParseUint64(negative ? text.substr(1) : text);
  if (!digits) return std::nullopt;
  if (!negative) {
    if (*digits > INT64_MAX) return std::nullopt;
    return static_cast<int64_t>(*digits);
  }
  if (*digits == 0 || *digits > static_cast<uint64_t>(INT64_MAX) + 1) return std::nullopt;
  return static_cast<int64_t>(~*digits + 1);
}

std::optional<long double> ParseLongDouble(std::string_view text) {
  char buf[5 * 1024];
  if (text.empty() || text.size() >= sizeof buf) return std::nullopt;
  std::memcpy(buf, text.data(), text.size());
  buf[text.size()] = 0;
  const unsigned char first = static_cast<unsigned char>(buf[0]);
  if (first == ' ' || (first >= '\t' && first <= '\r')) return std::nullopt;
  char* end;
  errno = 0;
  const long double value = std::strtold(buf, &end);
  if (static_cast<size_t>(end - buf) != text.size()) return std::nullopt;
  // COMPAT: too big and too small are refused, a subnormal result is not.
  if (errno == ERANGE && (std::isinf(value) || value == 0)) return std::nullopt;
  if (std::isnan(value)) return std::nullopt;
  return value;
}

std::string FormatLongDouble(long double value) {
  DCHECK(std::isfinite(value));
  char buf[5 * 1024];  // the greatest has 4,933 digits before the point
  const int printed = std::snprintf(buf, sizeof buf, "%.17Lf", value);
  CHECK(printed > 0);
  CHECK(static_cast<size_t>(printed) < sizeof buf);
  std::string_view text(buf, static_cast<size_t>(printed));
  while (text.back() == '0') text.remove_suffix(1);
  if (text.back() == '.') text.remove_suffix(1);
  return text == "-0" ? "0" : std::string(text);
}

}  // namespace clustron
