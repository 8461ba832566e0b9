#include "base/option.h"

#include <charconv>

#include "base/check.h"
#include "base/numeric.h"
#include "base/strings.h"

namespace clustron {

namespace {

std::unexpected<Error> Complain(std::string text) {
  return Fail(Errc::kInvalidArgument, std::move(text));
}

std::unexpected<Error> OutOfBounds(const OptionSpec& spec) {
  if (spec.type == OptionType::kOctal) {
    char low[24], high[24];
    *std::to_chars(low, low + 23, spec.min, 8).ptr = 0;
    *std::to_chars(high, high + 23, spec.max, 8).ptr = 0;
    return Complain(std::string("argument must be between ") + low + " and " + high + " inclusive");
  }
  return Complain("argument must be between " + std::to_string(spec.min) + " and " +
                  std::to_string(spec.max) + " inclusive");
}

Result<OptionValue> Bounded(const OptionSpec& spec, int64_t number) {
  if (number < spec.min || number > spec.max) return OutOfBounds(spec);
  return OptionValue{std::to_string(number), number};
}

Result<OptionValue> ParseOctal(const OptionSpec& spec, std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 8);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Complain("argument couldn't be parsed as an octal number");
  }
  if (number < spec.min || number > spec.max) return OutOfBounds(spec);
  return OptionValue{std::string(text), number};
}

Result<OptionValue> ParseEnum(const OptionSpec& spec, std::string_view text) {
  std::string all;
  for (const OptionEnum& word : spec.words) {
    if (EqualsIgnoreCase(word.word, text)) return OptionValue{std::string(word.word), word.value};
    all.append(all.empty() ? "" : ", ").append(word.word);
  }
  return Complain("argument(s) must be one of the following: " + all);
}

struct Unit {
  std::string_view word;
  int64_t bytes;
};
constexpr Unit kUnits[] = {{"", 1},
                           {"b", 1},
                           {"k", 1000},
                           {"kb", 1 << 10},
                           {"m", 1000 * 1000},
                           {"mb", 1 << 20},
                           {"g", 1000'000'000},
                           {"gb", 1 << 30}};

}  // namespace

Result<int64_t> ParseMemory(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || number < 0) return Complain("argument must be a memory value");
  for (const Unit& unit : kUnits) {
    if (!EqualsIgnoreCase(unit.word, {rest, static_cast<size_t>(end - rest)})) continue;
    if (number > INT64_MAX / unit.bytes) break;
    return number * unit.bytes;
  }
  return Complain("argument must be a memory value");
}

Result<OptionValue> ParseOption(const OptionSpec& spec, std::string_view text) {
  switch (spec.type) {
    case OptionType::kBool:
      if (EqualsIgnoreCase(text, "yes")) return OptionValue{"yes", 1};
      if (EqualsIgnoreCase(text, "no")) return OptionValue{"no", 0};
      return Complain("argument must be 'yes' or 'no'");
    case OptionType::kInt: {
      const auto number = ParseInt64(text);
      if (!number) return Complain("argument couldn't be parsed into an integer");
      return Bounded(spec, *number);
    }
    case OptionType::kOctal:
      return ParseOctal(spec, text);
    case OptionType::kMemory: {
      ASSIGN_OR_RETURN(const int64_t bytes, ParseMemory(text));
      return Bounded(spec, bytes);
    }
    case OptionType::kEnum:
      return ParseEnum(spec, text);
    case OptionType::kString:
      return OptionValue{std::string(text), 0};
    case OptionType::kCustom: {
      ASSIGN_OR_RETURN(std::string canonical, spec.canonical(text));
      const int64_t number = spec.number == nullptr ? 0 : spec.number(canonical);
      return OptionValue{std::move(canonical), number};
    }
  }
  UNREACHABLE();
}

}  // namespace clustron
