#include "commands/core/arg_cursor.h"

#include <doctest/doctest.h>

#include <vector>

namespace clustron::commands {

namespace {

using Words = std::vector<std::string_view>;

}  // namespace

TEST_CASE("a cursor reads from left to right") {
  const Words words = {"SET", "k", "px", "20", "NX"};
  ArgCursor args(words);
  CHECK(args.Next() == "k");
  CHECK_FALSE(args.Token("NX"));
  CHECK(args.Token("PX"));
  CHECK(args.Int() == 20);
  CHECK(args.Token("NX"));
  CHECK_FALSE(args.HasNext());
  CHECK(args.ok());
}

TEST_CASE("the first error latches") {
  const Words words = {"X", "one", "2"};
  ArgCursor args(words);
  CHECK(args.Int() == 0);
  CHECK(args.error() == kErrNotInteger);
  CHECK(args.Int() == 0);  // "2" is not looked at any more
  CHECK(args.Next() == "");
  CHECK(args.error() == kErrNotInteger);
}

TEST_CASE("reading behind the end is a syntax error") {
  const Words words = {"X"};
  ArgCursor args(words);
  CHECK(args.Next().empty());
  CHECK(args.error() == kErrSyntax);
}

TEST_CASE("an option is taken only with its value") {
  const Words words = {"X", "COUNT"};
  ArgCursor args(words);
  CHECK_FALSE(args.Option("COUNT"));
  CHECK(args.position() == 1);
  const Words whole = {"X", "COUNT", "5"};
  ArgCursor more(whole);
  CHECK(more.Option("COUNT"));
  CHECK(more.Int() == 5);
}

TEST_CASE("bounds are checked with the caller's error") {
  const Words words = {"X", "17", "-1", "18446744073709551615"};
  ArgCursor args(words);
  CHECK(args.IntIn(0, 17, kErrOutOfRange) == 17);
  CHECK(args.IntIn(0, 17, kErrOutOfRange) == 0);
  CHECK(args.error() == kErrOutOfRange);
  ArgCursor last(words, 3);
  CHECK(last.Unsigned() == UINT64_MAX);
  CHECK(last.ok());
}

TEST_CASE("a message that names something is kept") {
  const Words words = {"X"};
  ArgCursor args(words);
  args.FailWith(std::string("ERR no ") + "such thing");
  args.Fail(kErrSyntax);
  CHECK(args.error() == "ERR no such thing");
}

TEST_CASE("leftovers are a syntax error") {
  const Words words = {"X", "y"};
  ArgCursor args(words);
  args.ExpectEnd();
  CHECK(args.error() == kErrSyntax);
}

}  // namespace clustron::commands
