#include "base/numeric.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <string>

#include "base/rng.h"

namespace clustron {

TEST_CASE("integers are read in their canonical form only") {
  CHECK(ParseInt64("0") == 0);
  CHECK(ParseInt64("-1") == -1);
  CHECK(ParseInt64("9223372036854775807") == INT64_MAX);
  CHECK(ParseInt64("-9223372036854775808") == INT64_MIN);
  for (const char* bad : {"", "-", "+1", " 1", "1 ", "01", "-0", "-01", "1a", "9223372036854775808",
                          "-9223372036854775809", "99999999999999999999", "0x10", "1.0"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseInt64(bad).has_value());
  }
  CHECK(ParseUint64("18446744073709551615") == UINT64_MAX);
  CHECK_FALSE(ParseUint64("18446744073709551616").has_value());
  CHECK_FALSE(ParseUint64("-1").has_value());
}

TEST_CASE("an integer's text reads back") {
  const uint64_t seed = 7;
  CAPTURE(seed);
  Rng rng(seed);
  for (int i = 0; i < 1000; i++) {
    const auto value = static_cast<int64_t>(rng.Next() >> rng.Below(64));
    CHECK(ParseInt64(Decimal(value)) == value);
    CHECK(ParseInt64(Decimal(-value)) == -value);
  }
}

TEST_CASE("floats are read as strtold does, without blanks") {
  CHECK(ParseLongDouble("1.5") == 1.5L);
  CHECK(ParseLongDouble("5.0e3") == 5000.0L);
  CHECK(ParseLongDouble("-inf").has_value());
  for (const char* bad : {"", " 1", "1 ", "nan", "1.5x", "abc", "1e5000", "1e-5000"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseLongDouble(bad).has_value());
  }
  CHECK_FALSE(ParseLongDouble(std::string_view("1\0", 2)).has_value());
}

TEST_CASE("floats are printed without exponent and trailing zeros") {
  CHECK(FormatLongDouble(3.0L) == "3");
  CHECK(FormatLongDouble(10.6L) == "10.6");
  CHECK(FormatLongDouble(5.0e3L) == "5000");
  CHECK(FormatLongDouble(-0.0L) == "0");
  CHECK(FormatLongDouble(1e-18L) == "0");
  CHECK(FormatLongDouble(-1.25L) == "-1.25");
}

TEST_CASE("doubles are read strictly") {
  CHECK(ParseDouble("1.5") == 1.5);
  CHECK(ParseDouble("-5e3") == -5000.0);
  CHECK(ParseDouble("+1") == 1.0);
  CHECK(ParseDouble("0x10") == 16.0);
  CHECK(std::isinf(*ParseDouble("-inf")));
  for (const char* bad : {"", " 1", "1 ", "nan", "1.5x", "1e400", "1e-400", "\t1"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseDouble(bad).has_value());
  }
  CHECK_FALSE(ParseDouble(std::string(2000, '1')).has_value());
}

TEST_CASE("short integers are the doubles that the C library reads") {
  Rng rng(5);
  for (int i = 0; i < 20'000; i++) {
    std::string text(rng.Below(2), '-');
    for (uint64_t digits = 1 + rng.Below(18); digits > 0; digits--)
      text.push_back(static_cast<char>('0' + rng.Below(10)));
    CAPTURE(text);
    const auto value = ParseDouble(text);
    REQUIRE(value.has_value());
    CHECK(std::bit_cast<uint64_t>(*value) ==
          std::bit_cast<uint64_t>(std::strtod(text.c_str(), nullptr)));
  }
  for (const char* text : {"0", "-0", "00", "-00", "999999999999999", "-999999999999999"})
    CHECK(std::bit_cast<uint64_t>(*ParseDouble(text)) ==
          std::bit_cast<uint64_t>(std::strtod(text, nullptr)));
}

TEST_CASE("doubles are printed as Redis lays them out") {
  CHECK(FormatDouble(0) == "0");
  CHECK(FormatDouble(-0.0) == "-0");
  CHECK(FormatDouble(3) == "3");
  CHECK(FormatDouble(-100000000) == "-100000000");
  CHECK(FormatDouble(0.1) == "0.1");
  CHECK(FormatDouble(-1.25) == "-1.25");
  CHECK(FormatDouble(0x1p52) == "4503599627370496");
  CHECK(FormatDouble(9007199254740992.0) == "9007199254740992");
  CHECK(FormatDouble(1e17) == "1e+17");
  CHECK(FormatDouble(1.5e30) == "1.5e+30");
  CHECK(FormatDouble(0.000001) == "0.000001");
  CHECK(FormatDouble(1.5e-8) == "1.5e-8");
  CHECK(FormatDouble(3.141592653589793) == "3.141592653589793");
  CHECK(FormatDouble(5e-324) == "5e-324");
  CHECK(FormatDouble(-1.7976931348623157e308) == "-1.7976931348623157e+308");
  CHECK(FormatDouble(INFINITY) == "inf");
  CHECK(FormatDouble(-INFINITY) == "-inf");
  CHECK(FormatDouble(NAN) == "nan");
}

TEST_CASE("a double's text reads back") {
  const uint64_t seed = 9;
  CAPTURE(seed);
  Rng rng(seed);
  for (int i = 0; i < 20000; i++) {
    double value = std::bit_cast<double>(rng.Next());
    if (rng.Percent(50)) value = static_cast<double>(rng.Between(-1000000, 1000000)) / 1000;
    if (!std::isfinite(value)) continue;
    const std::string text = FormatDouble(value);
    CAPTURE(text);
    CHECK(std::strtod(text.c_str(), nullptr) == value);
  }
}

}  // namespace clustron
