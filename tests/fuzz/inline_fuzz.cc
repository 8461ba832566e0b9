// Words of inline commands and configuration lines: quoting what was split gives the words back.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/strings.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto quoted = clustron::SplitArgs(clustron::Quote(input));
  CHECK(quoted.has_value());
  CHECK(quoted->size() == 1);
  CHECK(quoted->front() == input);

  const auto words = clustron::SplitArgs(input);
  if (!words) return 0;
  std::string again;
  size_t bytes = 0;
  for (const std::string& word : *words) {
    again += clustron::Quote(word) + " ";
    bytes += word.size();
  }
  CHECK(bytes <= size);
  CHECK(clustron::SplitArgs(again) == words);
  return 0;
}
