#include "resp/request_parser.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/rng.h"

namespace clustron::resp {
namespace {

using Outcome = RequestParser::Outcome;
using Request = std::vector<std::string>;

// All requests of `input`, given in pieces that end at the cut points; errors end with "!text".
std::vector<Request> ParseAll(std::string_view input, const std::vector<size_t>& cuts,
                              RequestParser parser = {}) {
  std::vector<Request> requests;
  std::string buffer;
  size_t given = 0;
  for (size_t piece = 0; piece <= cuts.size(); ++piece) {
    const size_t end = piece < cuts.size() ? cuts[piece] : input.size();
    buffer.append(input.substr(given, end - given));
    given = end;
    for (bool more = true; more;) {
      switch (parser.Parse(buffer)) {
        case Outcome::kRequest:
          requests.emplace_back(parser.args().begin(), parser.args().end());
          buffer.erase(0, parser.consumed());
          break;
        case Outcome::kNothing:
          buffer.erase(0, parser.consumed());
          break;
        case Outcome::kNeedMore:
          more = false;
          break;
        case Outcome::kError:
          requests.push_back({"!" + std::string(parser.error())});
          return requests;
      }
    }
  }
  return requests;
}

std::string ErrorOf(std::string_view input, bool authenticated = true) {
  RequestParser parser;
  parser.set_authenticated(authenticated);
  const auto requests = ParseAll(input, {}, parser);
  return requests.empty() ? "" : requests.back()[0];
}

TEST_CASE("multibulk and inline requests, alone and pipelined") {
  CHECK(ParseAll("*2\r\n$3\r\nGET\r\n$2\r\n\r\n\r\nPING\r\n*0\r\n\r\n*-1\r\nset k 'a b'\n", {}) ==
        std::vector<Request>{{"GET", "\r\n"}, {"PING"}, {"set", "k", "a b"}});
}

TEST_CASE("however the bytes arrive, the requests are the same") {
  const std::string input =
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhello\r\nECHO \"x "
      "y\"\r\n*1\r\n$0\r\n\r\n*2\r\n$3\r\nGET\r\n"
      "$1\r\nk\r\n";
  const auto whole = ParseAll(input, {});
  REQUIRE(whole.size() == 4);
  for (size_t i = 0; i <= input.size(); ++i)
    for (size_t j = i; j <= input.size(); j += 3) {
      CAPTURE(i);
      CAPTURE(j);
      CHECK(ParseAll(input, {i, j}) == whole);
    }
}

TEST_CASE("protocol errors have Redis's texts") {
  CHECK(ErrorOf("*a\r\n") == "!ERR Protocol error: invalid multibulk length");
  CHECK(ErrorOf("*01\r\n") == "!ERR Protocol error: invalid multibulk length");
  CHECK(ErrorOf("*+1\r\n") == "!ERR Protocol error: invalid multibulk length");
  CHECK(ErrorOf("*\r\n") == "!ERR Protocol error: invalid multibulk length");
  CHECK(ErrorOf("*1 \r\n") == "!ERR Protocol error: invalid multibulk length");
  CHECK(ErrorOf("*1\r\n$\r\n") == "!ERR Protocol error: invalid bulk length");
  CHECK(ErrorOf("*1\r\n$03\r\n") == "!ERR Protocol error: invalid bulk length");
  CHECK(ErrorOf("*1\r\n$-0\r\n") == "!ERR Protocol error: invalid bulk length");
  CHECK(ErrorOf("*1\r\n$99999999999999999999\r\n") == "!ERR Protocol error: invalid bulk length");
  CHECK(ErrorOf("*1\r\n\r\n") == "!ERR Protocol error: expected '$', got '\r'");
  CHECK(ErrorOf("*2147483648\r\n") == "!ERR Protocol error: invalid multibulk length");
  CHECK(ErrorOf("*1\r\nPING\r\n") == "!ERR Protocol error: expected '$', got 'P'");
  CHECK(ErrorOf("*1\r\n$-1\r\n") == "!ERR Protocol error: invalid bulk length");
  CHECK(ErrorOf("*1\r\n$x\r\n") == "!ERR Protocol error: invalid bulk length");
  CHECK(ErrorOf("*1\r\n$536870913\r\n") == "!ERR Protocol error: invalid bulk length");
  CHECK(ErrorOf("set \"k\r\n") == "!ERR Protocol error: unbalanced quotes in request");
  CHECK(ErrorOf(std::string(70000, 'a')) == "!ERR Protocol error: too big inline request");
  CHECK(ErrorOf("*" + std::string(70000, '1')) ==
        "!ERR Protocol error: too big mbulk count string");
  CHECK(ErrorOf("*1\r\n$" + std::string(70000, '1')) ==
        "!ERR Protocol error: too big bulk count string");
  CHECK(ErrorOf("*11\r\n", false) == "!ERR Protocol error: unauthenticated multibulk length");
  CHECK(ErrorOf("*1\r\n$16385\r\n", false) == "!ERR Protocol error: unauthenticated bulk length");
  CHECK(ErrorOf("*10\r\n", false).empty());
}

TEST_CASE("a line that is too long is refused, whether its end has come or not") {
  const std::string digits(70000, '1');
  CHECK(ErrorOf(std::string(70000, 'a') + "\r\n") == "!ERR Protocol error: too big inline request");
  CHECK(ErrorOf("*" + digits + "\r\n") == "!ERR Protocol error: too big mbulk count string");
  CHECK(ErrorOf("*1\r\n$" + digits + "\r\n") == "!ERR Protocol error: too big bulk count string");
}

TEST_CASE("counts and sizes of any number of digits, up to the last byte") {
  for (const size_t size : {0, 1, 9, 10, 99, 100, 999, 1000, 123456}) {
    const std::string value(size, 'v');
    const std::string input = "*1\r\n$" + std::to_string(size) + "\r\n" + value + "\r\n";
    CAPTURE(size);
    CHECK(ParseAll(input, {}) == std::vector<Request>{{value}});
    for (size_t end = 0; end < std::min<size_t>(input.size(), 20); ++end)
      CHECK(ParseAll(std::string_view(input).substr(0, end), {}).empty());
  }
  for (const std::string_view count : {"10", "100", "257"}) {
    const size_t words = std::stoul(std::string(count));
    std::string input = "*" + std::string(count) + "\r\n";
    for (size_t i = 0; i < words; ++i) input += "$1\r\nw\r\n";
    CHECK(ParseAll(input, {}) == std::vector<Request>{Request(words, "w")});
  }
  for (const std::string_view size : {"00", "01", "1000000000", "9999999999", "123456789x"})
    CHECK(ErrorOf("*1\r\n$" + std::string(size) + "\r\n") ==
          "!ERR Protocol error: invalid bulk length");
  RequestParser parser;
  CHECK(parser.Parse("*1\r\n$123456789\r\n") == Outcome::kNeedMore);
  CHECK(parser.bytes_wanted() == 16 + 123456789 + 2);
}

TEST_CASE("a big bulk says how many bytes it needs") {
  RequestParser parser;
  CHECK(parser.Parse("*2\r\n$3\r\nSET\r\n$1000\r\nab") == Outcome::kNeedMore);
  CHECK(parser.bytes_wanted() == 20 + 1000 + 2);
}

TEST_CASE("garbage never crashes and always ends") {
  Rng rng(11);
  const std::string_view alphabet = "*$\r\n0123456789-ab \"'";
  for (int round = 0; round < 20000; ++round) {
    std::string input;
    for (uint64_t i = rng.Below(40); i > 0; --i)
      input.push_back(alphabet[rng.Below(alphabet.size())]);
    ParseAll(input, {rng.Below(input.size() + 1)});
  }
}

}  // namespace
}  // namespace clustron::resp
