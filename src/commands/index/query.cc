// INDEX QUERY, EXPLAIN and AGGREGATE: reads of one index, at one revision.
#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/generic/dump.h"
#include "commands/index/errors.h"
#include "commands/index/find.h"
#include "commands/index/index.spec.h"
#include "commands/index/query_call.h"
#include "store/keyspace/value_type.h"
#include "store/tables/label_table.h"

namespace clustron::commands {

using store::Index;
using store::IndexedKey;
using store::KeyRecord;

namespace {

// What visits cost the item that asks.
bool SpendVisits(Context& ctx, uint64_t visits) {
  constexpr uint64_t kUnits = 16;
  constexpr uint64_t kNs = 50;
  return ctx.Spend(kUnits * visits, kNs * visits);
}

uint64_t VisitsMax(const Context& ctx) {
  return static_cast<uint64_t>(ctx.store.settings().Number("index-query-limit"));
}

void ReplyTooWide(Context& ctx, const store::TooManyVisits& visits, const Index& index) {
  ctx.reply.Error(QueryTooWide(visits, VisitsMax(ctx), index.definition));
}

// Sort fields and cursor of a call. False, with the reply, if they don't fit.
bool FillRequest(Context& ctx, const QueryCall& call, const store::IndexDefinition& definition,
                 store::PageRequest* request) {
  for (const QueryCall::Sort& sort : call.sort) {
    const auto field = AskedField(ctx, "SORT", sort.field, FieldUse::kSort, definition);
    if (!field) return false;
    request->sort.push_back({*field, sort.descending});
  }
  if (!call.after) return true;
  request->after = store::QueryCursor::Decode(*call.after);
  if (request->after && FitsSort(*request->after, request->sort, definition)) return true;
  ctx.reply.Error(kErrQueryCursor);
  return false;
}

void ReplyValue(Context& ctx, const KeyRecord& record) {
  const store::ValueType& type = ValueTypeOf(record);
  const uint64_t bytes = type.stored_bytes(record);
  if (!ctx.SpendMade(bytes) || !ctx.HasReplyRoom(bytes + kBulkFrameBytes)) return ctx.reply.Null();
  type.bytes ? ReplyString(ctx, record) : ctx.reply.Bulk(DumpPayload(record));
}

// Of an index over labels a key's fields are its labels; the first one of this name.
std::optional<std::string_view> FieldOf(const Context& ctx, const Index& index,
                                        const KeyRecord& record, std::string_view name) {
  if (index.definition.kind != store::IndexKind::kLabels) {
    const auto field_of = ValueTypeOf(record).field;
    return field_of == nullptr ? std::nullopt : field_of(record, name);
  }
  const store::Labels* labels = LabelsOf(ctx.store).Find(ctx.db, record.key());
  CHECK(labels != nullptr);
  for (const auto& [label, value] : labels->pairs)
    if (label == name) return value;
  return std::nullopt;
}

void ReplyField(Context& ctx, std::optional<std::string_view> value) {
  if (!value || !ctx.SpendMade(value->size()) || !ctx.HasReplyRoom(value->size() + kBulkFrameBytes))
    return ctx.reply.Null();
  ctx.reply.Bulk(*value);
}

void ReplyRow(Context& ctx, const QueryCall& call, const Index& index, const IndexedKey& row) {
  using Return = QueryCall::Return;
  if (call.what == Return::kKeys) return ctx.reply.Bulk(row.name());
  const KeyRecord* record = ctx.store.Find(ctx.db, row.name());
  CHECK(record != nullptr);
  if (call.what == Return::kValues) {
    ctx.reply.Array(2);
    ctx.reply.Bulk(row.name());
    return ReplyValue(ctx, *record);
  }
  ctx.reply.Array(1 + 2 * call.fields.size());
  ctx.reply.Bulk(row.name());
  for (const std::string_view field : call.fields) {
    ctx.reply.Bulk(field);
    ReplyField(ctx, FieldOf(ctx, index, *record, field));
  }
}

void ReplyPage(Context& ctx, const QueryCall& call, const Index& index, const store::Page& page) {
  ctx.reply.Array(3);
  ctx.reply.Uint(page.count);
  page.next ? ctx.reply.Bulk(page.next->Encode()) : ctx.reply.Null();
  ctx.reply.Array(page.rows.size());
  for (const IndexedKey* row : page.rows) ReplyRow(ctx, call, index, *row);
}

void ReplyNumber(Context& ctx, double value) { ctx.reply.Bulk(FormatDouble(value)); }

void ReplyGroupValue(Context& ctx, const store::SortValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return ReplyNumber(ctx, *number);
  if (const auto* bytes = std::get_if<std::string>(&value)) return ctx.reply.Bulk(*bytes);
  ctx.reply.Null();
}
void ReplyResult(Context& ctx, const store::AggregateValue& value) {
  if (const auto* count = std::get_if<uint64_t>(&value)) return ctx.reply.Uint(*count);
  if (const auto* number = std::get_if<double>(&value)) return ReplyNumber(ctx, *number);
  if (const auto* bytes = std::get_if<std::string>(&value)) return ctx.reply.Bulk(*bytes);
  ctx.reply.Null();
}

// Fields of GROUP and REDUCE. False, with the reply, if one doesn't fit.
bool FillRequest(Context& ctx, const QueryCall& call, const store::IndexDefinition& definition,
                 store::AggregateRequest* request) {
  using Kind = store::Reducer::Kind;
  for (const std::string_view name : call.group) {
    const auto field = AskedField(ctx, "GROUP", name, FieldUse::kGroup, definition);
    if (!field) return false;
    if (std::find(request->group.begin(), request->group.end(), *field) != request->group.end()) {
      ctx.reply.Error(TwiceNamedField(name));
      return false;
    }
    request->group.push_back(*field);
  }
  for (const QueryCall::Reduce& reduce : call.reduce) {
    if (reduce.kind == Kind::kCount) {
      request->reducers.push_back({.kind = Kind::kCount});
      continue;
    }
    const bool sums = reduce.kind == Kind::kSum || reduce.kind == Kind::kAvg;
    const auto field = AskedField(ctx, "REDUCE", reduce.field,
                                  sums ? FieldUse::kSum : FieldUse::kSort, definition);
    if (!field) return false;
    request->reducers.push_back({reduce.kind, *field});
  }
  return true;
}

}  // namespace

bool HasDeadlines(const Context& ctx) { return ctx.store.KeysWithDeadline(ctx.db) > 0; }

store::KeepLiving KeepLivingFor(const Context& ctx) {
  const store::Store& store = ctx.store;
  if (!HasDeadlines(ctx)) return {};
  if (store.NextDueElapsedMs() > store.elapsed_ms() && store.NextDueWallMs() > store.wall_ms())
    return {};
  return [&store, db = ctx.db](std::span<const IndexedKey*> rows) {
    std::array<uint64_t, store::kFoundBatch> hashes;
    CHECK(rows.size() <= hashes.size());
    for (size_t i = 0; i < rows.size(); i++) {
      hashes[i] = store.Hash(rows[i]->name());
      store.PrefetchBucket(db, hashes[i]);
    }
    for (size_t i = 0; i < rows.size(); i++) store.PrefetchEntry(db, hashes[i]);
    size_t living = 0;
    for (size_t i = 0; i < rows.size(); i++) {
      if (store.Find(db, rows[i]->name(), hashes[i]) != nullptr) rows[living++] = rows[i];
    }
    return living;
  };
}

std::optional<store::Page> FindPage(Context& ctx, const Index& index,
                                    const store::PageRequest& request) {
  auto page = store::RunPage(*index.content, index.definition, VisitsMax(ctx), request);
  if (!page) {
    // What a refused query has looked at is work, too.
    if (SpendVisits(ctx, page.error().made)) ReplyTooWide(ctx, page.error(), index);
    return std::nullopt;
  }
  if (!SpendVisits(ctx, page->visits)) return std::nullopt;
  return *std::move(page);
}

void CmdIndexQuery(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const QueryCall call = ParseQueryCall(args, QueryForm::kQuery);
  if (!args.ok()) return ctx.reply.Error(args.error());
  const Index* index = AskedIndex(ctx, call.index);
  if (index == nullptr) return;
  const auto where = BindWhere(ctx, call, index->definition);
  if (!where) return;
  store::PageRequest request{
      .where = *where, .keep_living = KeepLivingFor(ctx), .deadlines = HasDeadlines(ctx)};
  const bool counts = call.what == QueryCall::Return::kCount;
  request.limit = counts ? 0 : call.limit.value_or(kQueryLimitDefault);
  if (!FillRequest(ctx, call, index->definition, &request)) return;
  if (const auto page = FindPage(ctx, *index, request)) ReplyPage(ctx, call, *index, *page);
}

void CmdIndexExplain(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const QueryCall call = ParseQueryCall(args, QueryForm::kQuery);
  if (!args.ok()) return ctx.reply.Error(args.error());
  const Index* index = AskedIndex(ctx, call.index);
  if (index == nullptr) return;
  const auto where = BindWhere(ctx, call, index->definition);
  if (!where) return;
  store::PageRequest request{
      .where = *where, .keep_living = KeepLivingFor(ctx), .deadlines = HasDeadlines(ctx)};
  const bool counts = call.what == QueryCall::Return::kCount;
  request.limit = counts ? 0 : call.limit.value_or(kQueryLimitDefault);
  if (!FillRequest(ctx, call, index->definition, &request)) return;
  const std::vector<std::string> lines =
      store::ExplainPage(*index->content, index->definition, VisitsMax(ctx), request);
  ctx.reply.Array(lines.size());
  for (const std::string& line : lines) ctx.reply.Bulk(line);
}

void CmdIndexAggregate(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const QueryCall call = ParseQueryCall(args, QueryForm::kAggregate);
  if (!args.ok()) return ctx.reply.Error(args.error());
  const Index* index = AskedIndex(ctx, call.index);
  if (index == nullptr) return;
  const auto where = BindWhere(ctx, call, index->definition);
  if (!where) return;
  store::AggregateRequest request{
      .where = *where, .keep_living = KeepLivingFor(ctx), .deadlines = HasDeadlines(ctx)};
  if (!FillRequest(ctx, call, index->definition, &request)) return;
  uint64_t visits = 0;
  const auto rows =
      store::Aggregate(*index->content, index->definition, VisitsMax(ctx), request, &visits);
  if (!SpendVisits(ctx, visits)) return;
  if (!rows) {
    const auto* too_many = std::get_if<store::TooManyVisits>(&rows.error());
    return too_many != nullptr ? ReplyTooWide(ctx, *too_many, *index)
                               : ctx.reply.Error(kErrQueryGroups);
  }
  ctx.reply.Array(rows->size());
  for (const store::AggregateRow& row : *rows) {
    ctx.reply.Array(row.group.size() + row.results.size());
    for (const store::SortValue& value : row.group) ReplyGroupValue(ctx, value);
    for (const store::AggregateValue& value : row.results) ReplyResult(ctx, value);
  }
}

}  // namespace clustron::commands
