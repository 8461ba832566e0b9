// Fields of a hash by chance and in steps: HRANDFIELD and HSCAN.
#include <algorithm>
#include <set>
#include <vector>

#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/generic/scan_args.h"
#include "commands/hash/hash_lookups.h"
#include "store/types/hash/hash_value.h"

namespace clustron::commands {

using store::FieldValue;
using store::HashValue;
using store::KeyRecord;
using store::Type;

namespace {

// With repeats there is no natural bound to what a client may ask for.
constexpr int64_t kRepeatsMax = 10'000'000;

struct Wish {
  int64_t count = 1;
  bool with_count = false;
  bool with_values = false;
};

Wish ParseWish(ArgCursor& args) {
  Wish wish;
  if (!args.HasNext()) return wish;
  wish.with_count = true;
  wish.count = args.Int();
  if (wish.count == INT64_MIN) args.Fail(kErrBeyondInt64);
  if (args.HasNext()) {
    wish.with_values = args.Token("WITHVALUES");
    if (!wish.with_values) args.Fail(kErrSyntax);
    args.ExpectEnd();
  }
  // COMPAT: the reply's length must fit, however many fields there are.
  if (args.ok() && wish.with_values && wish.count > INT64_MAX / 2) args.Fail(kErrOutOfRange);
  return wish;
}

// Which of many positions were picked: by name while they are few, else a bit for each.
class Picked {
 public:
  Picked(size_t size, size_t count) {
    constexpr size_t kFew = 1000;
    if (count > kFew) bits_.resize(size);
  }
  // True if it was not picked yet.
  bool Add(size_t at) {
    if (bits_.empty()) return few_.insert(at).second;
    if (bits_[at]) return false;
    bits_[at] = true;
    return true;
  }

 private:
  std::set<size_t> few_;
  std::vector<bool> bits_;
};

// Calls f for `count` different positions below `size`: Floyd's sampling (Bentley, Floyd 1987).
template <typename F>
void Sample(Rng& rng, size_t size, size_t count, F&& f) {
  Picked picked(size, count);
  for (size_t top = size - count; top < size; top++) {
    size_t at = rng.Below(top + 1);
    if (!picked.Add(at)) {
      at = top;
      picked.Add(at);
    }
    f(at);
  }
}

void ReplyField(Context& ctx, const Wish& wish, FieldValue fv) {
  if (wish.with_values && ctx.reply.resp3()) ctx.reply.Array(2);
  ctx.reply.Bulk(fv.field);
  if (wish.with_values) ctx.reply.Bulk(fv.value);
}

void BeginFields(Context& ctx, const Wish& wish, size_t count) {
  ctx.reply.Array(wish.with_values && !ctx.reply.resp3() ? count * 2 : count);
}

}  // namespace

// For a field anywhere in a large hash, with its reply.
constexpr uint64_t kPickNs = 600;

void CmdHrandfield(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const Wish wish = ParseWish(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  if (!CheckType(ctx, record, Type::kHash)) return;
  if (record == nullptr) return wish.with_count ? ctx.reply.Array(0) : ctx.reply.Null();
  const HashValue& hash = HashOf(*record);
  const size_t size = hash.size();
  if (!wish.with_count) return ctx.reply.Bulk(hash.At(ctx.rng().Below(size)).field);
  if (wish.count < -kRepeatsMax) return ctx.reply.Error(kErrOutOfRange);
  if (wish.count < 0) {
    const auto repeats = static_cast<size_t>(-wish.count);
    if (!ctx.SpendEach(repeats, kPickNs) || !SpendLookups(ctx, hash, repeats)) return;
    BeginFields(ctx, wish, repeats);
    for (size_t i = 0; i < repeats && !ctx.over_budget(); i++) {
      ReplyField(ctx, wish, hash.At(ctx.rng().Below(size)));
    }
    return;
  }
  const size_t count = std::min(size, static_cast<size_t>(wish.count));
  if (!ctx.SpendEach(count, kPickNs) || !SpendLookups(ctx, hash, count == size ? 1 : count)) return;
  BeginFields(ctx, wish, count);
  if (count == size) return hash.ForEach([&](FieldValue fv) { ReplyField(ctx, wish, fv); });
  Sample(ctx.rng(), size, count, [&](size_t at) { ReplyField(ctx, wish, hash.At(at)); });
}

void CmdHscan(Context& ctx) {
  // COMPAT: a bad cursor comes before a missing key or a wrong type, and those before options.
  if (!ParseScanCursor(ctx.args[2])) return ctx.reply.Error(kErrCursor);
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  if (!CheckType(ctx, record, Type::kHash)) return;
  ArgCursor args(ctx.args, 2);
  const ScanOptions options = TakeScanOptions(args, /*with_type=*/false);
  if (record != nullptr && !args.ok()) return ctx.reply.Error(args.error());
  const uint64_t place = ctx.reply.Deferred();
  size_t found = 0;
  uint64_t next = 0;
  if (record != nullptr) {
    const HashValue& hash = HashOf(*record);
    const auto count = static_cast<uint64_t>(options.count);
    const uint64_t visited = hash.packed() ? hash.size() : std::min<uint64_t>(hash.size(), count);
    constexpr uint64_t kPackedNs = 60;
    constexpr uint64_t kNs = 300;
    if (!ctx.SpendEach(visited, hash.packed() ? kPackedNs : kNs)) return;
    next = hash.Scan(options.cursor, static_cast<size_t>(options.count), [&](FieldValue fv) {
      if (ctx.over_budget()) return;
      if (options.has_pattern && !SpendGlob(ctx, options.pattern, fv.field)) return;
      if (!options.Matches(fv.field)) return;
      ctx.reply.Bulk(fv.field);
      ctx.reply.Bulk(fv.value);
      found += 2;
    });
  }
  PutScanHeader(ctx, place, next, found);
}

}  // namespace clustron::commands
