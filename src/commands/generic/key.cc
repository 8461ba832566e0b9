// Keys of any type: delete, rename, copy, move, count; whole databases.
#include <string>

#include "base/numeric.h"
#include "base/planted_bugs.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/db_index.h"
#include "commands/core/registry.h"
#include "commands/generic/compare.h"
#include "commands/generic/errors.h"
#include "commands/generic/flush_prefix.h"
#include "commands/generic/key.spec.h"
#include "store/keyspace/value_type.h"
#include "store/tables/index_table.h"
#include "store/tables/label_table.h"
#include "store/tables/lease_table.h"

namespace clustron::commands {

using store::KeyRecord;
using store::Mutation;

namespace {

// What a new table takes; the keys of the old one are freed elsewhere.
constexpr uint64_t kFlushUnits = 1000;

size_t CountLive(Context& ctx) {
  size_t count = 0;
  for (std::string_view key : ctx.args.subspan(1)) count += Read(ctx, key) != nullptr;
  return count;
}

bool DeleteKey(Context& ctx, std::string_view key) {
  Mutation m = Modify(ctx, key);
  if (!m.exists()) return false;
  m.Delete();
  m.Commit(kEventDel);
  return true;
}

// Each key's labels are taken out one by one.
bool SpendLabels(Context& ctx) {
  constexpr uint64_t kNs = 500;
  return ctx.SpendEach(3 * LabelsOf(ctx.store).labelled_keys(), kNs);
}

// FLUSHDB's and FLUSHALL's only argument. Both words mean the same here: values are always freed
// in slices, behind the reply.
bool CheckFlushMode(Context& ctx) {
  ArgCursor args(ctx.args);
  if (args.HasNext() && !args.Token("SYNC") && !args.Token("ASYNC")) args.Fail(kErrSyntax);
  args.ExpectEnd();
  if (!args.ok()) ctx.reply.Error(args.error());
  return args.ok();
}

// A copy shares what it can, but each of the two may be changed, or loaded from a snapshot.
bool SpendCopy(Context& ctx, const KeyRecord& source) {
  const uint64_t bytes = ValueTypeOf(source).stored_bytes(source);
  const bool in_pieces = source.form() == store::Form::kBig && ValueTypeOf(source).bytes;
  constexpr uint64_t kShort = 65'536;
  const uint64_t ns = bytes <= kShort ? bytes / 2 : kShort / 2 + bytes / 5;
  return ctx.Spend(bytes / 2, in_pieces ? bytes / 1024 : ns);
}

enum class Renamed : uint8_t { kYes, kSourceMissing, kTargetExists };

Renamed Rename(Context& ctx, bool replace) {
  const std::string_view from = ctx.args[1];
  const std::string_view to = ctx.args[2];
  if (ctx.store.Find(ctx.db, from, KeyHash(ctx, from)) == nullptr) return Renamed::kSourceMissing;
  // COMPAT: a key renamed to itself stays; RENAMENX finds its target there.
  if (from == to) return replace ? Renamed::kYes : Renamed::kTargetExists;
  if (!replace && ctx.store.Find(ctx.db, to) != nullptr) return Renamed::kTargetExists;
  ctx.Writable().Rename(ctx.db, from, to);
  return Renamed::kYes;
}

// One of SWAPDB's two databases. COMPAT: each has a complaint of its own.
int TakeSwappedDb(ArgCursor& args, const store::Store& store, std::string_view error) {
  const std::string_view text = args.Next();
  const std::optional<int64_t> number = ParseInt64(text);
  const bool named = !number && store::HasDatabaseNames(store.settings());
  if (number ? *number < INT32_MIN || *number > INT32_MAX : !named) args.Fail(error);
  const std::optional<int> db = FindDb(store, text);
  if (named && !db) args.FailWith(NoSuchDatabase(text));
  return db.value_or(-1);
}

}  // namespace

void CmdDel(Context& ctx) {
  int64_t deleted = 0;
  for (std::string_view key : ctx.args.subspan(1)) deleted += DeleteKey(ctx, key);
  ctx.reply.Int(deleted);
}

void CmdUnlink(Context& ctx) { CmdDel(ctx); }

void CmdDelex(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  Compare compare;
  if (args.HasNext() && !TakeCompare(args, &compare, /*with_existence=*/false)) {
    args.Fail(kErrSyntax);
  }
  args.ExpectEnd();
  if (!args.ok()) return ctx.reply.Error(args.error());
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!m.exists()) return ctx.reply.Int(0);
  if (compare.needs_string() && !CheckType(ctx, m.record(), store::Type::kString)) return;
  if (!ctx.SpendRead(compare.bytes_read(m.record()))) return;
  if (!compare.Holds(m.record())) return ctx.reply.Int(0);
  m.Delete();
  m.Commit(kEventDel);
  ctx.reply.Int(1);
}

void CmdExists(Context& ctx) { ctx.reply.Uint(CountLive(ctx)); }
void CmdTouch(Context& ctx) { ctx.reply.Uint(CountLive(ctx)); }

void CmdType(Context& ctx) {
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  ctx.reply.Simple(record == nullptr ? "none" : TypeName(record->type()));
}

void CmdRename(Context& ctx) {
  if (Rename(ctx, /*replace=*/true) == Renamed::kSourceMissing) {
    return ctx.reply.Error(kErrNoSuchKey);
  }
  ctx.reply.Ok();
}

void CmdRenamenx(Context& ctx) {
  const Renamed done = Rename(ctx, /*replace=*/false);
  if (done == Renamed::kSourceMissing) return ctx.reply.Error(kErrNoSuchKey);
  ctx.reply.Int(done == Renamed::kYes ? 1 : 0);
}

void CmdCopy(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  bool replace = false;
  int to_db = ctx.db;
  while (args.HasNext()) {
    if (args.Token("REPLACE")) {
      replace = true;
    } else if (args.Option("DB")) {
      to_db = TakeDb(args, ctx.store);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  const std::string_view from = ctx.args[1];
  const std::string_view to = ctx.args[2];
  if (args.ok() && to_db == ctx.db && from == to) args.Fail(kErrSameObject);
  if (!args.ok()) return ctx.reply.Error(args.error());
  const KeyRecord* source = ctx.store.Find(ctx.db, from);
  if (source == nullptr) return ctx.reply.Int(0);
  if (!replace && ctx.store.Find(to_db, to) != nullptr) return ctx.reply.Int(0);
  if (!SpendCopy(ctx, *source)) return;
  const store::KeyName name{ctx.db, std::string(from)};
  ctx.Writable().Copy(*source, to_db, to, 0, source->has_labels() ? &name : nullptr);
  ctx.reply.Int(1);
}

// The source stays as it is.
WrittenDbs CopyDbs(Args args, int db, const store::Store& store) {
  std::optional<int> to_db;
  for (size_t i = 3; i + 1 < args.size(); i++)
    if (IsWord(args[i], "DB")) to_db = FindDb(store, args[i + 1]);
  return {1, {to_db.value_or(db)}};
}

void CmdMove(Context& ctx) {
  const std::string_view key = ctx.args[1];
  ArgCursor args(ctx.args, 2);
  const int to_db = TakeDb(args, ctx.store);
  if (args.ok() && to_db == ctx.db) args.Fail(kErrSameObject);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (ctx.store.Find(ctx.db, key) == nullptr || ctx.store.Find(to_db, key) != nullptr) {
    return ctx.reply.Int(0);
  }
  ctx.Writable().Move(ctx.db, key, to_db);
  ctx.reply.Int(1);
}

WrittenDbs MoveDbs(Args args, int db, const store::Store& store) {
  const int to_db = FindDb(store, args[2]).value_or(db);
  return to_db == db ? WrittenDbs{1, {db}} : WrittenDbs{2, {db, to_db}};
}

void CmdSwapdb(Context& ctx) {
  ArgCursor args(ctx.args);
  const int a = TakeSwappedDb(args, ctx.store, kErrSwapFirstDb);
  const int b = TakeSwappedDb(args, ctx.store, kErrSwapSecondDb);
  if (args.ok() && (!IsDbIndex(a) || !IsDbIndex(b))) args.Fail(kErrDbOutOfRange);
  if (!args.ok()) return ctx.reply.Error(args.error());
  // Contents of indexes belong to a database's keys.
  for (const int db : {a, Planted(Bug::kIndexSwapUnseen) ? a : b})
    if (IndexesOf(ctx.store).Has(db)) return ctx.reply.Error(kErrSwapIndexed);
  // Attached and labelled keys change their names, by way of a third.
  constexpr uint64_t kRenameNs = 500;
  if (!ctx.SpendEach(3 * LeasesOf(ctx.store).attached_keys(), kRenameNs)) return;
  if (!SpendLabels(ctx)) return;
  if (a != b) ctx.Writable().SwapDb(a, b);
  ctx.reply.Ok();
}

WrittenDbs SwapDbs(Args args, int, const store::Store& store) {
  WrittenDbs dbs;
  for (std::string_view arg : args.subspan(1))
    if (const std::optional<int> db = FindDb(store, arg)) dbs.db[dbs.count++] = *db;
  return dbs;
}

void CmdRandomkey(Context& ctx) {
  const KeyRecord* record = ctx.store.RandomKey(ctx.db, ctx.rng().Next());
  if (record == nullptr) return ctx.reply.Null();
  ctx.reply.Bulk(record->key());
}

void CmdDbsize(Context& ctx) { ctx.reply.Uint(ctx.store.Size(ctx.db)); }

void CmdFlushdb(Context& ctx) {
  if (FlushesPrefix(ctx.args)) return FlushPrefix(ctx);
  if (!CheckFlushMode(ctx)) return;
  if (!ctx.Spend(kFlushUnits) || !SpendLabels(ctx)) return;
  ctx.Writable().FlushDb(ctx.db);
  ctx.reply.Ok();
}

void CmdFlushall(Context& ctx) {
  if (!CheckFlushMode(ctx)) return;
  if (!ctx.Spend(kFlushUnits * store::kDatabases) || !SpendLabels(ctx)) return;
  ctx.Writable().FlushAll();
  ctx.reply.Ok();
}

std::span<const CommandSpec> KeyCommands() { return kKeyRows; }

}  // namespace clustron::commands
