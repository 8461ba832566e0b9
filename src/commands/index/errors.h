// The error texts of INDEX.
#pragma once

#include <string>
#include <string_view>

#include "base/numeric.h"
#include "commands/core/error_text.h"
#include "store/index/matcher.h"
#include "store/index/query_error.h"
#include "store/tables/index_table.h"

namespace clustron::commands {

inline constexpr std::string_view kErrIndexName = "ERR the name of an index has 1 to 256 bytes";
inline constexpr std::string_view kErrIndexKind = "ERR ON is followed by HASH, LABELS or KEYS";
inline constexpr std::string_view kErrIndexPrefixes = "ERR PREFIX takes 1 to 64 prefixes";
inline constexpr std::string_view kErrIndexFields = "ERR FIELDS takes 1 to 64 fields";
inline constexpr std::string_view kErrIndexFieldName =
    "ERR the name of a field has 1 to 256 bytes, and is not @key";
inline constexpr std::string_view kErrIndexFieldType = "ERR a field is TAG, NUM or TEXT";
inline constexpr std::string_view kErrIndexNoFields = "ERR an index ON HASH or LABELS needs FIELDS";
inline constexpr std::string_view kErrIndexKeysFields =
    "ERR an index ON KEYS has no FIELDS: it is about the names of keys";
inline constexpr std::string_view kErrIndexEntity = "ERR ENTITY is for an index ON LABELS";
inline constexpr std::string_view kErrLabelEntity = "ERR an entity has 1 to 256 bytes";
inline constexpr std::string_view kErrLabelCount =
    "ERR a key has 1 to 64 labels, each a name and a value";
inline constexpr std::string_view kErrLabelName =
    "ERR the name of a label has 1 to 256 bytes, and is not @key";
inline constexpr std::string_view kErrLabelValue = "ERR the value of a label has at most 256 bytes";
inline constexpr std::string_view kErrIndexesMax = "ERR a database has at most 64 indexes";

inline constexpr std::string_view kErrQuerySort = "ERR SORT takes 1 to 8 fields";
inline constexpr std::string_view kErrQuerySortWay =
    "ERR a field of SORT is followed by ASC or DESC";
inline constexpr std::string_view kErrQueryLimit = "ERR LIMIT is between 1 and 100000";
inline constexpr std::string_view kErrQueryReturn =
    "ERR RETURN is followed by KEYS, VALUES, COUNT or FIELDS";
inline constexpr std::string_view kErrQueryFields = "ERR FIELDS takes 1 to 64 fields";
inline constexpr std::string_view kErrQueryParams = "ERR PARAMS takes 1 to 1024 names with values";
inline constexpr std::string_view kErrQueryCursor =
    "ERR AFTER takes the cursor of a reply to the same query";
inline constexpr std::string_view kErrQueryReduce = "ERR REDUCE takes 1 to 8 sums or counts";
inline constexpr std::string_view kErrQueryReducer =
    "ERR a part of REDUCE is COUNT, or SUM, AVG, MIN or MAX with a field";
inline constexpr std::string_view kErrQueryGroup = "ERR GROUP takes 1 to 8 fields";
inline constexpr std::string_view kErrQueryGroups =
    "ERR there are more than 10000 groups: narrow WHERE, or group by less";
inline constexpr std::string_view kErrPurgeWhere = "ERR INDEX PURGE needs WHERE";
inline constexpr std::string_view kErrPurgeInside =
    "ERR INDEX PURGE deletes at most 4096 keys inside another command: say LIMIT, or narrow WHERE";
inline std::string NoSuchIndex(std::string_view name) {
  return "ERR no such index " + Quoted(name);
}
inline std::string IndexDiffers(std::string_view name) {
  return "ERR there is an index " + Quoted(name) + " already, and it is defined otherwise";
}
inline std::string TwiceNamedField(std::string_view name) {
  return "ERR field " + Quoted(name) + " is named twice";
}
// In INDEX INFO, and in the error of a query.
inline constexpr std::string_view kIndexStopped =
    "stopped: the data takes more than maxmemory; it goes on when there is memory again";
inline std::string NotBuilt(std::string_view name, const store::Index& index) {
  std::string text = "ERR index " + Quoted(name) +
                     " is being built: " + std::to_string(index.percent()) +
                     " % of the database is in it";
  return index.stopped ? text + ", " + std::string(kIndexStopped) : text;
}
// "ERR syntax error at 17: …"
inline std::string BadQuery(const store::QueryError& error) {
  return (error.syntax ? "ERR syntax error at " : "ERR WHERE at ") +
         std::to_string(error.position) + ": " + error.text;
}
inline std::string NoSuchQueryField(std::string_view word, std::string_view name) {
  return "ERR " + std::string(word) + ": the index has no field " + Quoted(name);
}
inline std::string MisfitQueryField(std::string_view word, std::string_view name,
                                    std::string_view types) {
  return "ERR " + std::string(word) + ": field " + Quoted(name) + " is not " + std::string(types);
}
// Says how to ask for less.
inline std::string QueryTooWide(const store::TooManyVisits& visits, uint64_t limit,
                                const store::IndexDefinition& definition) {
  std::string text = "ERR the query would visit " + std::to_string(visits.needed) +
                     " keys, and index-query-limit is " + std::to_string(limit) + ": ";
  if (visits.by_rows)
    text += "too many match; ask for RETURN COUNT, a lower LIMIT, fewer sums and SORT fields, or ";
  text += "add a condition (= < > IN ^=) with AND on ";
  if (definition.kind == store::IndexKind::kKeys) return text + std::string(store::kKeyField);
  for (size_t i = 0; i < definition.fields.size(); i++)
    text += (i == 0 ? "" : " or ") + Quoted(definition.fields[i].name);
  return text;
}

}  // namespace clustron::commands
