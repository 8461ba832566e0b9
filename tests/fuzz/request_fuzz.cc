// Requests: however the bytes are cut, the same requests come out; what comes out, written as
// multibulk, reads back.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "resp/request_parser.h"

namespace {

using clustron::resp::RequestParser;
using Request = std::vector<std::string>;

struct Parsed {
  std::vector<Request> requests;
  std::string error;
  size_t left = 0;  // bytes of an unfinished request
  bool operator==(const Parsed&) const = default;
};

// Feeds `input` in pieces that end at multiples of `step` behind `first`.
Parsed Parse(std::string_view input, size_t first, size_t step, bool authenticated) {
  Parsed parsed;
  RequestParser parser;
  parser.set_authenticated(authenticated);
  parser.set_bulk_bytes_max(1000);
  std::string buffer;
  for (size_t given = 0; given < input.size();) {
    const size_t size = given == 0 ? first : step;
    buffer.append(input.substr(given, size));
    given += size;
    for (bool more = true; more;) {
      const auto outcome = parser.Parse(buffer);
      CHECK(parser.consumed() <= buffer.size());
      switch (outcome) {
        case RequestParser::Outcome::kRequest:
          CHECK(!parser.args().empty());
          CHECK(parser.consumed() > 0);
          parsed.requests.emplace_back(parser.args().begin(), parser.args().end());
          break;
        case RequestParser::Outcome::kNothing:
          CHECK(parser.consumed() > 0);
          break;
        case RequestParser::Outcome::kNeedMore:
          CHECK(parser.bytes_wanted() == 0 || parser.bytes_wanted() > buffer.size());
          more = false;
          continue;
        case RequestParser::Outcome::kError:
          CHECK(parser.error().starts_with("ERR Protocol error: "));
          parsed.error = parser.error();
          return parsed;
      }
      buffer.erase(0, parser.consumed());
    }
  }
  parsed.left = buffer.size();
  return parsed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  for (const bool authenticated : {true, false}) {
    const Parsed whole = Parse(input, size + 1, size + 1, authenticated);
    CHECK(Parse(input, 1, 1, authenticated) == whole);
    CHECK(Parse(input, 3, 7, authenticated) == whole);
    if (size <= 300)
      for (size_t cut = 1; cut < size; ++cut)
        CHECK(Parse(input, cut, size, authenticated) == whole);
    if (!authenticated) continue;
    std::string again;
    for (const Request& request : whole.requests) {
      again += "*" + std::to_string(request.size()) + "\r\n";
      for (const std::string& arg : request) {
        if (arg.size() > 1000) return 0;  // an inline argument above the bound for bulks
        again += "$" + std::to_string(arg.size()) + "\r\n" + arg + "\r\n";
      }
    }
    CHECK(Parse(again, 5, 11, true).requests == whole.requests);
  }
  return 0;
}
