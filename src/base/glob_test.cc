#include "base/glob.h"

#include <doctest/doctest.h>

#include <string>

#include "base/rng.h"

namespace clustron {

namespace {

// The definition, by recursion; exponential, so for short texts only.
bool Naive(std::string_view p, std::string_view t) {
  if (p.empty()) return t.empty();
  if (p[0] == '*') return Naive(p.substr(1), t) || (!t.empty() && Naive(p, t.substr(1)));
  return !t.empty() && (p[0] == '?' || p[0] == t[0]) && Naive(p.substr(1), t.substr(1));
}

}  // namespace

TEST_CASE("glob knows stars, classes and escapes") {
  CHECK(GlobMatch("*", ""));
  CHECK(GlobMatch("h*llo", "heeello"));
  CHECK_FALSE(GlobMatch("h*llo", "heeelo"));
  CHECK(GlobMatch("h?llo", "hallo"));
  CHECK_FALSE(GlobMatch("h?llo", "hllo"));
  CHECK(GlobMatch("h[ae]llo", "hello"));
  CHECK_FALSE(GlobMatch("h[^e]llo", "hello"));
  CHECK(GlobMatch("h[a-b]llo", "hbllo"));
  CHECK(GlobMatch("h[b-a]llo", "hallo"));
  CHECK(GlobMatch("\\*", "*"));
  CHECK_FALSE(GlobMatch("\\*", "a"));
  CHECK(GlobMatch("[\\]]", "]"));
  CHECK(GlobMatch("[abc", "c"));
  CHECK(GlobMatch("HeL*", "hElLo", true));
  CHECK(GlobMatch("[A-C]", "b", true));
  CHECK_FALSE(GlobMatch("", "a"));
  CHECK(GlobMatch("", ""));
  CHECK_FALSE(GlobMatch("**", ""));  // as redis-server's KEYS ** leaves the empty key out
  CHECK(GlobMatch(std::string_view("a\0?", 3), std::string_view("a\0b", 3)));
}

TEST_CASE("glob agrees with its definition") {
  const uint64_t seed = 11;
  CAPTURE(seed);
  Rng rng(seed);
  for (int i = 0; i < 20'000; i++) {
    std::string p, t;
    for (uint64_t n = rng.Below(7); n > 0; n--) p += "ab*?"[rng.Below(4)];
    for (uint64_t n = rng.Below(8); n > 0; n--) t += "ab"[rng.Below(2)];
    CAPTURE(p);
    CAPTURE(t);
    if (t.empty()) continue;
    REQUIRE(GlobMatch(p, t) == Naive(p, t));
  }
}

TEST_CASE("many stars cost no more than pattern times text") {
  std::string pattern, text(20'000, 'a');
  for (int i = 0; i < 50; i++) pattern += "a*";
  CHECK_FALSE(GlobMatch(pattern + "b", text));
}

TEST_CASE("a pattern of more than a thousand stars matches nothing, as in Redis") {
  std::string pattern;
  for (int i = 0; i < 1000; i++) pattern += "*?";
  CHECK(GlobMatch(pattern, std::string(5000, 'a')));
  CHECK_FALSE(GlobMatch(pattern + "*?", std::string(5000, 'a')));
  CHECK(GlobMatch(std::string(5000, '*'), "a"));
}

}  // namespace clustron
