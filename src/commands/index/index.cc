// INDEX CREATE, DROP, LIST, INFO, PURGE: definitions, and what changes something.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/guard.h"
#include "commands/core/help.h"
#include "commands/core/list_page.h"
#include "commands/core/registry.h"
#include "commands/index/errors.h"
#include "commands/index/find.h"
#include "commands/index/index.spec.h"
#include "commands/index/query_call.h"
#include "store/tables/index_table.h"
#include "store/tables/label_table.h"

namespace clustron::commands {

using store::Index;
using store::IndexDefinition;
using store::IndexField;
using store::IndexKind;

namespace {

constexpr HelpLine kIndexHelp[] = {
    {"CREATE <name> ON HASH|LABELS|KEYS [ENTITY <entity>] [PREFIX <n> <prefix> ...] [FIELDS <n> "
     "<field> TAG|NUM|TEXT ...]",
     "Make an index over fields of hashes, over labels, or over the names of keys."},
    {"LABEL <key> [ENTITY <entity>] <n> <name> <value> ...",
     "Give a key these labels, in place of those that it has."},
    {"UNLABEL <key>", "Take a key's labels away."},
    {"LABELS <key>", "The entity and the labels of a key."},
    {"DROP <name>", "Remove an index; the keys stay."},
    {"LIST [AFTER <name>] [LIMIT <n>]", "The indexes of this database, in order of their names."},
    {"INFO <name>", "What an index is over, what is in it, and how far it is built."},
    {"QUERY <name> [WHERE <expr>] [SORT <n> <field> ASC|DESC ...] [LIMIT <n>] [AFTER <cursor>] "
     "[RETURN KEYS|VALUES|COUNT|FIELDS <n> <field> ...] [PARAMS <n> <name> <value> ...]",
     "Find keys: city = 'Berlin' AND age >= 28 AND (name ^= 'Ber' OR NOT email EXISTS)."},
    {"EXPLAIN <name> ...", "What such a query would visit."},
    {"AGGREGATE <name> [WHERE <expr>] [GROUP <n> <field> ...] REDUCE <n> COUNT|SUM <field>|"
     "AVG <field>|MIN <field>|MAX <field> ... [PARAMS <n> <name> <value> ...]",
     "Count and sum over what a query finds."},
    {"PURGE <name> WHERE <expr> [LIMIT <n>] [PARAMS <n> <name> <value> ...]",
     "Delete the keys that a query finds."},
};

constexpr size_t kFieldNameBytesMax = 256;
// Keys that an entry deletes.
constexpr uint64_t kPurgedPerEntry = 4096;

std::string_view KindName(IndexKind kind) {
  return store::kIndexKindNames[static_cast<size_t>(kind)];
}
std::string_view TypeName(store::FieldType type) {
  return store::kFieldTypeNames[static_cast<size_t>(type)];
}

// ---- CREATE ----

size_t TakeCount(ArgCursor& args, size_t most, size_t words, std::string_view error) {
  const int64_t count = args.IntIn(1, static_cast<int64_t>(most), error);
  if (args.ok() && args.remaining() < static_cast<size_t>(count) * words) args.Fail(error);
  return args.ok() ? static_cast<size_t>(count) : 0;
}

void TakeField(ArgCursor& args, IndexDefinition* definition) {
  IndexField field{.name = std::string(args.Next())};
  if (field.name.empty() || field.name.size() > kFieldNameBytesMax ||
      field.name == store::kKeyField)
    return args.Fail(kErrIndexFieldName);
  if (store::FindField(*definition, field.name)) return args.FailWith(TwiceNamedField(field.name));
  if (args.Token("NUM")) {
    field.type = store::FieldType::kNum;
  } else if (args.Token("TEXT")) {
    field.type = store::FieldType::kText;
  } else if (!args.Token("TAG")) {
    return args.Fail(kErrIndexFieldType);
  }
  definition->fields.push_back(std::move(field));
}

IndexDefinition TakeDefinition(ArgCursor& args) {
  IndexDefinition definition;
  if (!args.Token("ON")) args.Fail(kErrIndexKind);
  if (args.Token("KEYS")) {
    definition.kind = IndexKind::kKeys;
  } else if (args.Token("LABELS")) {
    definition.kind = IndexKind::kLabels;
  } else if (!args.Token("HASH")) {
    args.Fail(kErrIndexKind);
  }
  while (args.HasNext()) {
    if (args.Option("PREFIX") && definition.prefixes.empty()) {
      for (size_t n = TakeCount(args, store::kIndexPrefixesMax, 1, kErrIndexPrefixes); n > 0; n--)
        definition.prefixes.emplace_back(args.Next());
    } else if (args.Option("FIELDS") && definition.fields.empty()) {
      for (size_t n = TakeCount(args, store::kIndexFieldsMax, 2, kErrIndexFields);
           n > 0 && args.ok(); n--)
        TakeField(args, &definition);
    } else if (args.Option("ENTITY") && definition.entity.empty()) {
      definition.entity = args.Next();
      if (definition.kind != IndexKind::kLabels) args.Fail(kErrIndexEntity);
      if (definition.entity.empty() || definition.entity.size() > store::kLabelBytesMax)
        args.Fail(kErrLabelEntity);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (definition.kind == IndexKind::kKeys && !definition.fields.empty())
    args.Fail(kErrIndexKeysFields);
  if (definition.kind != IndexKind::kKeys && definition.fields.empty())
    args.Fail(kErrIndexNoFields);
  return definition;
}

// ---- INFO ----

void ReplyFieldInfo(Context& ctx, const IndexField& field, const store::AnyColumn& column) {
  ctx.reply.Array(4);
  ctx.reply.Bulk(field.name);
  ctx.reply.Bulk(TypeName(field.type));
  std::visit(
      [&](const auto& c) {
        ctx.reply.Uint(c.tree().size());
        ctx.reply.Uint(c.not_indexed());
      },
      column);
}

void ReplyInfo(Context& ctx, std::string_view name, const Index& index) {
  const IndexDefinition& d = index.definition;
  ctx.reply.Array(20);
  ctx.reply.Bulk("name");
  ctx.reply.Bulk(name);
  ctx.reply.Bulk("on");
  ctx.reply.Bulk(KindName(d.kind));
  ctx.reply.Bulk("entity");
  d.entity.empty() ? ctx.reply.Null() : ctx.reply.Bulk(d.entity);
  ctx.reply.Bulk("prefixes");
  ctx.reply.Array(d.prefixes.size());
  for (const std::string& prefix : d.prefixes) ctx.reply.Bulk(prefix);
  ctx.reply.Bulk("fields");
  ctx.reply.Array(d.fields.size());
  for (size_t i = 0; i < d.fields.size(); i++)
    ReplyFieldInfo(ctx, d.fields[i], index.content->column(i));
  ctx.reply.Bulk("keys");
  ctx.reply.Uint(index.content->size());
  ctx.reply.Bulk("ready");
  ctx.reply.Int(index.ready() ? 1 : 0);
  ctx.reply.Bulk("percent");
  ctx.reply.Int(index.percent());
  ctx.reply.Bulk("state");
  ctx.reply.Bulk(index.ready()   ? std::string_view("ready")
                 : index.stopped ? kIndexStopped
                                 : std::string_view("being built"));
  ctx.reply.Bulk("rev");
  ctx.reply.Uint(index.created);
}

// ---- PURGE ----

// A call that goes on behind this entry, with the count so far.
void GoOn(Context& ctx, const QueryCall& call, uint64_t deleted) {
  std::vector<std::string>& rest = ctx.verdict.rest;
  rest.assign(ctx.args.begin(), ctx.args.end());
  if (call.deleted > 0) rest.resize(rest.size() - 2);
  rest.emplace_back("DELETED");
  rest.emplace_back(Decimal(deleted).view());
}

// False, with the reply, if a lock guards one of them.
bool GuardsAllowAll(Context& ctx, const std::vector<std::string>& keys) {
  for (const std::string& key : keys)
    if (!GuardOfKeyAllows(ctx, key)) return false;
  return true;
}

void DeleteAll(Context& ctx, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    store::Mutation m = ctx.Writable().Modify(ctx.db, key);
    if (!m.exists()) continue;
    m.Delete();
    m.Commit(kEventDel);
  }
}

}  // namespace

void CmdIndexCreate(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const std::string_view name = args.Next();
  if (name.empty() || name.size() > store::kIndexNameBytesMax) args.Fail(kErrIndexName);
  IndexDefinition definition = TakeDefinition(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  const store::IndexTable& indexes = IndexesOf(ctx.store);
  if (const Index* there = indexes.Find(ctx.db, name)) {
    if (there->definition != definition) return ctx.reply.Error(IndexDiffers(name));
    return ctx.reply.Int(0);
  }
  if (indexes.CountOf(ctx.db) >= store::kIndexesMax) return ctx.reply.Error(kErrIndexesMax);
  const uint64_t at_once = std::min(ctx.store.Size(ctx.db), store::IndexTable::kSliceKeys);
  constexpr uint64_t kValueNs = 500;
  const uint64_t values = at_once * (1 + definition.fields.size());
  if (!ctx.Spend(8 * values, kValueNs * values)) return;
  IndexesOf(ctx.Writable()).Create(ctx.db, name, std::move(definition));
  ctx.reply.Int(1);
}

void CmdIndexDrop(Context& ctx) {
  const bool there = IndexesOf(ctx.store).Find(ctx.db, ctx.args[2]) != nullptr;
  if (there) IndexesOf(ctx.Writable()).Drop(ctx.db, ctx.args[2]);
  ctx.reply.Int(there ? 1 : 0);
}

void CmdIndexList(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const ListPage page = TakeListPage(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  std::vector<std::pair<std::string_view, const Index*>> rows;
  IndexesOf(ctx.store).ForEach(ctx.db, [&](std::string_view name, const Index& index) {
    if (page.Behind(name) && rows.size() < page.limit) rows.emplace_back(name, &index);
  });
  ctx.reply.Array(rows.size());
  for (const auto& [name, index] : rows) {
    ctx.reply.Array(4);
    ctx.reply.Bulk(name);
    ctx.reply.Bulk(KindName(index->definition.kind));
    ctx.reply.Uint(index->content->size());
    ctx.reply.Int(index->percent());
  }
}

void CmdIndexInfo(Context& ctx) {
  const Index* index = IndexesOf(ctx.store).Find(ctx.db, ctx.args[2]);
  index == nullptr ? ctx.reply.Null() : ReplyInfo(ctx, ctx.args[2], *index);
}

void CmdIndexPurge(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const QueryCall call = ParseQueryCall(args, QueryForm::kPurge);
  if (!args.ok()) return ctx.reply.Error(args.error());
  const Index* index = AskedIndex(ctx, call.index);
  if (index == nullptr) return;
  const auto where = BindWhere(ctx, call, index->definition);
  if (!where) return;
  const uint64_t limit = call.limit.value_or(UINT64_MAX);
  const uint64_t left = limit - std::min(limit, call.deleted);
  const store::PageRequest request{.where = *where,
                                   .limit = std::min(left, kPurgedPerEntry),
                                   .keep_living = KeepLivingFor(ctx),
                                   .deadlines = HasDeadlines(ctx)};
  const auto page = FindPage(ctx, *index, request);
  if (!page) return;
  const bool more = page->next && left > page->rows.size();
  if (more && ctx.depth > 0) return ctx.reply.Error(kErrPurgeInside);
  constexpr uint64_t kDeleteNs = 500;
  if (!ctx.SpendEach(page->rows.size(), kDeleteNs)) return;
  std::vector<std::string> keys;
  for (const store::IndexedKey* row : page->rows) keys.emplace_back(row->name());
  if (!GuardsAllowAll(ctx, keys)) return;
  DeleteAll(ctx, keys);
  const uint64_t deleted = call.deleted + keys.size();
  more ? GoOn(ctx, call, deleted) : ctx.reply.Uint(deleted);
}

void CmdIndexHelp(Context& ctx) { ReplyHelp(ctx, "INDEX", kIndexHelp); }

std::span<const CommandSpec> IndexCommands() { return kIndexRows; }

}  // namespace clustron::commands
