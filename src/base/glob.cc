#include "base/glob.h"

#include <cstddef>

namespace clustron {

namespace {

unsigned char Folded(char c, bool ignore_case) {
  const bool upper = c >= 'A' && c <= 'Z';
  return static_cast<unsigned char>(ignore_case && upper ? c + 32 : c);
}

// Matches one byte against the pattern element at `at` (anything but a star), and moves `at` behind
// the element.
bool MatchClass(std::string_view pattern, size_t& at, char byte, bool ignore_case) {
  const unsigned char c = Folded(byte, ignore_case);
  at++;  // [
  const bool inverted = at < pattern.size() && pattern[at] == '^';
  if (inverted) at++;
  bool hit = false;
  // COMPAT: a class that isn't closed ends with the pattern.
  for (; at < pattern.size() && pattern[at] != ']'; at++) {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) {
      at++;
      hit |= Folded(pattern[at], ignore_case) == c;
    } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
      unsigned char low = Folded(pattern[at], ignore_case);
      unsigned char high = Folded(pattern[at + 2], ignore_case);
      if (low > high) {
        const unsigned char swapped = low;
        low = high;
        high = swapped;
      }
      at += 2;
      hit |= low <= c && c <= high;
    } else {
      hit |= Folded(pattern[at], ignore_case) == c;
    }
  }
  if (at < pattern.size()) at++;  // ]
  return hit != inverted;
}

bool MatchOne(std::string_view pattern, size_t& at, char byte, bool ignore_case) {
  switch (pattern[at]) {
    case '?':
      at++;
      return true;
    case '[':
      return MatchClass(pattern, at, byte, ignore_case);
    case '\\':
      if (at + 1 < pattern.size()) at++;
      [[fallthrough]];
    default:
      return Folded(pattern[at++], ignore_case) == Folded(byte, ignore_case);
  }
}

constexpr size_t kStarsMax = 1000;

}  // namespace

bool GlobMatch(std::string_view pattern, std::string_view text, bool ignore_case) {
  // COMPAT: Redis tries no pattern on an empty text, but takes a lone star to mean everything.
  if (text.empty()) return pattern.empty() || pattern == "*";
  size_t p = 0;
  size_t t = 0;
  // Where to go on when what follows the last star fails: it then swallows one byte more. Earlier
  // stars need no second try, since the last one can take whatever they could.
  size_t after_star = std::string_view::npos;
  size_t star_text = 0;
  size_t stars = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      while (p + 1 < pattern.size() && pattern[p + 1] == '*') p++;
      if (p + 1 == pattern.size()) return true;
      // COMPAT: Redis gives up on a pattern of so many stars.
      if (++stars > kStarsMax) return false;
      after_star = ++p;
      star_text = t;
      continue;
    }
    if (p < pattern.size() && MatchOne(pattern, p, text[t], ignore_case)) {
      t++;
      continue;
    }
    if (after_star == std::string_view::npos) return false;
    p = after_star;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') p++;
  return p == pattern.size();
}

}  // namespace clustron
