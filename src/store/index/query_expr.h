// A query expression as it was written, and its parser.
//
//   expr      := conjunct { OR conjunct }
//   conjunct  := factor { AND factor }
//   factor    := NOT factor | ( expr ) | field condition
//   condition := op value | IN ( value {, value} ) | EXISTS      op: = != < <= > >= ^=
//   value     := 'text' | number | $param
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/index/query_error.h"

namespace clustron::store {

inline constexpr size_t kQueryBytesMax = 65'536;
inline constexpr int kQueryDepthMax = 32;
inline constexpr size_t kQueryValuesMax = 1024;  // conditions and values
// A field of this name is the key itself.
inline constexpr std::string_view kKeyField = "@key";

enum class QueryOp : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe, kPrefix, kIn, kExists };

struct QueryValue {
  std::string bytes;  // of a number its text
  size_t position = 0;
};

struct QueryExpr {
  enum class Kind : uint8_t { kAnd, kOr, kNot, kCondition };
  Kind kind = Kind::kCondition;
  size_t position = 0;
  std::vector<QueryExpr> parts = {};  // kAnd, kOr: two or more; kNot: one
  // kCondition:
  std::string field = {};
  QueryOp op = QueryOp::kEq;
  std::vector<QueryValue> values = {};  // kIn: one or more; kExists: none; else one
};

// What $name stands for.
struct QueryParam {
  std::string_view name;
  std::string_view value;
};

std::expected<QueryExpr, QueryError> ParseQuery(std::string_view text,
                                                const std::vector<QueryParam>& params);

}  // namespace clustron::store
