// A reply as a tree that owns its parts: what the client side sees. For tests and tools; the server
// builds replies with ReplyWriter and never as trees.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace clustron::resp {

struct ReplyValue {
  enum class Kind : uint8_t {
    kSimple,     // +   text
    kError,      // - ! text, its code first
    kInteger,    // :   integer
    kBulk,       // $   text
    kNull,       // _, $-1, *-1
    kDouble,     // ,   text, as it came
    kBool,       // #   integer 0 or 1
    kBigNumber,  // (   text
    kVerbatim,   // =   text, its three letters and colon included
    kArray,      // *   elements
    kMap,        // %   elements: key, value, key, value …
    kSet,        // ~   elements
    kPush,       // >   elements
  };
  Kind kind = Kind::kNull;
  int64_t integer = 0;
  std::string text;
  std::vector<ReplyValue> elements;

  bool is_error() const { return kind == Kind::kError; }
  bool is_null() const { return kind == Kind::kNull; }
  bool operator==(const ReplyValue& other) const = default;
};

// One line for people and tests: +OK  -ERR x  :1  "bulk"  _  ,1.5  #t  (123  =txt:x  [a, b]
// {k: v}  ~{a}  >[a]
std::string ToText(const ReplyValue& value);

}  // namespace clustron::resp
