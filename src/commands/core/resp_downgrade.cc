#include "commands/core/resp_downgrade.h"

#include "base/check.h"
#include "base/numeric.h"
#include "resp/reply_writer.h"

namespace clustron::commands {

namespace {

size_t Number(std::string_view text) {
  const auto number = ParseInt64(text);
  CHECK(number.has_value());
  return static_cast<size_t>(*number);
}

}  // namespace

std::string DowngradeToResp2(std::string_view in) {
  std::string out;
  resp::ReplyWriter w(&out, 2);
  // Aggregates need no stack: only their headers differ, elements follow one another.
  while (!in.empty()) {
    const size_t end = in.find("\r\n");
    CHECK(end != std::string_view::npos);
    const char kind = in[0];
    const std::string_view line = in.substr(1, end - 1);
    const std::string_view whole = in.substr(0, end + 2);
    in.remove_prefix(end + 2);
    switch (kind) {
      case '_':
        w.Null();
        break;
      case '#':
        w.Int(line == "t" ? 1 : 0);
        break;
      case ',':
      case '(':
        w.Bulk(line);
        break;
      case '%':
        w.Array(Number(line) * 2);
        break;
      case '~':
      case '>':
        w.Array(Number(line));
        break;
      case '$':
      case '=': {
        if (line == "-1") {
          w.Null();
          break;
        }
        const size_t size = Number(line);
        CHECK(in.size() >= size + 2);
        w.Bulk(in.substr(0, size).substr(kind == '=' ? 4 : 0));  // "txt:"
        in.remove_prefix(size + 2);
        break;
      }
      default:
        w.Raw(whole);
    }
  }
  return out;
}

}  // namespace clustron::commands
