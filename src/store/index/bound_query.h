// A query expression fitted to an index: fields are numbers, values are typed, and every condition
// is a set of ranges. x != v is NOT x = v, so it holds for keys without x, too.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/index/definition.h"
#include "store/index/query_expr.h"
#include "store/index/value_range.h"

namespace clustron::store {

inline constexpr size_t kKeyItself = SIZE_MAX;  // in the place of a field's number

struct BoundQuery {
  enum class Kind : uint8_t { kAll, kAnd, kOr, kNot, kRanges };
  Kind kind = Kind::kAll;
  std::vector<BoundQuery> parts = {};
  // kRanges: a key matches if one of its values is in one of these, which don't overlap.
  size_t field = kKeyItself;
  std::vector<NumRange> numbers = {};  // NUM
  std::vector<BytesRange> texts = {};  // TAG, TEXT, the key itself
};

std::expected<BoundQuery, QueryError> BindQuery(const QueryExpr& expr,
                                                const IndexDefinition& definition);

// The number of a field, kKeyItself for @key; none: there is no such field.
std::optional<size_t> FindField(const IndexDefinition& definition, std::string_view name);
// Whether a key can have several values in a field.
inline bool HasManyValues(const IndexDefinition& definition, size_t field) {
  if (field == kKeyItself) return false;
  return definition.many_values() || definition.fields[field].type == FieldType::kText;
}

}  // namespace clustron::store
