#include "commands/core/syntax.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "base/rng.h"
#include "base/strings.h"
#include "commands/core/registry.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::commands {

namespace {

using Type = Argument::Type;

constexpr std::string_view kTypeWords[] = {"string", "int", "double", "key", "pattern", "time"};

// Writes arguments as a line, the short way: what rows must look like.
class Printer {
 public:
  std::string Line(const Arguments& args) {
    std::string line;
    for (size_t i = 0; i < args.size(); i++) {
      if (i > 0) line += ' ';
      line += Text(args[i], i + 1 < args.size() ? &args[i + 1] : nullptr);
    }
    return line;
  }

 private:
  static bool IsGroup(const Argument& arg) {
    return arg.type == Type::kOneOf || arg.type == Type::kBlock;
  }
  static std::string TokenText(std::string_view token) {
    const auto plain = [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    const bool bare =
        token[0] >= 'A' && token[0] <= 'Z' && std::all_of(token.begin(), token.end(), plain);
    return bare ? std::string(token) : "'" + std::string(token) + "'";
  }
  static std::string End(const Argument& arg) {
    std::string end = arg.multiple && !arg.multiple_token ? "..." : "";
    if (!arg.since.empty()) end += "@" + std::string(arg.since);
    return end;
  }
  // "name=" if the name does not follow from what is in it.
  static std::string GroupName(const Argument& arg) {
    std::string joined;
    for (const Argument& inner : arg.args) joined += (joined.empty() ? "" : "_") + inner.name;
    return joined == arg.name ? "" : arg.name + "=";
  }
  // Whether a token alone before `arg` would take it.
  static bool Taken(const Argument* arg) {
    return arg != nullptr && !arg->optional && arg->token.empty();
  }

  std::string Body(const Argument& group) {
    if (group.type == Type::kBlock) return Line(group.args);
    std::string body;
    for (const Argument& arg : group.args) {
      if (!body.empty()) body += '|';
      body += Text(arg, nullptr);
    }
    return body;
  }

  std::string Leaf(const Argument& arg) {
    std::string text = arg.name;
    const std::string_view word = kTypeWords[static_cast<size_t>(arg.type)];
    const auto* const end = std::end(kTypeWords);
    const bool names_a_type = std::find(std::begin(kTypeWords), end, arg.name) != end;
    const std::string_view implied = names_a_type ? std::string_view(arg.name) : "string";
    if (word != implied || text.find(':') != std::string::npos) text += ":" + std::string(word);
    const int found_by = arg.type == Type::kKey ? keys_++ : -1;
    if (arg.key_spec_index != found_by) text += "#" + std::to_string(arg.key_spec_index);
    return text + End(arg);
  }

  std::string Text(const Argument& arg, const Argument* next) {
    std::string text;
    if (IsGroup(arg)) {
      const std::string name = GroupName(arg);
      const std::string body = Body(arg);
      if (arg.optional && arg.token.empty() && arg.args.size() > 1) {
        return name + "[" + body + "]" + End(arg);
      }
      text = name + "(" + body + ")" + End(arg);
    } else if (arg.type == Type::kPureToken) {
      if (arg.name != Lower(arg.token) || Taken(next)) text = arg.name + "=";
      text += TokenText(arg.token) + End(arg);
    } else {
      text = Leaf(arg);
    }
    if (!arg.token.empty() && arg.type != Type::kPureToken) {
      text = TokenText(arg.token) + (arg.multiple_token ? "... " : " ") + text;
    }
    return arg.optional ? "[" + text + "]" : text;
  }

  int keys_ = 0;
};

std::string Print(const Arguments& args) { return Printer().Line(args); }

Arguments Parsed(std::string_view line) {
  auto args = ParseSyntax(line);
  INFO(line);
  REQUIRE_MESSAGE(args.has_value(), ErrorText(line, args.error()));
  return *std::move(args);
}

Argument One(std::string_view line) {
  Arguments args = Parsed(line);
  REQUIRE(args.size() == 1);
  return args[0];
}

// All rows, subcommands too.
std::vector<const CommandSpec*> Rows() {
  std::vector<const CommandSpec*> rows;
  for (const CommandSpec* row : Registry::Get().All()) {
    rows.push_back(row);
    const auto subs = Registry::Get().Subcommands(*row);
    rows.insert(rows.end(), subs.begin(), subs.end());
  }
  return rows;
}

// How many words of a call an argument takes: at least, and whether that is all.
struct Words {
  int least = 0;
  bool fixed = true;
};

Words WordsOf(const Argument& arg);

Words WordsOf(const Arguments& sequence) {
  Words words;
  for (const Argument& arg : sequence) {
    const Words of = WordsOf(arg);
    words.least += of.least;
    words.fixed = words.fixed && of.fixed;
  }
  return words;
}

Words WordsOf(const Argument& arg) {
  Words words{.least = 1};
  if (arg.type == Type::kBlock) words = WordsOf(arg.args);
  if (arg.type == Type::kOneOf) {
    words = WordsOf(arg.args[0]);
    for (const Argument& other : arg.args) {
      const Words of = WordsOf(other);
      words.fixed = words.fixed && of.fixed && of.least == words.least;
      words.least = std::min(words.least, of.least);
    }
  }
  if (!arg.token.empty() && arg.type != Type::kPureToken) words.least++;
  if (arg.optional) words.least = 0;
  if (arg.optional || arg.multiple) words.fixed = false;
  return words;
}

// A tree of any kind that rows can hold.
class RandomSyntax {
 public:
  explicit RandomSyntax(uint64_t seed) : rng_(seed) {}

  Arguments Sequence(int depth) {
    Arguments args;
    for (uint64_t i = 1 + rng_.Below(3); i > 0; i--) args.push_back(Any(depth));
    return args;
  }

 private:
  template <size_t kCount>
  std::string_view Pick(const std::string_view (&from)[kCount]) {
    return from[rng_.Below(kCount)];
  }

  Argument Any(int depth) {
    static constexpr std::string_view kNames[] = {"key", "a",    "b-c", "d_1", "ip:port",
                                                  "int", "y/es", "nx",  "time"};
    static constexpr std::string_view kTokens[] = {"NX", "LIB-NAME", "A_1", "=", "none", "a b|]"};
    static constexpr std::string_view kVersions[] = {"7.0.0", "2.6", "10"};
    Argument arg;
    arg.type = static_cast<Type>(rng_.Below(depth > 0 ? 9 : 7));
    if (arg.type == Type::kBlock || arg.type == Type::kOneOf) {
      arg.args = Sequence(depth - 1);
      if (arg.type == Type::kOneOf) arg.args.push_back(Any(depth - 1));
    } else if (arg.type == Type::kKey) {
      arg.key_spec_index = keys_++;
    }
    arg.name = Pick(kNames);
    const bool pure = arg.type == Type::kPureToken;
    if (pure || rng_.Percent(30)) arg.token = Pick(kTokens);
    if (pure && rng_.Percent(50)) arg.name = Lower(arg.token);
    if (pure && arg.name.find_first_of("=b ") != std::string::npos) arg.name = "other";
    arg.optional = rng_.Percent(30);
    arg.multiple = rng_.Percent(30);
    arg.multiple_token = arg.multiple && !pure && !arg.token.empty() && rng_.Percent(50);
    if (rng_.Percent(30)) arg.since = Pick(kVersions);
    if (arg.args.empty() && rng_.Percent(10)) arg.key_spec_index = pure ? -1 : 1;
    return arg;
  }

  Rng rng_;
  int keys_ = 0;
};

}  // namespace

TEST_CASE("arguments by their names and types") {
  CHECK(Parsed("").empty());
  CHECK(One("value") == Argument{.name = "value"});
  CHECK(One("seconds:int") == Argument{.name = "seconds", .type = Type::kInteger});
  CHECK(One("timeout:double") == Argument{.name = "timeout", .type = Type::kDouble});
  CHECK(One("unix-time:time") == Argument{.name = "unix-time", .type = Type::kUnixTime});
  CHECK(One("pattern") == Argument{.name = "pattern", .type = Type::kPattern});
  CHECK(One("pattern:string") == Argument{.name = "pattern"});
  CHECK(One("ip:port:string") == Argument{.name = "ip:port"});
  CHECK(One("yes/no") == Argument{.name = "yes/no"});
}

TEST_CASE("keys find their key specs by their places") {
  const Arguments args = Parsed("key numbers:int newkey:key (key)... by:pattern#1 key2:key#0");
  CHECK(args[0] == Argument{.name = "key", .type = Type::kKey, .key_spec_index = 0});
  CHECK(args[1].key_spec_index == -1);
  CHECK(args[2] == Argument{.name = "newkey", .type = Type::kKey, .key_spec_index = 1});
  CHECK(args[3].args[0].key_spec_index == 2);
  CHECK(args[4] == Argument{.name = "by", .type = Type::kPattern, .key_spec_index = 1});
  CHECK(args[5] == Argument{.name = "key2", .type = Type::kKey, .key_spec_index = 0});
}

TEST_CASE("tokens stand alone or before an argument") {
  const Argument nx{.name = "nx", .type = Type::kPureToken, .token = "NX"};
  const Argument ex{.name = "seconds", .type = Type::kInteger, .token = "EX"};
  CHECK(One("NX") == nx);
  CHECK(One("EX seconds:int") == ex);
  CHECK(Parsed("NX EX seconds:int") == Arguments{nx, ex});
  CHECK(Parsed("NX NX") == Arguments{nx, nx});
  CHECK(Parsed("nx=NX seconds:int")[0] == nx);
  CHECK(Parsed("NX [LIMIT count:int]")[0] == nx);
  CHECK(Parsed("NX other=[LIMIT count:int|WITHOUT]").size() == 2);
  CHECK(Parsed("NX equal='='")[1].token == "=");
  CHECK(One("equal='='") == Argument{.name = "equal", .type = Type::kPureToken, .token = "="});
  CHECK(One("'internal-ip'").name == "internal-ip");
  CHECK(One("AUTH (name password)").token == "AUTH");
  CHECK(One("TO target=(host port:int)").name == "target");
}

TEST_CASE("brackets hold blocks and choices") {
  const Argument block = One("(field value)");
  CHECK(block.type == Type::kBlock);
  CHECK(block.name == "field_value");
  CHECK(block.args == Arguments{{.name = "field"}, {.name = "value"}});
  const Argument choice = One("place=(BEFORE|AFTER)");
  CHECK(choice.type == Type::kOneOf);
  CHECK(choice.name == "place");
  CHECK(choice.args.size() == 2);
  CHECK(!choice.optional);
  CHECK(One("(pattern)").args.size() == 1);
  CHECK(One("([ID id]|[ADDR ip:port:string])").args[1].optional);
}

TEST_CASE("what may be left out, be repeated, or came later") {
  CHECK(One("[value]") == Argument{.name = "value", .optional = true});
  CHECK(One("[NX|XX]").type == Type::kOneOf);
  CHECK(One("[NX|XX]").name == "nx_xx");
  CHECK(One("when=[NX|XX]@7.0.0").since == "7.0.0");
  CHECK(One("[start:int end:int]").type == Type::kBlock);
  CHECK(One("[GET@6.2.0]").since == "6.2.0");
  CHECK(One("arg...") == Argument{.name = "arg", .multiple = true});
  CHECK(One("[arg...@2.0]") == One("[arg]...@2.0"));
  CHECK(One("IF condition...").multiple);
  CHECK(!One("IF condition...").multiple_token);
  CHECK(One("GET... pattern").multiple);
  CHECK(One("GET... pattern").multiple_token);
  CHECK(One("(key value)...").multiple);
  CHECK(One("NX...") ==
        Argument{.name = "nx", .type = Type::kPureToken, .token = "NX", .multiple = true});
}

TEST_CASE("what is wrong with a line is told with its place") {
  struct Bad {
    std::string_view line;
    size_t at;
    std::string_view what;
  };
  constexpr std::string_view kBegins = "an argument is missing here: a name, a token or a bracket";
  constexpr std::string_view kBetween = "one blank stands between arguments, nothing else";
  constexpr std::string_view kSeveral = "an alternative is one argument: put ( ) around several";
  constexpr std::string_view kRepeated = "this may be repeated already";
  constexpr std::string_view kVersion = "a version: numbers with a dot between them";
  const Bad bad[] = {
      {" ", 0, kBegins},
      {" key", 0, kBegins},
      {"key ", 4, kBegins},
      {"key  value", 4, kBegins},
      {"key [ NX]", 5, kBegins},
      {"key (NX| XX)", 8, kBegins},
      {"key ()", 5, kBegins},
      {"key (NX|)", 8, kBegins},
      {"key 7", 4, kBegins},
      {"EX  seconds:int", 3, kBegins},
      {"key|value", 3, kBetween},
      {"key]", 3, kBetween},
      {"key)value", 3, kBetween},
      {"keY", 2, kBetween},
      {"key,value", 3, kBetween},
      {"[NX]XX", 4, kBetween},
      {"EXat seconds:int", 2, kBetween},
      {"key..", 3, kBetween},
      {"key@1.0...", 4, kVersion},
      {"(EX seconds:int|host port)", 20, kSeveral},
      {"(host port|EX seconds:int)", 10, kSeveral},
      {"key [NX", 4, "this bracket is not closed"},
      {"key (NX|(a b", 8, "this bracket is not closed"},
      {"key (NX]", 7, "no argument ends with this sign"},
      {"key [NX)", 7, "no argument ends with this sign"},
      {"seconds:itn", 8, "no such type"},
      {"EX seconds:", 11, "no such type"},
      {"key ip:port", 7, "no such type"},
      {"key '", 4, "this quote is not closed"},
      {"key 'a b", 4, "this quote is not closed"},
      {"key ''", 4, "an empty token"},
      {"name=", 5, "a name is for a token, a block or a choice"},
      {"name=value", 5, "a name is for a token, a block or a choice"},
      {"name=[value]", 5, "brackets around one argument take its name"},
      {"[[value]]", 0, "this may be left out already"},
      {"key #0", 4, kBegins},
      {"key#", 4, "the number of a key spec"},
      {"key#x", 4, "the number of a key spec"},
      {"key#100", 4, "the number of a key spec"},
      {"key#99999999999", 4, "the number of a key spec"},
      {"(a b)#1", 5, kBetween},
      {"key@", 4, kVersion},
      {"key@7.", 4, kVersion},
      {"key@.7", 4, kVersion},
      {"key@7..0", 4, kVersion},
      {"[key@7]@7", 8, "its version is said already"},
      {"[key...]...", 8, kRepeated},
      {"GET... key...", 3, kRepeated},
  };
  for (const Bad& one : bad) {
    CAPTURE(one.line);
    const auto args = ParseSyntax(one.line);
    REQUIRE(!args.has_value());
    CHECK(args.error().at == one.at);
    CHECK(args.error().what == one.what);
  }
  CHECK(ErrorText("key seconds:itn", ParseSyntax("key seconds:itn").error()) ==
        "key seconds:itn\n            ^ no such type");
}

TEST_CASE("every row's syntax is written the short way") {
  size_t with_arguments = 0;
  for (const CommandSpec* row : Rows()) {
    CAPTURE(row->name);
    CHECK(Print(Parsed(row->syntax)) == row->syntax);
    const auto args = Registry::Get().ArgumentsOf(*row);
    CHECK(Arguments(args.begin(), args.end()) == Parsed(row->syntax));
    with_arguments += row->syntax.empty() ? 0 : 1;
  }
  CHECK(with_arguments > 150);
}

TEST_CASE("rows' arities agree with their syntax") {
  // TXN without THEN is refused by itself. Redis's own syntax of CLIENT KILL would let all be left
  // out.
  const std::set<std::string_view> others = {"TXN", "CLIENT|KILL"};
  for (const CommandSpec* row : Rows()) {
    if (row->syntax.empty() || others.contains(row->name)) continue;
    CAPTURE(row->name);
    const Words words = WordsOf(Parsed(row->syntax));
    const int least = words.least + (row->name.find('|') == std::string_view::npos ? 1 : 2);
    CHECK(row->arity == (words.fixed ? least : -least));
  }
}

TEST_CASE("any arguments can be written and read back") {
  for (uint64_t seed = 1; seed <= 3000; seed++) {
    CAPTURE(seed);
    const Arguments args = RandomSyntax(seed).Sequence(3);
    const std::string line = Print(args);
    CAPTURE(line);
    CHECK(Parsed(line) == args);
  }
}

TEST_CASE("whatever stands in a line, it is refused or means what its short form means") {
  constexpr std::string_view kSigns = "aZ0 |[]()=:#@.'-";
  Rng rng(7);
  size_t accepted = 0;
  for (const CommandSpec* row : Rows()) {
    for (int i = 0; i < 50; i++) {
      std::string line(row->syntax);
      for (uint64_t changes = 1 + rng.Below(2); changes > 0; changes--) {
        const size_t at = rng.Below(line.size() + 1);
        const char sign = kSigns[rng.Below(kSigns.size())];
        if (at < line.size() && rng.Percent(50)) {
          line.erase(at, 1);
        } else {
          line.insert(at, 1, sign);
        }
      }
      CAPTURE(line);
      const auto args = ParseSyntax(line);
      if (!args) {
        CHECK(args.error().at <= line.size());
        continue;
      }
      accepted++;
      const std::string short_form = Print(*args);
      CHECK(Parsed(short_form) == *args);
    }
  }
  CHECK(accepted > 1000);
}

}  // namespace clustron::commands
