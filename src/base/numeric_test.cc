#include "base/numeric.h"

#include <doctest/doctest.h>

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

}  // namespace clustron
