// The syntax of a command's arguments, as one line of text in its row (CommandSpec::syntax):
//
//     "key value condition=[NX|XX|IFREV revision:int] [GET@6.2.0] [EX seconds:int|KEEPTTL]"
//
// It is what COMMAND DOCS tells of the arguments. Nothing runs by it: handlers parse for
// themselves. All lines are parsed once, by the registry at start, which refuses a bad one.
//
//     value                  an argument by its name; a string, unless its name is that of a type
//     seconds:int            of a type: string, int, double, key, pattern or time (unix time)
//     LIMIT count:int        behind a word, its token
//     NX                     a token alone; its argument is called nx
//     '~'                    a token with other signs than capitals, digits, - and _
//     equal='='              a token alone whose argument is called otherwise
//     [a]                    may be left out
//     (a b c)                a block: all of them, in this order
//     (a|b|c)                one of them
//     [a b]  [a|b]           a block, or one of them, that may be left out
//     place=(BEFORE|AFTER)   a name for a block or a choice; else the names in it, joined by _
//     key...                 may be repeated
//     GET... pattern         may be repeated with its token
//     FORCE@7.0.0            known since this version of Redis; behind ...
//     key2:key#0             found by key spec 0 of the row: what is not a key, or not in its turn
//                            (the first key is found by 0, the second by 1 …)
//
// One blank stands between arguments. A token takes the value behind it: an argument by its name,
// or what stands in "( )". So a token alone that stands before a value is written with its name:
// "get=GET value". An alternative is one argument: several stand in "( )". The type is what stands
// behind a name's last colon, so a name with a colon says its type: "ip:port:string".
//
//     line     = [ sequence ]
//     sequence = argument { " " argument }
//     choice   = argument "|" argument { "|" argument }
//     argument = token [ "..." ] " " value | [ name "=" ] token end | value | optional
//     value    = name [ ":" type ] [ "#" number ] end | [ name "=" ] "(" body ")" end
//     optional = [ name "=" ] "[" body "]" end
//     body     = sequence | choice
//     end      = [ "..." ] [ "@" version ]
//     type     = "string" | "int" | "double" | "key" | "pattern" | "time"
//     version  = digits { "." digits }
//     name     = small letter { small letter | digit | "-" | "_" | "/" | ":" }
//     token    = capital { capital | digit | "-" | "_" } | "'" one or more other signs "'"
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace clustron::commands {

// An argument, or several in one. Views point into the line.
struct Argument {
  enum class Type : uint8_t {
    kString,
    kInteger,
    kDouble,
    kKey,
    kPattern,
    kUnixTime,
    kPureToken,
    kOneOf,
    kBlock,
  };
  std::string name;
  Type type = Type::kString;
  std::string_view token = {};
  bool optional = false;
  bool multiple = false;
  bool multiple_token = false;
  int key_spec_index = -1;
  std::string_view since = {};
  std::vector<Argument> args = {};  // kOneOf, kBlock

  friend bool operator==(const Argument&, const Argument&) = default;
};
using Arguments = std::vector<Argument>;

struct SyntaxError {
  size_t at;  // bytes of the line before the place
  std::string_view what;
};

// REQUIRES: `line` outlives the result (rows are literals).
std::expected<Arguments, SyntaxError> ParseSyntax(std::string_view line);

// For people: the line, and below it what is wrong, behind a mark at the place.
std::string ErrorText(std::string_view line, const SyntaxError& error);

}  // namespace clustron::commands
