#include "commands/generic/flush_prefix.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/error_text.h"
#include "commands/generic/errors.h"
#include "commands/generic/key.spec.h"
#include "store/index/value_range.h"
#include "store/tables/index_table.h"

namespace clustron::commands {

using store::KeyRecord;
using store::Mutation;

namespace {

// In one entry: keys that are deleted, and keys of the database, all of which are looked at, unless
// there is an index of names.
constexpr size_t kDeletedMax = 65'536;
constexpr size_t kVisitedMax = 100'000;
// Of a database with more, SLICED looks at so many an entry.
constexpr size_t kSliceKeys = 4096;
constexpr uint64_t kCursorEnd = uint64_t{1} << 48;  // the store's cursors are below

struct PrefixCall {
  std::string_view prefix;
  bool sliced = false;
  // Of a call that goes on: where, and how many keys are gone already. The server puts them behind
  // SLICED.
  uint64_t cursor = 0;
  uint64_t deleted = 0;
};

PrefixCall ParsePrefixCall(ArgCursor& args) {
  PrefixCall call;
  args.Skip(1);
  call.prefix = args.Next();
  if (call.prefix.empty()) args.Fail(kErrEmptyPrefix);
  call.sliced = args.Token("SLICED");
  if (call.sliced && args.remaining() == 2) {
    call.cursor = args.Unsigned(kErrCursor);
    call.deleted = args.Unsigned();
    if (call.cursor >= kCursorEnd) args.Fail(kErrCursor);
  }
  args.ExpectEnd();
  return call;
}

constexpr uint64_t kDeleteNs = 500;

// Entries keep their places while others are deleted.
using Found = std::vector<const KeyRecord*>;

// The keys with the prefix among the next `count` ones, in hash order, which is the same on every
// node; one more than `most` at most. *cursor moves on.
Found FindKeys(Context& ctx, std::string_view prefix, size_t count, size_t most, uint64_t* cursor) {
  Found found;
  *cursor = ctx.store.Scan(ctx.db, *cursor, count, [&](const KeyRecord& record) {
    if (found.size() > most || !record.key().starts_with(prefix)) return;
    found.push_back(&record);
  });
  return found;
}

void DeleteAll(Context& ctx, const Found& found) {
  std::string key;  // the entry's own goes with it
  for (const KeyRecord* record : found) {
    key = record->key();
    Mutation m = ctx.Writable().Modify(ctx.db, key);
    m.Delete();
    m.Commit(kEventDel, store::Reason::kFlush);
  }
}

// The same by an index of names, in their order.
Found FindNames(Context& ctx, const store::Index& index, std::string_view prefix, size_t most) {
  const store::NameTree& names = index.content->names();
  const auto range = store::BytesRange::OfPrefix(prefix);
  const auto from =
      names.Seek([&](const store::IndexedKey* key, uint32_t) { return range.Before(key->name()); });
  const auto end =
      names.Seek([&](const store::IndexedKey* key, uint32_t) { return range.UpTo(key->name()); });
  constexpr uint64_t kChunk = 1024;
  Found found;
  for (uint64_t at = from.rank; at < end.rank && found.size() <= most; at += kChunk) {
    const uint64_t count = std::min(kChunk, end.rank - at);
    if (!ctx.Spend(count)) break;
    names.ForEach(names.At(at), count, [&](const store::IndexedKey* key, uint32_t) {
      const KeyRecord* record = ctx.store.Find(ctx.db, key->name());
      if (record != nullptr) found.push_back(record);
    });
  }
  return found;
}

void FlushAtOnce(Context& ctx, std::string_view prefix) {
  const store::Index* names = IndexesOf(ctx.store).OfNames(ctx.db, prefix);
  if (names == nullptr && ctx.store.Size(ctx.db) > kVisitedMax)
    return ctx.reply.Error(kErrPrefixDatabase);
  uint64_t cursor = 0;
  const Found found = names == nullptr ? FindKeys(ctx, prefix, SIZE_MAX, kDeletedMax, &cursor)
                                       : FindNames(ctx, *names, prefix, kDeletedMax);
  if (found.size() > kDeletedMax) return ctx.reply.Error(kErrPrefixKeys);
  if (!ctx.SpendEach(found.size(), kDeleteNs)) return;
  DeleteAll(ctx, found);
  ctx.reply.Uint(found.size());
}

void FlushSlice(Context& ctx, const PrefixCall& call) {
  if (ctx.depth > 0) return ctx.reply.Error(kErrSlicedInside);
  uint64_t cursor = call.cursor;
  const Found found = FindKeys(ctx, call.prefix, kSliceKeys, kSliceKeys, &cursor);
  if (!ctx.SpendEach(found.size(), kDeleteNs)) return;
  DeleteAll(ctx, found);
  const uint64_t deleted = call.deleted + found.size();
  if (cursor == 0) return ctx.reply.Uint(deleted);
  ctx.verdict.rest.assign(ctx.args.begin(), ctx.args.begin() + 4);
  ctx.verdict.rest.emplace_back(Decimal(cursor).view());
  ctx.verdict.rest.emplace_back(Decimal(deleted).view());
}

}  // namespace

bool FlushesPrefix(Args args) { return args.size() >= 2 && IsWord(args[1], "PREFIX"); }

std::optional<std::string_view> FlushedPrefix(Args args) {
  if (!FlushesPrefix(args) || args.size() < 3 || args[2].empty()) return std::nullopt;
  return args[2];
}

uint16_t FlushdbVersion(Args args) { return FlushesPrefix(args) ? 5 : 1; }

void FlushPrefix(Context& ctx) {
  ArgCursor args(ctx.args);
  const PrefixCall call = ParsePrefixCall(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (call.sliced) return FlushSlice(ctx, call);
  FlushAtOnce(ctx, call.prefix);
}

}  // namespace clustron::commands
