// Hashes: fields set, read, counted and deleted.
#include <cmath>
#include <optional>
#include <string>

#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/all_or_nothing.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/error_text.h"
#include "commands/core/registry.h"
#include "commands/hash/errors.h"
#include "commands/hash/hash.spec.h"
#include "commands/hash/hash_lookups.h"
#include "store/types/hash/hash_edit.h"
#include "store/types/hash/hash_value.h"

namespace clustron::commands {

using store::EventClass;
using store::FieldValue;
using store::KeyRecord;
using store::Mutation;
using store::Type;

namespace {

constexpr store::Event kEventHset = {EventClass::kHash, "hset"};

// Bytes that are moved within a block, for one unit of work.
constexpr uint64_t kMovedPerUnit = 16;

// A packed hash is walked to the field, and what lies behind it moves.
uint64_t EditUnits(size_t fields, size_t bytes) { return fields + bytes / kMovedPerUnit; }

// Before a field of the hash is changed.
bool SpendEdit(Context& ctx, const store::HashValue& hash) {
  return !hash.packed() || ctx.Spend(EditUnits(hash.size(), hash.StoredBytes()));
}

// Whether changing so many fields may cost more than is left: as if it stayed packed.
bool MayPassBudget(const Context& ctx, const KeyRecord* record, size_t fields) {
  if (ctx.work == nullptr || (record != nullptr && !HashOf(*record).packed())) return false;
  size_t bytes = record == nullptr ? 0 : HashOf(*record).StoredBytes();
  for (std::string_view arg : ctx.args) bytes += arg.size() + sizeof(uint64_t);
  const size_t all = fields + (record == nullptr ? 0 : HashOf(*record).size());
  uint64_t units = 0;
  if (__builtin_mul_overflow(fields, EditUnits(all, bytes), &units)) return true;
  WorkMeter left = *ctx.work;
  return !left.Spend(units);
}

// The hash at args[1] for a reader; null when absent. False: another type, and that was replied.
bool ReadHash(Context& ctx, const store::HashValue** hash) {
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  if (!CheckType(ctx, record, Type::kHash)) return false;
  *hash = record == nullptr ? nullptr : &HashOf(*record);
  return true;
}

// `edit` for each field that the call names, `step` arguments each, from the third argument on, as
// far as the item's budget goes.
template <typename F>
void EditEach(Context& ctx, Mutation& m, size_t step, store::Event event, F&& edit) {
  for (size_t i = 2; i < ctx.args.size(); i += step) {
    if (m.exists() && !SpendEdit(ctx, HashOf(*m.record()))) break;
    edit(m, i);
  }
  m.Commit(event);
}

// Changes all fields that the call names, or none if that costs more than the item's budget has
// left. `edit`: void(Mutation&, size_t). False: none, and whatever was replied stays.
template <typename F>
bool EditFields(Context& ctx, size_t step, store::Event event, F&& edit) {
  {
    Mutation m = Modify(ctx, ctx.args[1]);
    if (!CheckType(ctx, m.record(), Type::kHash)) return false;
    if (!MayPassBudget(ctx, m.record(), (ctx.args.size() - 2) / step)) {
      EditEach(ctx, m, step, event, edit);
      return true;
    }
  }
  AllOrNothing whole(ctx);
  {
    Mutation m = Modify(ctx, ctx.args[1]);
    EditEach(ctx, m, step, event, edit);
  }
  if (!ctx.over_budget()) {
    whole.Keep();
    return true;
  }
  whole.Undo();
  return false;
}

// HSET and HMSET, after their arity was checked. Returns the number of new fields, or -1 if nothing
// is to be replied any more.
int64_t SetFields(Context& ctx) {
  int64_t added = 0;
  const bool done = EditFields(ctx, 2, kEventHset, [&](Mutation& m, size_t i) {
    added += SetHashField(m, ctx.args[i], ctx.args[i + 1]);
  });
  return done ? added : -1;
}

bool CheckFieldPairs(Context& ctx) {
  if (ctx.args.size() % 2 == 0) return true;
  ctx.reply.Error(WrongArity(*ctx.spec));
  return false;
}

enum class Part : uint8_t { kFields, kValues, kBoth };

void ReplyAll(Context& ctx, Part part) {
  const store::HashValue* hash;
  if (!ReadHash(ctx, &hash)) return;
  const size_t size = hash == nullptr ? 0 : hash->size();
  if (part == Part::kBoth) {
    ctx.reply.Map(size);
  } else {
    ctx.reply.Array(size);
  }
  constexpr uint64_t kNs = 35;
  if (hash == nullptr || !ctx.SpendEach(size, part == Part::kBoth ? 2 * kNs : kNs)) return;
  hash->ForEach([&](FieldValue fv) {
    if (part != Part::kValues) ctx.reply.Bulk(fv.field);
    if (part != Part::kFields) ctx.reply.Bulk(fv.value);
  });
}

// The present value of a field of a key that is about to change; nothing if there is none.
std::optional<std::string_view> Present(const Mutation& m, std::string_view field) {
  return m.exists() ? HashOf(*m.record()).Get(field) : std::nullopt;
}

}  // namespace

void CmdHset(Context& ctx) {
  if (!CheckFieldPairs(ctx)) return;
  const int64_t added = SetFields(ctx);
  if (added >= 0) ctx.reply.Int(added);
}

void CmdHmset(Context& ctx) {
  if (!CheckFieldPairs(ctx)) return;
  if (SetFields(ctx) >= 0) ctx.reply.Ok();
}

void CmdHsetnx(Context& ctx) {
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!CheckType(ctx, m.record(), Type::kHash)) return;
  if (m.exists() && !SpendEdit(ctx, HashOf(*m.record()))) return;
  if (Present(m, ctx.args[2])) return ctx.reply.Int(0);
  SetHashField(m, ctx.args[2], ctx.args[3]);
  m.Commit(kEventHset);
  ctx.reply.Int(1);
}

void CmdHget(Context& ctx) {
  const store::HashValue* hash;
  if (!ReadHash(ctx, &hash)) return;
  if (hash != nullptr && !SpendLookups(ctx, *hash, 1)) return;
  const auto value = hash == nullptr ? std::nullopt : hash->Get(ctx.args[2]);
  if (value) {
    ctx.reply.Bulk(*value);
  } else {
    ctx.reply.Null();
  }
}

void CmdHmget(Context& ctx) {
  const store::HashValue* hash;
  if (!ReadHash(ctx, &hash)) return;
  if (hash != nullptr && !SpendLookups(ctx, *hash, ctx.args.size() - 2)) return;
  ctx.reply.Array(ctx.args.size() - 2);
  for (std::string_view field : ctx.args.subspan(2)) {
    const auto value = hash == nullptr ? std::nullopt : hash->Get(field);
    if (value) {
      ctx.reply.Bulk(*value);
    } else {
      ctx.reply.Null();
    }
  }
}

void CmdHgetall(Context& ctx) { ReplyAll(ctx, Part::kBoth); }
void CmdHkeys(Context& ctx) { ReplyAll(ctx, Part::kFields); }
void CmdHvals(Context& ctx) { ReplyAll(ctx, Part::kValues); }

void CmdHlen(Context& ctx) {
  const store::HashValue* hash;
  if (!ReadHash(ctx, &hash)) return;
  ctx.reply.Uint(hash == nullptr ? 0 : hash->size());
}

void CmdHexists(Context& ctx) {
  const store::HashValue* hash;
  if (!ReadHash(ctx, &hash)) return;
  if (hash != nullptr && !SpendLookups(ctx, *hash, 1)) return;
  ctx.reply.Int(hash != nullptr && hash->Has(ctx.args[2]) ? 1 : 0);
}

void CmdHstrlen(Context& ctx) {
  const store::HashValue* hash;
  if (!ReadHash(ctx, &hash)) return;
  if (hash != nullptr && !SpendLookups(ctx, *hash, 1)) return;
  const auto value = hash == nullptr ? std::nullopt : hash->Get(ctx.args[2]);
  ctx.reply.Uint(value ? value->size() : 0);
}

void CmdHdel(Context& ctx) {
  int64_t deleted = 0;
  const bool done = EditFields(ctx, 1, {EventClass::kHash, "hdel"}, [&](Mutation& m, size_t i) {
    deleted += DeleteHashField(m, ctx.args[i]);
  });
  if (done) ctx.reply.Int(deleted);
}

void CmdHincrby(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  const int64_t by = args.Int();
  if (!args.ok()) return ctx.reply.Error(args.error());
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!CheckType(ctx, m.record(), Type::kHash)) return;
  if (m.exists() && !SpendEdit(ctx, HashOf(*m.record()))) return;
  int64_t value = 0;
  if (const auto text = Present(m, ctx.args[2])) {
    const std::optional<int64_t> old = ParseInt64(*text);
    if (!old) return ctx.reply.Error(kErrHashNotInteger);
    value = *old;
  }
  if (__builtin_add_overflow(value, by, &value)) return ctx.reply.Error(kErrIncrOverflow);
  SetHashField(m, ctx.args[2], Decimal(value));
  m.Commit({EventClass::kHash, "hincrby"});
  ctx.reply.Int(value);
}

void CmdHincrbyfloat(Context& ctx) {
  const std::optional<long double> by = ParseLongDouble(ctx.args[3]);
  if (!by) return ctx.reply.Error(kErrNotFloat);
  if (!std::isfinite(*by)) return ctx.reply.Error(kErrNotFinite);
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!CheckType(ctx, m.record(), Type::kHash)) return;
  if (m.exists() && !SpendEdit(ctx, HashOf(*m.record()))) return;
  long double value = 0;
  if (const auto text = Present(m, ctx.args[2])) {
    const std::optional<long double> old = ParseLongDouble(*text);
    if (!old) return ctx.reply.Error(kErrHashNotFloat);
    value = *old;
  }
  value += *by;
  if (!std::isfinite(value)) return ctx.reply.Error(kErrIncrNotFinite);
  const std::string text = FormatLongDouble(value);
  if (!ctx.HasReplyRoom(text.size() + kBulkFrameBytes)) return;  // it may be long
  SetHashField(m, ctx.args[2], text);
  m.Commit({EventClass::kHash, "hincrbyfloat"});
  ctx.reply.Bulk(text);
}

std::span<const CommandSpec> HashCommands() { return kHashRows; }

}  // namespace clustron::commands
