// One page of what a query finds: in the order of the sort fields, then of the keys' bytes, from
// where a cursor says. The cursor is the last row's sort values and key, so nothing is kept between
// two pages, and what is added or deleted meanwhile neither repeats nor hides another row.
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/index/bound_query.h"
#include "store/index/found_rows.h"
#include "store/index/index_content.h"
#include "store/index/matcher.h"
#include "store/index/row_order.h"

namespace clustron::store {

struct QueryCursor {
  std::vector<SortValue> values;  // one a sort field
  std::string key;

  // Text that is safe in every client: hexadecimal digits.
  std::string Encode() const;
  static std::optional<QueryCursor> Decode(std::string_view text);
};

struct PageRequest {
  const BoundQuery& where;
  std::vector<SortField> sort = {};
  std::optional<QueryCursor> after = {};
  uint64_t limit = 0;
  KeepLiving keep_living = {};
  bool deadlines = false;  // see VisitsOfRow
};

struct Page {
  std::vector<const IndexedKey*> rows;
  uint64_t count = 0;               // of all that match
  std::optional<QueryCursor> next;  // there are more
  uint64_t visits = 0;
};

std::expected<Page, TooManyVisits> RunPage(const IndexContent& content,
                                           const IndexDefinition& definition, uint64_t visits_max,
                                           const PageRequest& request);
// What RunPage would do, a line a step.
std::vector<std::string> ExplainPage(const IndexContent& content, const IndexDefinition& definition,
                                     uint64_t visits_max, const PageRequest& request);

// Whether a cursor can have come from such a query.
bool FitsSort(const QueryCursor& cursor, const std::vector<SortField>& sort,
              const IndexDefinition& definition);
// The bytes or number by which a key is sorted in a field.
SortValue SortValueOf(const IndexContent& content, const IndexedKey& key, const SortField& by);

}  // namespace clustron::store
