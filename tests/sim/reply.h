// A reply as the simulated clients see it. What RESP3 has besides comes as its RESP2 counterpart: a
// map or set as an array, a null as nil, a double or verbatim string as a bulk string.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/models.h"

namespace clustron::sim {

struct Reply {
  enum class Kind : uint8_t { kSimple, kError, kInteger, kBulk, kNil, kArray, kNilArray };
  Kind kind = Kind::kNil;
  int64_t integer = 0;
  std::string text;
  std::vector<Reply> elements;
  bool push = false;  // RESP3: it answers no request

  bool IsError() const { return kind == Kind::kError; }
  bool IsError(std::string_view code) const { return IsError() && text.starts_with(code); }
  bool IsInteger() const { return kind == Kind::kInteger; }
  bool IsBulk() const { return kind == Kind::kBulk; }
  bool IsNil() const { return kind == Kind::kNil || kind == Kind::kNilArray; }
  bool IsArray(size_t size) const { return kind == Kind::kArray && elements.size() == size; }
  bool IsOk() const { return kind == Kind::kSimple && text == "OK"; }
  // For the models: what they can hold; kNone for arrays and errors.
  test::Answer ToAnswer() const;
  std::string ToString() const;
};

// Reads one reply from the front of `bytes`. Returns the bytes used; 0: not all there yet; -1:
// malformed.
int64_t ParseReply(std::string_view bytes, Reply* reply);

}  // namespace clustron::sim
