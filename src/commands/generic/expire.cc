#include "commands/generic/expire.h"

#include <algorithm>
#include <string>

#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/error_text.h"
#include "commands/core/registry.h"
#include "commands/generic/attach.h"
#include "commands/generic/errors.h"
#include "commands/generic/expire.spec.h"
#include "commands/generic/expire_time.h"
#include "store/tables/lock_table.h"

namespace clustron::commands {

using store::Deadline;
using store::KeyRecord;
using store::Mutation;
using store::Store;

namespace {

struct Conditions {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;
};

Conditions ParseConditions(ArgCursor& args) {
  Conditions c;
  while (args.HasNext()) {
    if (args.Token("NX")) {
      c.nx = true;
    } else if (args.Token("XX")) {
      c.xx = true;
    } else if (args.Token("GT")) {
      c.gt = true;
    } else if (args.Token("LT")) {
      c.lt = true;
    } else {
      // COMPAT: Redis prints a C string, up to a NUL.
      const std::string_view option = args.Peek();
      args.FailWith(UnsupportedOption(option.substr(0, option.find('\0'))));
    }
  }
  if (!args.ok()) return c;
  if (c.nx && (c.xx || c.gt || c.lt)) args.Fail(kErrExpireNx);
  if (c.gt && c.lt) args.Fail(kErrExpireGtLt);
  return c;
}

// Deadlines of both clocks are compared as unix times.
int64_t UnixMs(const Context& ctx, Deadline deadline) {
  return Store::UnixMs(deadline, ctx.store.elapsed_ms(), ctx.store.wall_ms());
}

bool ConditionsHold(const Context& ctx, const Conditions& c, const KeyRecord& record,
                    Deadline next) {
  const bool has = record.has_deadline();
  if ((c.nx && has) || (c.xx && !has)) return false;
  if (!c.gt && !c.lt) return true;
  // No end is later than every end.
  if (!has) return !c.gt;
  const int64_t now_ends = UnixMs(ctx, record.deadline());
  const int64_t then_ends = UnixMs(ctx, next);
  return !(c.gt && then_ends <= now_ends) && !(c.lt && then_ends >= now_ends);
}

void Expire(Context& ctx, TimeUnit unit, TimeBase base) {
  const std::string_view key = ctx.args[1];
  // COMPAT: options are looked at before the time.
  ArgCursor options(ctx.args, 3);
  const Conditions conditions = ParseConditions(options);
  if (!options.ok()) return ctx.reply.Error(options.error());
  const std::optional<int64_t> value = ParseInt64(ctx.args[2]);
  if (!value) return ctx.reply.Error(kErrNotInteger);
  const std::optional<Deadline> deadline = MakeDeadline(ctx, *value, unit, base);
  if (!deadline) return ctx.reply.Error(InvalidExpireTime(*ctx.spec));
  Mutation m = Modify(ctx, key);
  if (!m.exists()) return ctx.reply.Int(0);
  if (!CheckNoLease(ctx, *m.record())) return;
  if (!ConditionsHold(ctx, conditions, *m.record(), *deadline)) return ctx.reply.Int(0);
  const bool due = deadline->DueAt(ctx.store.elapsed_ms(), ctx.store.wall_ms());
  m.SetDeadline(*deadline);
  m.Commit(due ? kEventDel : kEventExpire);
  ctx.reply.Int(1);
}

// TTL and PTTL: what is left; EXPIRETIME and PEXPIRETIME: when it ends.
void ReplyEnd(Context& ctx, TimeUnit unit, TimeBase base) {
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  if (record == nullptr) return ctx.reply.Int(-2);
  if (!record->has_deadline()) return ctx.reply.Int(-1);
  const int64_t elapsed = std::max(ctx.caller.live_elapsed_ms, ctx.store.elapsed_ms());
  const int64_t wall = std::max(ctx.caller.live_wall_ms, ctx.store.wall_ms());
  int64_t ms = base == TimeBase::kNow ? Store::RemainingMs(record->deadline(), elapsed, wall)
                                      : Store::UnixMs(record->deadline(), elapsed, wall);
  ms = std::max<int64_t>(ms, 0);
  ctx.reply.Int(unit == TimeUnit::kMs ? ms : (ms + 500) / 1000);
}

// Answers the refresh if the key's end keeps its promise as it is. Else says what the entry is to
// have: an end that is earlier is moved behind the promise; every other one becomes what was asked
// for.
bool AnswerRefresh(Context& ctx) {
  const std::optional<int64_t> ttl = PlainTtlMs(*ctx.spec, ctx.args);
  if (!ttl || *ttl < kRefreshTtlMinMs) return false;
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  if (record == nullptr || !record->has_deadline() ||
      record->deadline().clock() != store::ClockKind::kElapsed) {
    return false;
  }
  // A guard refuses it; that is judged where entries are applied.
  if (LocksOf(ctx.store).Guard(ctx.db, ctx.args[1]) != nullptr) return false;
  const bool getex = ctx.spec->name == "GETEX";
  if (getex && record->type() != store::Type::kString) return false;
  const int64_t promised = std::max(ctx.caller.live_elapsed_ms, ctx.store.elapsed_ms()) + *ttl;
  const int64_t pad = RefreshPadMs(*ttl);
  if (record->deadline().ms() < promised) {
    ctx.verdict.entry_ttl_ms = *ttl + pad;
    return false;
  }
  if (record->deadline().ms() > promised + pad) return false;
  if (getex) {
    ReplyString(ctx, *record);
  } else {
    ctx.reply.Int(1);
  }
  return true;
}

}  // namespace

std::optional<int64_t> PlainTtlMs(const CommandSpec& spec, Args args) {
  int64_t unit_ms = 1000;
  std::string_view text;
  if (spec.name == "GETEX") {
    if (args.size() != 4) return std::nullopt;
    if (IsWord(args[2], "PX")) {
      unit_ms = 1;
    } else if (!IsWord(args[2], "EX")) {
      return std::nullopt;
    }
    text = args[3];
  } else {
    if (args.size() != 3) return std::nullopt;
    if (spec.name == "PEXPIRE") unit_ms = 1;
    text = args[2];
  }
  const std::optional<int64_t> value = ParseInt64(text);
  if (!value || *value <= 0 || *value > INT64_MAX / 2000) return std::nullopt;
  return *value * unit_ms;
}

const CommandSpec& WithTtlMs(const CommandSpec& spec, Args args, int64_t ttl_ms,
                             std::string* number, std::vector<std::string_view>* words) {
  *number = std::to_string(ttl_ms);
  if (spec.name == "GETEX") {
    *words = {args[0], args[1], "PX", *number};
    return spec;
  }
  *words = {"PEXPIRE", args[1], *number};
  return *Registry::Get().Find("PEXPIRE");
}

bool AnsweredAsRead(Context& ctx) {
  if (ctx.in_entry()) return false;
  if (!AnswerRefresh(ctx)) ctx.verdict.needs_entry = true;
  return true;
}

void CmdExpire(Context& ctx) {
  if (AnsweredAsRead(ctx)) return;
  Expire(ctx, TimeUnit::kSeconds, TimeBase::kNow);
}
void CmdPexpire(Context& ctx) {
  if (AnsweredAsRead(ctx)) return;
  Expire(ctx, TimeUnit::kMs, TimeBase::kNow);
}
void CmdExpireat(Context& ctx) { Expire(ctx, TimeUnit::kSeconds, TimeBase::kUnix); }
void CmdPexpireat(Context& ctx) { Expire(ctx, TimeUnit::kMs, TimeBase::kUnix); }

void CmdTtl(Context& ctx) { ReplyEnd(ctx, TimeUnit::kSeconds, TimeBase::kNow); }
void CmdPttl(Context& ctx) { ReplyEnd(ctx, TimeUnit::kMs, TimeBase::kNow); }
void CmdExpiretime(Context& ctx) { ReplyEnd(ctx, TimeUnit::kSeconds, TimeBase::kUnix); }
void CmdPexpiretime(Context& ctx) { ReplyEnd(ctx, TimeUnit::kMs, TimeBase::kUnix); }

void CmdPersist(Context& ctx) {
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!m.exists() || !m.ClearDeadline()) return ctx.reply.Int(0);
  m.Commit(kEventPersist);
  ctx.reply.Int(1);
}

std::span<const CommandSpec> ExpireCommands() { return kExpireRows; }

}  // namespace clustron::commands
