// WATCHKEY: reads with their revision, the history of changes, and watches on the caller's own
// connection. The channels of watches are SUBSCRIBE's.
#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/connection_args.h"
#include "commands/core/help.h"
#include "commands/core/list_page.h"
#include "commands/core/ports.h"
#include "commands/core/registry.h"
#include "commands/core/watches_port.h"
#include "commands/watch/errors.h"
#include "commands/watch/rows.h"
#include "commands/watch/watchkey.spec.h"
#include "store/index/value_range.h"
#include "store/keyspace/value_type.h"
#include "store/tables/index_table.h"

namespace clustron::commands {

using store::KeyRecord;

namespace {

constexpr size_t kVisitedMax = 100'000;
constexpr int64_t kRowsMax = 100'000;
constexpr uint64_t kVisitedAtOnce = 64;  // keys of an index
constexpr int64_t kSinceLimit = 1000;
// Each is a search of its own, and may find a megabyte.
constexpr size_t kFromMax = 64;
constexpr int64_t kBlockMaxMs = 30LL * 24 * 3600 * 1000;
// A search that can't be begun is given up then.
constexpr int64_t kBeginMs = 2000;

constexpr HelpLine kWatchkeyHelp[] = {
    {"GET <key> [TYPES]",
     "The key and its revision: [rev, [[key, value, mod-rev, ttl, lease]]]; TYPES: and its type."},
    {"GET PREFIX <prefix> [LIMIT <n>] [AFTER <key>] [TYPES]",
     "The same of all keys with a prefix."},
    {"SINCE <rev> KEY <key> | PREFIX <prefix> [LIMIT <n>] [PREV]",
     "Changes behind a revision: [up-to-rev, [[rev, event ...] ...]]."},
    {"WAIT <rev> KEY <key> | PREFIX <prefix> BLOCK <ms> [LIMIT <n>] [PREV]",
     "The same; waits if there is none."},
    {"<key> [<key> ...] [PREFIX] [SNAPSHOT] [FROM <rev>] [NOVALUE] [PREV]",
     "Tells this connection of changes. UNWATCHKEY [<key> ...] ends it."},
    {"KEY <key> [<option> ...]", "The same of a key called GET, SINCE, HELP ..."},
    {"REV", "The newest revision, and the oldest that SINCE takes."},
    {"LIST [AFTER <db> KEY|PREFIX <name> <client-id>] [LIMIT <n>]",
     "The watchers of this node, behind this row."},
};

// ---- GET ----

struct GetCall {
  bool prefix = false;
  std::string_view name;
  size_t limit = SIZE_MAX;
  std::optional<std::string_view> after;
  bool types = false;
};

GetCall ParseGet(ArgCursor& args) {
  GetCall call;
  // A key may be called PREFIX.
  call.prefix = args.remaining() > 1 && args.Token("PREFIX");
  call.name = args.Next();
  while (args.HasNext()) {
    if (args.Token("TYPES")) {
      call.types = true;
    } else if (!call.prefix) {
      args.Fail(kErrWatchAfter);
    } else if (args.Option("LIMIT")) {
      call.limit = static_cast<size_t>(args.IntIn(1, kRowsMax, kErrWatchLimit));
    } else if (args.Option("AFTER")) {
      call.after = args.Next();
    } else {
      args.Fail(kErrSyntax);
    }
  }
  return call;
}

// What the reply takes, before it is written. False: more than the item has left.
bool SpendRow(Context& ctx, const KeyRecord& record) {
  constexpr uint64_t kNs = 50;
  const store::ValueType& type = ValueTypeOf(record);
  const uint64_t bytes = type.stored_bytes(record);
  return ctx.SpendMade(bytes) && ctx.SpendEach(type.bytes ? 1 : type.count(record), kNs) &&
         ctx.HasReplyRoom(bytes + record.key().size() + 6 * kBulkFrameBytes);
}

void ReplyRows(Context& ctx, const std::vector<const KeyRecord*>& records, bool types) {
  const RowClocks clocks{ctx.caller.live_elapsed_ms, ctx.caller.live_wall_ms};
  // Within an item that has changed something its revision is not complete yet.
  const bool midway = ctx.in_entry() && ctx.store.ItemRevision() != 0;
  ctx.reply.Array(2);
  ctx.reply.Uint(midway ? ctx.store.ItemRevision() - 1 : ctx.store.revision());
  ctx.reply.Array(records.size());
  for (const KeyRecord* record : records) {
    if (!SpendRow(ctx, *record)) return;
    ReplyRow(ctx.reply, ctx.store, ctx.db, *record, clocks, types);
  }
}

// In the order of their names; the first ones, if there is a limit.
std::vector<const KeyRecord*> FindRows(const Context& ctx, const GetCall& call) {
  std::vector<const KeyRecord*> found;
  ctx.store.Scan(ctx.db, 0, SIZE_MAX, [&](const KeyRecord& record) {
    if (!record.key().starts_with(call.name)) return;
    if (call.after && record.key() <= *call.after) return;
    found.push_back(&record);
  });
  const auto by_name = [](const KeyRecord* a, const KeyRecord* b) { return a->key() < b->key(); };
  if (call.limit < found.size()) {
    std::nth_element(found.begin(), found.begin() + static_cast<ptrdiff_t>(call.limit), found.end(),
                     by_name);
    found.resize(call.limit);
  }
  std::sort(found.begin(), found.end(), by_name);
  return found;
}

// The same by an index of names; one more than rows there may be at most.
std::vector<const KeyRecord*> FindByIndex(const Context& ctx, const store::Index& index,
                                          const GetCall& call) {
  const store::NameTree& names = index.content->names();
  const auto range = store::BytesRange::OfPrefix(call.name);
  auto place = names.Seek([&](const store::IndexedKey* key, uint32_t) {
    return range.Before(key->name()) || (call.after && key->name() <= *call.after);
  });
  const auto end =
      names.Seek([&](const store::IndexedKey* key, uint32_t) { return range.UpTo(key->name()); });
  std::vector<const KeyRecord*> found;
  // Keys that are past their time and not removed yet are no rows.
  const uint64_t most = std::min<uint64_t>(call.limit, kRowsMax + 1);
  while (found.size() < most && place.rank < end.rank) {
    const uint64_t wanted = std::max<uint64_t>(most - found.size(), kVisitedAtOnce);
    std::string_view last;
    names.ForEach(place, std::min(end.rank - place.rank, wanted),
                  [&](const store::IndexedKey* key, uint32_t) {
                    last = key->name();
                    const KeyRecord* record =
                        found.size() < most ? ctx.store.Find(ctx.db, last) : nullptr;
                    if (record != nullptr) found.push_back(record);
                  });
    place = names.Seek([&](const store::IndexedKey* key, uint32_t) { return key->name() <= last; });
  }
  return found;
}

void GetPrefix(Context& ctx, const GetCall& call) {
  if (const store::Index* names = IndexesOf(ctx.store).OfNames(ctx.db, call.name)) {
    const std::vector<const KeyRecord*> found = FindByIndex(ctx, *names, call);
    if (found.size() > kRowsMax) return ctx.reply.Error(kErrWatchPrefixRows);
    return ReplyRows(ctx, found, call.types);
  }
  if (ctx.store.Size(ctx.db) > kVisitedMax) return ctx.reply.Error(kErrWatchPrefixDatabase);
  ReplyRows(ctx, FindRows(ctx, call), call.types);
}

// ---- SINCE and WAIT ----

std::optional<WatchTarget> TakeTarget(ArgCursor& args, int db) {
  const bool prefix = args.Option("PREFIX");
  if (!prefix && !args.Option("KEY")) {
    args.Fail(kErrWatchTarget);
    return std::nullopt;
  }
  return WatchTarget{db, prefix, std::string(args.Next())};
}

void Search(Context& ctx, bool waits) {
  ArgCursor args(ctx.args, 2);
  SinceCall call{.target = {}, .waits = waits};
  call.revision = args.Unsigned(kErrWatchRevision);
  if (std::optional<WatchTarget> target = TakeTarget(args, ctx.db))
    call.target = *std::move(target);
  std::optional<int64_t> block_ms;
  call.limit = kSinceLimit;
  while (args.HasNext()) {
    if (args.Option("LIMIT")) {
      call.limit = static_cast<size_t>(args.IntIn(1, kRowsMax, kErrWatchLimit));
    } else if (waits && args.Option("BLOCK")) {
      block_ms = args.IntIn(0, kBlockMaxMs, kErrWatchBlock);
    } else if (args.Token("PREV")) {
      call.previous = true;
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (waits && !block_ms) args.Fail(kErrSyntax);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (ctx.depth > 0 || ctx.in_entry()) return ctx.reply.Error(kErrWatchNowhere);
  if (!HasClient(ctx)) return;
  std::unique_ptr<LateReply> late =
      ctx.server->watches().Since(std::move(call), *ctx.caller.client);
  if (late->Poll(false, ctx.reply)) return;
  AnswerLater(ctx, std::move(late), waits ? *block_ms : kBeginMs);
}

// ---- LIST ----

WatcherPage TakeWatcherPage(ArgCursor& args) {
  WatcherPage page{.limit = kListDefault};
  while (args.HasNext()) {
    if (args.Option("AFTER", 4)) {
      WatcherPage::Row& row = page.after.emplace();
      row.target.db = static_cast<int>(args.IntIn(0, store::kDatabases - 1, kErrWatchListAfter));
      row.target.prefix = args.Token("PREFIX");
      if (!row.target.prefix && !args.Token("KEY")) args.Fail(kErrWatchListAfter);
      row.target.name = args.Next();
      row.client = args.Unsigned(kErrWatchListAfter);
    } else if (args.Token("AFTER")) {
      args.Fail(kErrWatchListAfter);
    } else if (args.Option("LIMIT")) {
      page.limit = TakeListLimit(args);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  return page;
}

// ---- the plain form ----

// How many of the arguments from `first` on are keys: options stand behind them.
size_t CountKeys(Args args, size_t first, size_t most) {
  size_t end = args.size();
  for (;;) {
    if (end <= first + 1) break;
    const std::string_view last = args[end - 1];
    if (IsWord(last, "PREFIX") || IsWord(last, "SNAPSHOT") || IsWord(last, "NOVALUE") ||
        IsWord(last, "PREV")) {
      --end;
    } else if (end > first + 2 && IsWord(args[end - 2], "FROM")) {
      end -= 2;
    } else {
      break;
    }
  }
  return std::min(end - first, most);
}

void Watch(Context& ctx, size_t first, size_t most) {
  const size_t keys = CountKeys(ctx.args, first, most);
  ArgCursor args(ctx.args, first + keys);
  PlainWatch call;
  bool prefix = false;
  while (args.HasNext()) {
    if (args.Token("PREFIX")) {
      prefix = true;
    } else if (args.Token("SNAPSHOT")) {
      call.snapshot = true;
    } else if (args.Token("NOVALUE")) {
      call.values = false;
    } else if (args.Token("PREV")) {
      call.previous = true;
    } else if (args.Option("FROM")) {
      call.from = true;
      call.revision = args.Unsigned(kErrWatchRevision);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  // Each prefix of a snapshot looks at all keys.
  if (call.snapshot && prefix && ctx.store.Size(ctx.db) * keys > kVisitedMax)
    args.Fail(kErrWatchPrefixDatabase);
  if (call.from && keys > kFromMax) args.Fail(kErrWatchFrom);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (ctx.depth > 0 || ctx.in_entry()) return ctx.reply.Error(kErrWatchNowhere);
  if (!HasClient(ctx)) return;
  std::set<std::string_view> seen;
  for (std::string_view key : ctx.args.subspan(first, keys))
    if (seen.insert(key).second) call.targets.push_back({ctx.db, prefix, std::string(key)});
  std::unique_ptr<LateReply> late =
      ctx.server->watches().Watch(std::move(call), *ctx.caller.client);
  if (late->Poll(false, ctx.reply)) return;
  AnswerLater(ctx, std::move(late), kBeginMs);
}

}  // namespace

bool WatchkeyKeys(Args args, std::vector<KeyRef>* out) {
  // "WATCHKEY KEY name": the one behind it.
  const bool named = args.size() > 2 && IsWord(args[1], "KEY");
  const size_t first = named ? 2 : 1;
  const size_t keys = CountKeys(args, first, named ? 1 : SIZE_MAX);
  for (size_t i = 0; i < keys; ++i)
    out->push_back({static_cast<int>(first + i), KeySpec::kRo | KeySpec::kAccess});
  return true;
}

bool WatchkeyGetKeys(Args args, std::vector<KeyRef>* out) {
  if (args.size() == 3 || (args.size() > 3 && !IsWord(args[2], "PREFIX")))
    out->push_back({2, KeySpec::kRo | KeySpec::kAccess});
  return true;
}

bool WatchkeySinceKeys(Args args, std::vector<KeyRef>* out) {
  if (args.size() > 4 && IsWord(args[3], "KEY"))
    out->push_back({4, KeySpec::kRo | KeySpec::kAccess});
  return true;
}

void CmdWatchkey(Context& ctx) { Watch(ctx, 1, SIZE_MAX); }
void CmdWatchkeyKey(Context& ctx) { Watch(ctx, 2, 1); }

void CmdUnwatchkey(Context& ctx) {
  if (!HasClient(ctx)) return;
  WatchesPort& watches = ctx.server->watches();
  ClientPort& client = *ctx.caller.client;
  std::vector<std::pair<int, std::string>> names;
  for (std::string_view key : ctx.args.subspan(1)) names.emplace_back(ctx.db, key);
  if (names.empty()) {
    for (const WatchTarget& target : watches.WatchesOf(client))
      if (names.empty() || names.back() != std::pair(target.db, target.name))
        names.emplace_back(target.db, target.name);
    if (names.empty()) {
      ctx.reply.Push(3);
      ctx.reply.Bulk("unwatchkey");
      ctx.reply.Null();
      ctx.reply.Int(0);
    }
  }
  for (const auto& [db, name] : names) {
    const size_t left = watches.Unwatch(client, db, name);
    ctx.reply.Push(3);
    ctx.reply.Bulk("unwatchkey");
    ctx.reply.Bulk(name);
    ctx.reply.Uint(left);
  }
}

void CmdWatchkeyGet(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const GetCall call = ParseGet(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (!call.prefix) {
    const KeyRecord* record = ctx.store.Find(ctx.db, call.name);
    std::vector<const KeyRecord*> found;
    if (record != nullptr) found.push_back(record);
    return ReplyRows(ctx, found, call.types);
  }
  GetPrefix(ctx, call);
}

void CmdWatchkeySince(Context& ctx) { Search(ctx, false); }
void CmdWatchkeyWait(Context& ctx) { Search(ctx, true); }

void CmdWatchkeyRev(Context& ctx) {
  if (!HasServer(ctx)) return;
  ctx.server->watches().Begin(false);
  ctx.reply.Array(2);
  ctx.reply.Uint(ctx.store.revision());
  if (const std::optional<uint64_t> oldest = ctx.server->watches().OldestRevision())
    ctx.reply.Uint(*oldest);
  else
    ctx.reply.Null();
}

void CmdWatchkeyList(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const WatcherPage page = TakeWatcherPage(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (!HasServer(ctx)) return;
  const std::vector<WatcherRow> rows = ctx.server->watches().List(page);
  ctx.reply.Array(rows.size());
  for (const WatcherRow& row : rows) {
    ctx.reply.Array(7);
    ctx.reply.Bulk(row.form);
    ctx.reply.Int(row.target.db);
    ctx.reply.Bulk(row.target.prefix ? "prefix" : "key");
    ctx.reply.Bulk(row.target.name);
    ctx.reply.Uint(row.client);
    ctx.reply.Uint(row.told);
    ctx.reply.Bulk(row.slow ? "slow" : "ok");
  }
}

void CmdWatchkeyHelp(Context& ctx) { ReplyHelp(ctx, "WATCHKEY", kWatchkeyHelp); }

std::span<const CommandSpec> WatchkeyCommands() { return kWatchkeyRows; }

}  // namespace clustron::commands
