// The words of INDEX QUERY, EXPLAIN, AGGREGATE and PURGE behind the index's name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "commands/core/arg_cursor.h"
#include "commands/core/context.h"
#include "store/index/query_aggregate.h"
#include "store/index/query_expr.h"
#include "store/index/query_page.h"
#include "store/tables/index_table.h"

namespace clustron::commands {

inline constexpr uint64_t kQueryLimitDefault = 1000;
inline constexpr int64_t kQueryLimitMax = 100'000;

struct QueryCall {
  enum class Return : uint8_t { kKeys, kValues, kCount, kFields };

  std::string_view index;
  std::optional<std::string_view> where = {};
  std::vector<store::QueryParam> params = {};
  std::optional<uint64_t> limit = {};
  // QUERY, EXPLAIN
  struct Sort {
    std::string_view field;
    bool descending;
  };
  std::vector<Sort> sort = {};
  std::optional<std::string_view> after = {};
  Return what = Return::kKeys;
  std::vector<std::string_view> fields = {};
  // AGGREGATE
  struct Reduce {
    store::Reducer::Kind kind;
    std::string_view field;
  };
  std::vector<std::string_view> group = {};
  std::vector<Reduce> reduce = {};
  // PURGE, of a call that goes on: how many are deleted already. The server puts it there.
  uint64_t deleted = 0;
};

enum class QueryForm : uint8_t { kQuery, kAggregate, kPurge };

// Errors are left in `args`.
QueryCall ParseQueryCall(ArgCursor& args, QueryForm form);

// The index of a call, ready to be asked; null, with the reply, if there is none, or not yet.
const store::Index* AskedIndex(Context& ctx, std::string_view name);
// WHERE, fitted to the index; nothing, with the reply, if it doesn't fit.
std::optional<store::BoundQuery> BindWhere(Context& ctx, const QueryCall& call,
                                           const store::IndexDefinition& definition);
// Of a word of the call: its number. Nothing, with the reply, if it can't stand there.
enum class FieldUse : uint8_t { kSort, kSum, kGroup };
std::optional<size_t> AskedField(Context& ctx, std::string_view word, std::string_view name,
                                 FieldUse use, const store::IndexDefinition& definition);

}  // namespace clustron::commands
