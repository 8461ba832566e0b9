#include "base/numeric.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace clustron {

namespace {

bool IsBlank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// digits · 10^exponent, the fewest digits that read back as the same double.
struct Digits {
  std::string text;
  int exponent;
};

Digits ShortestDigits(double value) {
  char buf[32];
  const auto [end, error] =
      std::to_chars(buf, buf + sizeof buf, value, std::chars_format::scientific);
  CHECK(error == std::errc());
  const std::string_view text(buf, static_cast<size_t>(end - buf));  // d.ddde±xx
  const size_t e = text.find('e');
  CHECK(e != std::string_view::npos);
  int exponent = 0;
  const size_t from = text[e + 1] == '+' ? e + 2 : e + 1;  // from_chars takes no plus sign
  std::from_chars(text.data() + from, text.data() + text.size(), exponent);
  Digits digits{std::string(text.substr(0, 1)), exponent};
  if (e > 2) digits.text += text.substr(2, e - 2);
  digits.exponent -= static_cast<int>(digits.text.size()) - 1;
  return digits;
}

std::string LayOut(const Digits& digits) {
  const std::string& text = digits.text;
  const int count = static_cast<int>(text.size());
  const int scientific = digits.exponent + count - 1;
  if (digits.exponent >= 0 && digits.exponent <= 7)
    return text + std::string(static_cast<size_t>(digits.exponent), '0');
  if (digits.exponent < 0 && (digits.exponent > -7 || std::abs(scientific) < 4)) {
    const int whole = count + digits.exponent;  // digits before the point
    if (whole <= 0) return "0." + std::string(static_cast<size_t>(-whole), '0') + text;
    return text.substr(0, static_cast<size_t>(whole)) + "." +
           text.substr(static_cast<size_t>(whole));
  }
  std::string out = text.substr(0, 1);
  if (count > 1) out += "." + text.substr(1);
  out += scientific < 0 ? "e-" : "e+";
  return out += std::to_string(std::abs(scientific));
}

}  // namespace

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
  if (text.empty() || text.size() >= sizeof buf || IsBlank(text[0])) return std::nullopt;
  std::memcpy(buf, text.data(), text.size());
  buf[text.size()] = 0;
  char* end;
  errno = 0;
  const long double value = std::strtold(buf, &end);
  if (static_cast<size_t>(end - buf) != text.size()) return std::nullopt;
  // COMPAT: too big and too small are refused, a subnormal result is not.
  if (errno == ERANGE && (std::isinf(value) || value == 0)) return std::nullopt;
  if (std::isnan(value)) return std::nullopt;
  return value;
}

namespace {

// What most numbers are: an integer of up to 15 digits, which is exact. Nothing: it is another
// text.
std::optional<double> ParseShortInteger(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty() || text.size() > 15) return std::nullopt;
  int64_t sum = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    sum = sum * 10 + (c - '0');
  }
  const auto value = static_cast<double>(sum);
  return negative ? -value : value;  // "-0" is -0
}

}  // namespace

std::optional<double> ParseDouble(std::string_view text) {
  if (const auto integer = ParseShortInteger(text)) return integer;
  char buf[1024];  // longer texts are no honest number
  if (text.empty() || text.size() >= sizeof buf || IsBlank(text[0])) return std::nullopt;
  std::memcpy(buf, text.data(), text.size());
  buf[text.size()] = 0;
  char* end;
  errno = 0;
  const double value = std::strtod(buf, &end);
  if (static_cast<size_t>(end - buf) != text.size()) return std::nullopt;
  if (errno == ERANGE && (std::isinf(value) || value == 0)) return std::nullopt;
  if (std::isnan(value)) return std::nullopt;
  return value;
}

std::string FormatDouble(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return std::signbit(value) ? "-0" : "0";
  constexpr double kPlainMax = 0x1p52;
  if (std::abs(value) <= kPlainMax && value == std::trunc(value))
    return std::string(Decimal(static_cast<int64_t>(value)));
  return std::signbit(value) ? "-" + LayOut(ShortestDigits(-value)) : LayOut(ShortestDigits(value));
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
