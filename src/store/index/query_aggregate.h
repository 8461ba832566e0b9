// Counts, sums and extremes over what a query finds, group by group. Sums are exact until they are
// rounded at the end, so they don't depend on the order of keys. THREAD: core loop.
#pragma once

#include <cstdint>
#include <expected>
#include <variant>
#include <vector>

#include "store/index/matcher.h"
#include "store/index/query_page.h"

namespace clustron::store {

inline constexpr size_t kGroupFieldsMax = 8;
inline constexpr size_t kReducersMax = 8;
inline constexpr size_t kGroupsMax = 10'000;

struct Reducer {
  enum class Kind : uint8_t { kCount, kSum, kAvg, kMin, kMax };
  Kind kind = Kind::kCount;
  size_t field = kKeyItself;  // kSum, kAvg: NUM; kMin, kMax: NUM, TAG or the key itself
};

struct AggregateRequest {
  const BoundQuery& where;
  std::vector<size_t> group = {};
  std::vector<Reducer> reducers = {};
  KeepLiving keep_living = {};
  bool deadlines = false;  // see VisitsOfRow
};

// A count, a number, bytes; nothing where no key of the group has a value.
using AggregateValue = std::variant<std::monostate, uint64_t, double, std::string>;

struct AggregateRow {
  std::vector<SortValue> group;  // nothing: the keys without the field
  std::vector<AggregateValue> results;
};

struct TooManyGroups {};
using AggregateError = std::variant<TooManyVisits, TooManyGroups>;

// In order of the groups' values, nothing first, numbers before bytes. A key with several values in
// a field is in the group of each; all of its values count in sums. Without groups: one row. A
// key counts for each group that it is in, with a visit for each field of GROUP and one to five for
// each of REDUCE, and each sum of a group with 32 more; *visits is how many there were in all.
std::expected<std::vector<AggregateRow>, AggregateError> Aggregate(
    const IndexContent& content, const IndexDefinition& definition, uint64_t visits_max,
    const AggregateRequest& request, uint64_t* visits);

}  // namespace clustron::store
