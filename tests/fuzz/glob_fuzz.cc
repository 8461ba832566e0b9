// Globs: pattern and text separated by a zero byte. The fast matcher agrees with the recursive
// definition (on what is small enough for it), and an escaped text matches itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/glob.h"

namespace {

// The definition: a star stands for any number of any bytes. Everything else is asked of the
// matcher itself, one element and one byte at a time.
bool Naive(std::string_view pattern, std::string_view text, bool ignore_case) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (size_t skip = 0; skip <= text.size(); ++skip)
      if (Naive(pattern.substr(1), text.substr(skip), ignore_case)) return true;
    return false;
  }
  if (text.empty()) return false;
  size_t element = 1;
  if (pattern[0] == '\\' && pattern.size() > 1) element = 2;
  if (pattern[0] == '[') {
    // Its end: the first ] that is neither escaped nor the far end of a range.
    size_t at = 1;
    if (at < pattern.size() && pattern[at] == '^') ++at;
    while (at < pattern.size() && pattern[at] != ']') {
      if (pattern[at] == '\\' && at + 1 < pattern.size()) {
        at += 2;
      } else if (at + 2 < pattern.size() && pattern[at + 1] == '-') {
        at += 3;
      } else {
        ++at;
      }
    }
    element = std::min(at + 1, pattern.size());
  }
  return clustron::GlobMatch(pattern.substr(0, element), text.substr(0, 1), ignore_case) &&
         Naive(pattern.substr(element), text.substr(1), ignore_case);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = std::min(input.find('\0'), size);
  const std::string_view pattern = input.substr(0, zero);
  const std::string_view text = input.substr(std::min(zero + 1, size));
  for (const bool ignore_case : {false, true}) {
    const bool matched = clustron::GlobMatch(pattern, text, ignore_case);
    if (text.empty()) {
      CHECK(matched == (pattern.empty() || pattern == "*"));
      continue;
    }
    if (pattern.size() <= 12 && text.size() <= 12)
      CHECK(matched == Naive(pattern, text, ignore_case));
    if (matched) CHECK(clustron::GlobMatch("*" + std::string(pattern), text, ignore_case));
  }
  std::string escaped;
  for (const char c : text) {
    escaped.push_back('\\');
    escaped.push_back(c);
  }
  CHECK(clustron::GlobMatch(escaped, text));
  return 0;
}
