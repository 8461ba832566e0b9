#include "resp/reply_parser.h"

#include <string>
#include <vector>

#include "base/rng.h"
#include "resp/reply_writer.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::resp {
namespace {

using Outcome = ReplyParser::Outcome;

// All replies of `input` as text, given up to each cut in turn; an error ends them as "!text", an
// unfinished reply as "...".
std::vector<std::string> ParseAll(std::string_view input, const std::vector<size_t>& cuts = {}) {
  ReplyParser parser;
  std::vector<std::string> replies;
  std::string buffer;
  size_t given = 0;
  for (size_t piece = 0; piece <= cuts.size(); ++piece) {
    const size_t end = piece < cuts.size() ? cuts[piece] : input.size();
    buffer.append(input.substr(given, end - given));
    given = end;
    for (;;) {
      const Outcome outcome = parser.Parse(buffer);
      if (outcome == Outcome::kNeedMore) break;
      if (outcome == Outcome::kError) {
        replies.push_back("!" + parser.error());
        return replies;
      }
      replies.push_back(ToText(parser.value()));
      buffer.erase(0, parser.consumed());
    }
  }
  if (!buffer.empty()) replies.push_back("...");
  return replies;
}

using Texts = std::vector<std::string>;

TEST_CASE("every kind of reply is read") {
  CHECK(ParseAll("+OK\r\n-ERR bad\r\n:-7\r\n$2\r\n\r\n\r\n$0\r\n\r\n$-1\r\n*-1\r\n_\r\n") ==
        Texts{"+OK", "-ERR bad", ":-7", "\"\\r\\n\"", "\"\"", "_", "_", "_"});
  CHECK(ParseAll(",1.5\r\n#t\r\n#f\r\n(12345678901234567890\r\n=5\r\ntxt:x\r\n!3\r\nE x\r\n") ==
        Texts{",1.5", "#t", "#f", "(12345678901234567890", "=txt:x", "-E x"});
  CHECK(ParseAll("*2\r\n:1\r\n*1\r\n+a\r\n%1\r\n+k\r\n*0\r\n~1\r\n:1\r\n>2\r\n+m\r\n%0\r\n") ==
        Texts{"[:1, [+a]]", "{+k: []}", "~{:1}", ">[+m, {}]"});
}

TEST_CASE("attributes are dropped, wherever they stand") {
  CHECK(ParseAll("|1\r\n+ttl\r\n:5\r\n$1\r\nv\r\n") == Texts{"\"v\""});
  CHECK(ParseAll("*2\r\n|1\r\n+a\r\n*1\r\n:9\r\n:1\r\n|0\r\n:2\r\n") == Texts{"[:1, :2]"});
}

TEST_CASE("however the bytes arrive, the replies are the same") {
  const std::string input =
      "*3\r\n$3\r\nabc\r\n%1\r\n+k\r\n*2\r\n:1\r\n_\r\n-ERR x\r\n|1\r\n+a\r\n:1\r\n=5\r\ntxt:y\r\n"
      "$-1\r\n*0\r\n";
  const Texts whole = ParseAll(input);
  REQUIRE(whole.size() == 4);
  for (size_t i = 0; i <= input.size(); ++i)
    for (size_t j = i; j <= input.size(); ++j) {
      CAPTURE(i);
      CAPTURE(j);
      CHECK(ParseAll(input, {i, j}) == whole);
    }
}

TEST_CASE("what is no reply is refused") {
  for (const char* bad :
       {":x\r\n", ":\r\n", "$-2\r\n", "$x\r\n", "$1\r\nab\r\n", "=-1\r\n", "*-2\r\n", "%-1\r\n",
        "#x\r\n", "_x\r\n", "?\r\n", "+a\n", "\r\n", "$536870913\r\n", "*99999999999\r\n"}) {
    CAPTURE(bad);
    const Texts texts = ParseAll(bad);
    REQUIRE(texts.size() == 1);
    CHECK(texts[0][0] == '!');
  }
  CHECK(ParseAll("+" + std::string(70'000, 'x')) == Texts{"!line too long"});
}

TEST_CASE("depth and promised sizes cost nothing in advance") {
  std::string deep;
  for (size_t i = 0; i < ReplyParser::kDepthMax; ++i) deep += "*1\r\n";
  CHECK(ParseAll(deep + ":1\r\n").size() == 1);
  CHECK(ParseAll(deep + "*1\r\n:1\r\n") == Texts{"!too deep"});
  CHECK(ParseAll("*2147483647\r\n:1\r\n") == Texts{"..."});
}

// Writes a random reply and the text that it must read back as.
std::string WriteRandom(ReplyWriter& writer, Rng& rng, int depth) {
  const auto elements = [&](const char* open, const char* close, size_t count, bool map) {
    std::string text = open;
    for (size_t i = 0; i < count * (map ? 2 : 1); ++i) {
      if (i > 0) text += map && i % 2 == 1 ? ": " : ", ";
      text += WriteRandom(writer, rng, depth + 1);
    }
    return text + close;
  };
  const size_t count = rng.Below(4);
  switch (rng.Below(depth > 3 ? 6 : 10)) {
    case 0:
      writer.Ok();
      return "+OK";
    case 1: {
      const int64_t value = static_cast<int64_t>(rng.Next()) >> rng.Below(64);
      writer.Int(value);
      return ":" + std::to_string(value);
    }
    case 2: {
      const std::string bytes(rng.Below(40), 'x');
      writer.Bulk(bytes);
      return "\"" + bytes + "\"";
    }
    case 3:
      writer.Null();
      return "_";
    case 4:
      writer.Bool(true);
      return "#t";
    case 5:
      writer.Double(2.5);
      return ",2.5";
    case 6: {
      writer.Map(count);
      return elements("{", "}", count, true);
    }
    case 7:
      writer.Set(count);
      return elements("~{", "}", count, false);
    default: {
      writer.Array(count);
      return elements("[", "]", count, false);
    }
  }
}

TEST_CASE("what the writer writes, the parser reads back") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    std::string wire;
    ReplyWriter writer(&wire, 3);
    const std::string expected = WriteRandom(writer, rng, 0);
    CHECK(ParseAll(wire, {rng.Below(wire.size() + 1)}) == Texts{expected});
  }
}

}  // namespace
}  // namespace clustron::resp
