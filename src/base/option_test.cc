#include "base/option.h"

#include <doctest/doctest.h>

namespace clustron {

namespace {

std::string Text(const OptionSpec& spec, std::string_view text) {
  const auto value = ParseOption(spec, text);
  return value ? value->text : "error: " + value.error().detail;
}

}  // namespace

TEST_CASE("memory values take Redis's units, decimal and binary") {
  CHECK(*ParseMemory("0") == 0);
  CHECK(*ParseMemory("100") == 100);
  CHECK(*ParseMemory("1k") == 1000);
  CHECK(*ParseMemory("1KB") == 1024);
  CHECK(*ParseMemory("2mb") == 2 << 20);
  CHECK(*ParseMemory("3g") == 3'000'000'000);
  CHECK(*ParseMemory("1gb") == 1 << 30);
  CHECK(*ParseMemory("7b") == 7);
  for (std::string_view bad :
       {"", "-1", "k", "1x", "1 kb", "1tb", "9223372036854775807gb", "10%"}) {
    CAPTURE(bad);
    CHECK(!ParseMemory(bad));
  }
}

TEST_CASE("option values become canonical or complain as Redis does") {
  const OptionSpec yes_no = {.name = "a", .type = OptionType::kBool};
  CHECK(Text(yes_no, "YES") == "yes");
  CHECK(Text(yes_no, "1") == "error: argument must be 'yes' or 'no'");

  const OptionSpec number = {.name = "a", .type = OptionType::kInt, .min = 1, .max = 10};
  CHECK(Text(number, "10") == "10");
  CHECK(Text(number, "11") == "error: argument must be between 1 and 10 inclusive");
  CHECK(Text(number, "x") == "error: argument couldn't be parsed into an integer");

  const OptionSpec memory = {.name = "a", .type = OptionType::kMemory, .min = 1 << 20};
  CHECK(Text(memory, "1mb") == "1048576");
  CHECK(Text(memory, "1kb") ==
        "error: argument must be between 1048576 and 9223372036854775807 inclusive");

  const OptionSpec octal = {.name = "a", .type = OptionType::kOctal, .max = 0777};
  CHECK(Text(octal, "700") == "700");
  CHECK(ParseOption(octal, "700")->number == 0700);
  CHECK(Text(octal, "1000") == "error: argument must be between 0 and 777 inclusive");
  CHECK(Text(octal, "8") == "error: argument couldn't be parsed as an octal number");

  constexpr OptionEnum words[] = {{"low", 0}, {"high", 5}};
  const OptionSpec word = {.name = "a", .type = OptionType::kEnum, .words = words};
  CHECK(ParseOption(word, "HIGH")->number == 5);
  CHECK(Text(word, "HIGH") == "high");
  CHECK(Text(word, "mid") == "error: argument(s) must be one of the following: low, high");
}

}  // namespace clustron
