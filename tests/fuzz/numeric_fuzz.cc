// Numbers: what is taken as an integer is its own text; floats that are printed read back.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/numeric.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clustron;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto value = ParseInt64(text)) CHECK(Decimal(*value).view() == text);
  if (const auto value = ParseUint64(text)) CHECK(Decimal(*value).view() == text);
  if (const auto value = ParseInt64(text); value && *value >= 0)
    CHECK(ParseUint64(text) == static_cast<uint64_t>(*value));

  if (const auto value = ParseDouble(text)) {
    CHECK(!std::isnan(*value));
    const std::string printed = FormatDouble(*value);
    CHECK(ParseDouble(printed) == value);
    CHECK(FormatDouble(*ParseDouble(printed)) == printed);
  }
  const auto number = ParseLongDouble(text);
  if (!number || std::isinf(*number)) return 0;
  const std::string printed = FormatLongDouble(*number);
  CHECK(printed.find('e') == std::string::npos);
  CHECK(!printed.ends_with('.'));
  const auto again = ParseLongDouble(printed);
  CHECK(again.has_value());
  CHECK(std::abs(*again - *number) <= 1e-17L + std::abs(*number) * 1e-18L);
  return 0;
}
