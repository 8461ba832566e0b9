// The words of a query expression.
//
//   name     city, user.name, @key, "any bytes, "" is a quote"; keywords are names in any case
//   string   'any bytes, '' is a quote'
//   number   12, -3.5, 1e9
//   param    $name
//   others   = != < <= > >= ^= ( ) ,
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/index/query_error.h"

namespace clustron::store {

struct QueryToken {
  enum class Kind : uint8_t {
    kEnd,
    kName,        // may be a keyword
    kQuotedName,  // is none
    kText,
    kNumber,
    kParam,
    kEq,
    kNe,
    kLt,
    kLe,
    kGt,
    kGe,
    kPrefix,
    kOpen,
    kClose,
    kComma,
  };
  Kind kind = Kind::kEnd;
  size_t position = 0;                         // of its first byte, from 1 on
  std::string text = {};                       // unquoted; of a parameter without $
  bool Is(std::string_view upper_word) const;  // a keyword
};

class QueryLexer {
 public:
  // `text` outlives the lexer.
  explicit QueryLexer(std::string_view text) : text_(text) {}
  // The next token, kEnd at the end. After an error it is kEnd, too, and error() is set.
  QueryToken Next();
  const std::optional<QueryError>& error() const { return error_; }

 private:
  QueryToken Name();
  QueryToken Number();
  QueryToken Quoted(char quote);
  QueryToken Symbol();
  QueryToken Fail(size_t at, std::string_view text);
  QueryToken Take(QueryToken::Kind kind, size_t size);

  std::string_view text_;
  size_t at_ = 0;
  std::optional<QueryError> error_;
};

}  // namespace clustron::store
