// Replies: however the bytes are cut, the same trees come out.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "resp/reply_parser.h"

namespace {

using clustron::resp::ReplyParser;

std::vector<std::string> Parse(std::string_view input, size_t first, size_t step) {
  std::vector<std::string> texts;
  ReplyParser parser;
  std::string buffer;
  for (size_t given = 0; given < input.size();) {
    const size_t size = given == 0 ? first : step;
    buffer.append(input.substr(given, size));
    given += size;
    for (;;) {
      const auto outcome = parser.Parse(buffer);
      if (outcome == ReplyParser::Outcome::kNeedMore) break;
      if (outcome == ReplyParser::Outcome::kError) {
        CHECK(!parser.error().empty());
        texts.push_back("!" + parser.error());
        return texts;
      }
      CHECK(parser.consumed() > 0);
      CHECK(parser.consumed() <= buffer.size());
      texts.push_back(ToText(parser.value()));
      buffer.erase(0, parser.consumed());
    }
  }
  return texts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> whole = Parse(input, size + 1, size + 1);
  CHECK(Parse(input, 1, 1) == whole);
  if (size <= 300)
    for (size_t cut = 1; cut < size; ++cut) CHECK(Parse(input, cut, size) == whole);
  return 0;
}
