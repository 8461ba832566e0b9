#include "base/strings.h"

#include <doctest/doctest.h>

#include "base/rng.h"

namespace clustron {
namespace {

using Words = std::vector<std::string>;

TEST_CASE("words split at blanks, quotes keep them") {
  CHECK(SplitArgs("  set  k v ") == Words{"set", "k", "v"});
  CHECK(SplitArgs("") == Words{});
  CHECK(SplitArgs(R"(a "b c" 'd e' "" '')") == Words{"a", "b c", "d e", "", ""});
  CHECK(SplitArgs(R"("\x41\n\"\\\q" '\'\n')") == Words{"A\n\"\\q", "'\\n"});
  CHECK(SplitArgs(R"("\xZ1")") == Words{"xZ1"});
}

TEST_CASE("unbalanced quotes are refused") {
  CHECK(!SplitArgs("\"a"));
  CHECK(!SplitArgs("'a"));
  CHECK(!SplitArgs("\"a\"b"));
  CHECK(!SplitArgs("'a''b'"));
  CHECK(!SplitArgs("\"a\\"));
}

TEST_CASE("what was quoted splits back to the same bytes") {
  Rng rng(3);
  for (int round = 0; round < 500; ++round) {
    std::string bytes;
    for (uint64_t i = rng.Below(20); i > 0; --i) bytes.push_back(static_cast<char>(rng.Next()));
    CHECK(SplitArgs(Quote(bytes)) == Words{bytes});
  }
}

TEST_CASE("case folding is ASCII only") {
  CHECK(EqualsIgnoreCase("GeT", "gEt"));
  CHECK(!EqualsIgnoreCase("get", "gets"));
  CHECK(!EqualsIgnoreCase("[", "{"));
  CHECK(Lower("AbÄ") == "abÄ");
}

TEST_CASE("what strangers say becomes one short printable line") {
  CHECK(Printable("a b~", 10) == "a b~");
  CHECK(Printable(std::string_view("\r\n\x7f\x80\xff\0x", 7), 10) == "??????x");
  CHECK(Printable("abcdef", 3) == "abc");
}

TEST_CASE("secrets compare equal only when they are") {
  CHECK(EqualsConstantTime("abc", "abc"));
  CHECK(!EqualsConstantTime("abc", "abd"));
  CHECK(!EqualsConstantTime("abc", "abcabc"));
  CHECK(!EqualsConstantTime("abc", ""));
  CHECK(EqualsConstantTime("", ""));
}

TEST_CASE("edit distance counts letters put in, taken out, exchanged and swapped") {
  CHECK(EditDistance("", "") == 0);
  CHECK(EditDistance("", "abc") == 3);
  CHECK(EditDistance("abc", "") == 3);
  CHECK(EditDistance("port", "port") == 0);
  CHECK(EditDistance("prot", "port") == 1);
  CHECK(EditDistance("pot", "port") == 1);
  CHECK(EditDistance("porst", "port") == 1);
  CHECK(EditDistance("part", "port") == 1);
  CHECK(EditDistance("maxmemroy-polcy", "maxmemory-policy") == 2);
  CHECK(EditDistance("ab", "ba") == 1);
  CHECK(EditDistance("kitten", "sitting") == 3);
}

}  // namespace
}  // namespace clustron
