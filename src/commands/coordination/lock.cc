// LOCK: exclusion with fencing tokens (docs/coordination.md). The token of a grant is the store's
// revision, so tokens of a name only rise.
#include <string>

#include "base/planted_bugs.h"
#include "commands/coordination/coordination_args.h"
#include "commands/coordination/errors.h"
#include "commands/coordination/lock.spec.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/error_text.h"
#include "commands/core/guard.h"
#include "commands/core/help.h"
#include "commands/core/ports.h"
#include "commands/core/registry.h"
#include "commands/core/wrapper.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"

namespace clustron::commands {

using store::Lock;
using store::LockEventKind;
using store::LockHolder;

namespace {

constexpr HelpLine kLockHelp[] = {
    {"ACQUIRE <name> <ttl> [OWNER <text>] [LEASE <id>] [ADVISORY]", "Take a lock if it is free."},
    {"RENEW <name> <token> <ttl>", "Give it time again."},
    {"RELEASE <name> <token>", "Give it back."},
    {"DO <name> <token> <command> [<arg> ...]", "Run a command under it."},
    {"CHECK <name> <token>", "Whether the token is the holder's."},
    {"INFO <name>", "The lock and its holders."},
    {"LIST [PREFIX <p>] [AFTER <name>] [LIMIT <n>]", "Held locks in the order of their names."},
    {"BREAK <name>", "Take it away from its holder."},
};

// What ACQUIRE does not know yet: said by name, rather than misunderstood.
constexpr std::string_view kLaterOptions[] = {"SHARED", "LIMIT", "DELAY", "WAIT", "ENQUEUE"};

void RefuseOption(ArgCursor& args) {
  for (std::string_view option : kLaterOptions) {
    if (args.Token(option)) {
      return args.FailWith(AcquireHasNo(option));
    }
  }
  args.Fail(kErrSyntax);
}

struct AcquireCall {
  store::LockGrant grant;
  bool has_lease = false;
};

AcquireCall ParseAcquire(ArgCursor& args) {
  AcquireCall call;
  call.grant.ttl_ms = TakeTtlMs(args);
  while (args.HasNext()) {
    if (args.Option("OWNER")) {
      call.grant.owner = TakeOwner(args);
    } else if (args.Option("LEASE")) {
      call.grant.lease_id = args.Next();
      call.has_lease = true;
    } else if (args.Token("ADVISORY")) {
      call.grant.advisory = true;
    } else {
      RefuseOption(args);
    }
  }
  return call;
}

void ReplyGranted(Context& ctx, store::Revision token, int64_t ttl_ms) {
  ctx.reply.Array(3);
  ctx.reply.Int(1);
  ctx.reply.Uint(token);
  ctx.reply.Int(ttl_ms);
}

// The lock args[2] if args[3] is its holder's token. Errors of the token are in *args.
const Lock* HeldWithToken(Context& ctx, ArgCursor* args) {
  const uint64_t token = args->Unsigned();
  if (!args->ok()) return nullptr;
  const Lock* lock = LocksOf(ctx.store).Find(ctx.db, ctx.args[2]);
  return lock != nullptr && lock->holder().token == token ? lock : nullptr;
}

std::string_view Mode(const Lock& lock) { return lock.advisory ? "advisory" : "guard"; }

}  // namespace

void CmdLockAcquire(Context& ctx) {
  const std::string_view name = ctx.args[2];
  ArgCursor args(ctx.args, 3);
  const AcquireCall call = ParseAcquire(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (call.has_lease && LeasesOf(ctx.store).Find(call.grant.lease_id) == nullptr) {
    return ctx.reply.Error(NoLease(call.grant.lease_id));
  }
  const Lock* lock = LocksOf(ctx.store).Find(ctx.db, name);
  if (lock == nullptr) {
    const store::Revision token = LocksOf(ctx.Writable()).Acquire(ctx.db, name, call.grant);
    return ReplyGranted(ctx, token, call.grant.ttl_ms);
  }
  const LockHolder& holder = lock->holder();
  // The same attempt, sent again: the same grant, not extended.
  if (!call.grant.owner.empty() && holder.owner == call.grant.owner) {
    return ReplyGranted(ctx, holder.token, holder.ttl_ms);
  }
  ctx.reply.Array(4);
  ctx.reply.Int(0);
  ctx.reply.Uint(holder.token);
  ctx.reply.Int(holder.ttl_ms);  // in an entry: the granted one
  ctx.reply.Bulk(holder.owner);
}

void CmdLockRenew(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  const Lock* lock = HeldWithToken(ctx, &args);
  const int64_t ttl_ms = TakeTtlMs(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (lock == nullptr) return ctx.reply.Null();
  const LockHolder& holder = lock->holder();
  if (ctx.caller.timers != nullptr) {
    if (ttl_ms > holder.ttl_ms) {
      ctx.verdict.needs_entry = true;
      return;
    }
    int64_t remaining_ms = 0;
    switch (ctx.caller.timers->Renew(ctx.db, ctx.args[2], holder.token, ttl_ms, &remaining_ms)) {
      case LeaderTimers::Touch::kOk:
        return ctx.reply.Int(remaining_ms);
      case LeaderTimers::Touch::kGone:
        return ctx.reply.Null();
      case LeaderTimers::Touch::kEnding:
        ctx.verdict.met_ending = true;
        return;
    }
  }
  if (ttl_ms > holder.ttl_ms) {
    LocksOf(ctx.Writable()).RaiseTtl(ctx.db, ctx.args[2], holder.token, ttl_ms);
  } else {
    LocksOf(ctx.Writable()).Keep(ctx.db, ctx.args[2]);
  }
  ctx.reply.Int(holder.ttl_ms);
}

void CmdLockRelease(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  const Lock* lock = HeldWithToken(ctx, &args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (lock == nullptr) return ctx.reply.Int(0);
  LocksOf(ctx.Writable()).End(ctx.db, ctx.args[2], lock->holder().token, LockEventKind::kReleased);
  ctx.reply.Int(1);
}

ShownLock LockDoShows(Args args) { return {args[2], args[3]}; }

Class LockDoClass(Args args) { return InnerClass(args, kLockDoInner); }

bool LockDoKeys(Args args, std::vector<KeyRef>* out) {
  if (!InnerKeys(args, kLockDoInner, out)) return false;
  out->insert(out->begin(), {2, KeySpec::kRo});
  return true;
}

void CmdLockDo(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  const uint64_t token = args.Unsigned();
  if (!args.ok()) return ctx.reply.Error(args.error());
  const std::string_view name = ctx.args[2];
  const Lock* lock = LocksOf(ctx.store).Find(ctx.db, name);
  const store::Revision current = lock == nullptr ? 0 : lock->holder().token;
  const bool holds = current == token || (Planted(Bug::kOlderTokenOpens) && token < current);
  if (current == 0 || !holds) return ReplyFenced(ctx, name, lock);
  std::vector<Context::LockToken> tokens(ctx.lock_tokens.begin(), ctx.lock_tokens.end());
  tokens.push_back({name, token});
  ctx.lock_tokens = tokens;
  RunInner(ctx, ctx.args.subspan(kLockDoInner), ctx.reply);
}

void CmdLockCheck(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  const Lock* lock = HeldWithToken(ctx, &args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  ctx.reply.Int(lock != nullptr ? 1 : 0);
}

void CmdLockInfo(Context& ctx) {
  const Lock* lock = LocksOf(ctx.store).Find(ctx.db, ctx.args[2]);
  if (lock == nullptr) return ctx.reply.Null();
  ctx.reply.Array(4);
  ctx.reply.Bulk("mode");
  ctx.reply.Bulk(Mode(*lock));
  ctx.reply.Bulk("holders");
  ctx.reply.Array(lock->holders.size());
  for (const LockHolder& holder : lock->holders) {
    int64_t remaining_ms = holder.ttl_ms;
    if (ctx.caller.timers != nullptr) {
      remaining_ms = ctx.caller.timers->LockRemainingMs(ctx.db, ctx.args[2]).value_or(remaining_ms);
    }
    ctx.reply.Array(5);
    ctx.reply.Uint(holder.token);
    ctx.reply.Bulk(holder.owner);
    ctx.reply.Int(holder.ttl_ms);
    ctx.reply.Int(remaining_ms);
    if (holder.lease_id.empty()) {
      ctx.reply.Null();
    } else {
      ctx.reply.Bulk(holder.lease_id);
    }
  }
}

void CmdLockList(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  std::string_view prefix;
  std::string_view after;
  bool has_after = false;
  size_t limit = kListDefault;
  while (args.HasNext()) {
    if (args.Option("PREFIX")) {
      prefix = args.Next();
    } else if (args.Option("AFTER")) {
      after = args.Next();
      has_after = true;
    } else if (args.Option("LIMIT")) {
      limit = TakeLimit(args);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (!ctx.Spend(LocksOf(ctx.store).size())) return;
  const auto rows = LocksOf(ctx.store).List(ctx.db, prefix, has_after ? &after : nullptr, limit);
  ctx.reply.Array(rows.size());
  for (const auto& row : rows) {
    ctx.reply.Array(5);
    ctx.reply.Bulk(row.name);
    ctx.reply.Uint(row.lock->holder().token);
    ctx.reply.Bulk(row.lock->holder().owner);
    ctx.reply.Int(row.lock->holder().ttl_ms);
    ctx.reply.Bulk(Mode(*row.lock));
  }
}

void CmdLockBreak(Context& ctx) {
  const Lock* lock = LocksOf(ctx.store).Find(ctx.db, ctx.args[2]);
  if (lock == nullptr) return ctx.reply.Int(0);
  LocksOf(ctx.Writable()).End(ctx.db, ctx.args[2], lock->holder().token, LockEventKind::kBroken);
  ctx.reply.Int(1);
}

void CmdLockHelp(Context& ctx) { ReplyHelp(ctx, "LOCK", kLockHelp); }

std::span<const CommandSpec> LockCommands() { return kLockRows; }

}  // namespace clustron::commands
