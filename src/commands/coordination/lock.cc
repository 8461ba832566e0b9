// LOCK: exclusion with fencing tokens (docs/coordination.md). The token of a grant is the store's
// revision, so tokens of a name only rise.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/planted_bugs.h"
#include "commands/coordination/coordination_args.h"
#include "commands/coordination/errors.h"
#include "commands/coordination/lock.spec.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/error_text.h"
#include "commands/core/guard.h"
#include "commands/core/help.h"
#include "commands/core/lock_reply.h"
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
    {"ACQUIRE <name> <ttl> [OWNER <text>] [LEASE <id>] [SHARED | LIMIT <n>] [ADVISORY] [DELAY "
     "<ms>] "
     "[WAIT <ms> | ENQUEUE <ticket-ttl>]",
     "Take a lock if it is free; or wait for it, or queue for it."},
    {"CLAIM <name> <ticket>", "Take what a ticket was granted, or keep its place."},
    {"CANCEL <name> <ticket>", "Leave the queue."},
    {"RENEW <name> <token> <ttl>", "Give it time again."},
    {"RELEASE <name> <token>", "Give it back."},
    {"DO <name> <token> <command> [<arg> ...]", "Run a command under it."},
    {"CHECK <name> <token>", "Whether the token is a holder's."},
    {"INFO <name>", "The lock, its holders and its queue."},
    {"LIST [PREFIX <p>] [AFTER <name>] [LIMIT <n>]", "Locks in the order of their names."},
    {"BREAK <name>", "Take it away from its holders."},
};

constexpr int64_t kDelayMaxMs = 3'600'000;
// Of the queue INFO shows so many.
constexpr size_t kQueueShown = 100;

struct AcquireCall {
  store::LockRequest request;
  bool has_lease = false;
  bool has_limit = false;
  std::optional<int64_t> wait_ms;  // WAIT; 0: for ever
  int64_t ticket_ms = 0;           // ENQUEUE
  // Whether programs before feature version 5 know the call.
  bool plain = true;
};

// False: the word that stands there is none of these.
bool TakeMode(ArgCursor& args, AcquireCall* call) {
  if (args.Token("SHARED")) {
    call->request.shared = true;
  } else if (args.Option("LIMIT")) {
    call->request.limit =
        static_cast<uint32_t>(args.IntIn(1, store::kLockHoldersMax, kErrLockLimit));
    call->has_limit = true;
  } else if (args.Option("DELAY")) {
    call->request.delay_ms = args.IntIn(1, kDelayMaxMs, kErrLockDelay);
  } else if (args.Option("WAIT")) {
    call->wait_ms = args.IntIn(0, kTtlMaxMs, kErrLockWait);
  } else if (args.Option("ENQUEUE")) {
    call->ticket_ms = TakeTtlMs(args);
  } else {
    return false;
  }
  call->plain = false;
  return true;
}

AcquireCall ParseAcquire(ArgCursor& args) {
  AcquireCall call;
  call.request.ttl_ms = args.IntIn(0, kTtlMaxMs, kErrTtlRange);
  while (args.HasNext()) {
    if (args.Option("OWNER")) {
      call.request.owner = TakeOwner(args);
    } else if (args.Option("LEASE")) {
      call.request.lease_id = args.Next();
      call.has_lease = true;
    } else if (args.Token("ADVISORY")) {
      call.request.advisory = true;
    } else if (!TakeMode(args, &call)) {
      args.Fail(kErrSyntax);
    }
  }
  const bool by_lease = call.request.ttl_ms == 0 && call.has_lease;
  if (call.request.ttl_ms < kTtlMinMs && !by_lease) args.Fail(kErrTtlRange);
  if (by_lease) call.plain = false;
  if (call.request.shared && call.has_limit) args.Fail(kErrSharedLimit);
  if (call.wait_ms && call.ticket_ms != 0) args.Fail(kErrWaitEnqueue);
  return call;
}

// What of the request contradicts the lock as it is; empty: nothing does.
std::string ModeError(const Lock& lock, const store::LockRequest& request) {
  if (lock.limit != request.limit) return LockHasLimit(lock.limit);
  if (lock.advisory != request.advisory) return std::string(AdvisoryDiffers(lock.advisory));
  return {};
}

// The lock args[2] if args[3] is the token of a holder of it. Errors of the token are in *args.
const Lock* HeldWithToken(Context& ctx, ArgCursor* args, uint64_t* token) {
  *token = args->Unsigned();
  if (!args->ok()) return nullptr;
  const Lock* lock = LocksOf(ctx.store).Find(ctx.db, ctx.args[2]);
  return lock != nullptr && lock->Find(*token) != nullptr ? lock : nullptr;
}

std::string Mode(const Lock& lock) {
  if (lock.limit > 1) return "limit " + std::to_string(lock.limit);
  if (lock.held_shared()) return lock.advisory ? "shared advisory" : "shared";
  return lock.advisory ? "advisory" : "guard";
}

// A grant that has not been claimed yet is claimed.
void ReplyHolder(Context& ctx, std::string_view name, const LockHolder& holder) {
  const store::Revision token = holder.token;
  const int64_t ttl_ms = holder.ttl_ms;
  if (holder.claim_ms != 0) LocksOf(ctx.Writable()).Renew(ctx.db, name, token, 0);
  ReplyLockGranted(ctx.reply, token, ttl_ms);
}

// The owner has asked before: the same grant, not extended, or the same place in the queue. False:
// he has neither.
bool AskedBefore(Context& ctx, const Lock& lock, const AcquireCall& call) {
  const auto known = lock.by_owner.find(call.request.owner);
  if (known == lock.by_owner.end()) return false;
  const std::string_view name = ctx.args[2];
  if (const LockHolder* holder = lock.Find(known->second)) {
    if (holder->shared != call.request.shared)
      ctx.reply.Error(kErrLockUpgrade);
    else
      ReplyHolder(ctx, name, *holder);
    return true;
  }
  const store::Revision ticket = known->second;
  if (lock.queue.Find(ticket)->shared != call.request.shared) {
    ctx.reply.Error(kErrLockUpgrade);
  } else if (call.ticket_ms != 0) {
    ReplyLockQueued(ctx.reply, ticket, lock.queue.PlaceOf(ticket));
  } else if (call.wait_ms) {
    ctx.verdict.wait = Verdict::Wait{.keys = ctx.args.subspan(2, 1),
                                     .type = {},
                                     .timeout_ms = *call.wait_ms,
                                     .lock = call.request,
                                     .ticket = ticket};
  } else {
    ReplyLockHeld(ctx.reply, ctx.store, &lock);
  }
  return true;
}

bool LeaseIsFull(const Context& ctx, const AcquireCall& call) {
  return call.has_lease &&
         LeasesOf(ctx.store).Find(call.request.lease_id)->locks.size() >= store::kLeaseLocksMax;
}

// It can't be granted now.
void Queue(Context& ctx, const Lock& lock, const AcquireCall& call) {
  const std::string_view name = ctx.args[2];
  if (!call.wait_ms && call.ticket_ms == 0) return ReplyLockHeld(ctx.reply, ctx.store, &lock);
  if (LocksOf(ctx.store).TakenInThisItem(ctx.db, name)) return ctx.reply.Error(kErrLockTwice);
  if (lock.queue.size() >= store::kLockTicketsMax) return ctx.reply.Error(kErrQueueFull);
  if (LeaseIsFull(ctx, call)) return ctx.reply.Error(kErrLeaseLocksFull);
  if (call.wait_ms) {
    ctx.verdict.wait = Verdict::Wait{.keys = ctx.args.subspan(2, 1),
                                     .type = {},
                                     .timeout_ms = *call.wait_ms,
                                     .lock = call.request};
    return;
  }
  const store::Revision ticket =
      LocksOf(ctx.Writable()).Enqueue(ctx.db, name, call.request, call.ticket_ms, {});
  ReplyLockQueued(ctx.reply, ticket, lock.queue.PlaceOf(ticket));
}

// Of an item; of more the lock stays as it is until their node's next process begins.
constexpr size_t kAwayEndedMax = 10'000;

bool MayEndAway(const Lock& lock) { return lock.abandoned() && lock.queue.size() <= kAwayEndedMax; }
// The tickets of the lock args[2], all of nodes that are out of reach. False: it costs too much.
bool EndAway(Context& ctx) {
  constexpr uint64_t kUnits = 1000;  // to end a ticket
  const store::KeyName name{ctx.db, std::string(ctx.args[2])};
  std::vector<store::Revision> tickets;
  LocksOf(ctx.store)
      .Find(name.db, name.name)
      ->queue.ForEach([&](store::Revision number, const auto&) {
        tickets.push_back(number);
        return true;
      });
  if (!ctx.Spend(kUnits * tickets.size(), kUnits * tickets.size())) return false;
  store::LockTable& locks = LocksOf(ctx.Writable());
  for (const store::Revision ticket : tickets) locks.EndWithLease(name, ticket, false);
  return true;
}

// What the owner asked for before waits on a node that is out of reach: that is given up, unless
// this request takes its place. False: it is not so.
bool GiveUpAway(Context& ctx, const Lock& lock, const AcquireCall& call) {
  const auto known = lock.by_owner.find(call.request.owner);
  if (known == lock.by_owner.end()) return false;
  const store::Revision number = known->second;
  const store::LockTicket* ticket = lock.queue.Find(number);
  if (ticket == nullptr || !ticket->waits() || lock.present.contains(number)) return false;
  if (call.wait_ms && ModeError(lock, call.request).empty()) return false;
  LocksOf(ctx.Writable()).EndWithLease({ctx.db, std::string(ctx.args[2])}, number, false);
  return true;
}

}  // namespace

uint16_t LockAcquireVersion(Args args) {
  ArgCursor cursor(args, 3);
  const AcquireCall call = ParseAcquire(cursor);
  return !cursor.ok() || call.plain ? 1 : kQueuesVersion;
}

bool LockAcquireWaits(Args args) {
  ArgCursor cursor(args, 3);
  return ParseAcquire(cursor).wait_ms.has_value();
}

void CmdLockAcquire(Context& ctx) {
  const std::string_view name = ctx.args[2];
  ArgCursor args(ctx.args, 3);
  const AcquireCall call = ParseAcquire(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (call.wait_ms && ctx.depth > 0) return ctx.reply.Error(kErrNoWaitInside);
  if (call.has_lease && LeasesOf(ctx.store).Find(call.request.lease_id) == nullptr) {
    return ctx.reply.Error(NoLease(call.request.lease_id));
  }
  const Lock* lock = LocksOf(ctx.store).Find(ctx.db, name);
  if (lock != nullptr && !call.request.owner.empty() && GiveUpAway(ctx, *lock, call))
    lock = LocksOf(ctx.store).Find(ctx.db, name);
  if (lock != nullptr) {
    if (!call.request.owner.empty() && AskedBefore(ctx, *lock, call)) return;
    if (const std::string error = ModeError(*lock, call.request); !error.empty()) {
      if (!MayEndAway(*lock)) return ctx.reply.Error(error);
      if (LeaseIsFull(ctx, call)) return ctx.reply.Error(kErrLeaseLocksFull);
      if (!EndAway(ctx)) return;
      lock = nullptr;
    }
  }
  if (lock != nullptr) {
    const bool overtakes = Planted(Bug::kLockReaderOvertakes) && call.request.shared;
    if (!lock->Grantable(call.request.shared) || (lock->contended() && !overtakes))
      return Queue(ctx, *lock, call);
  }
  if (LocksOf(ctx.store).TakenInThisItem(ctx.db, name)) return ctx.reply.Error(kErrLockTwice);
  // Programs from before queues (and ages) grant without a bound.
  if (LocksOf(ctx.store).keeps_age() && LeaseIsFull(ctx, call))
    return ctx.reply.Error(kErrLeaseLocksFull);
  const store::Revision token = LocksOf(ctx.Writable()).Acquire(ctx.db, name, call.request);
  ReplyLockGranted(ctx.reply, token, call.request.ttl_ms);
}

// args[3], with the lock and what it names. Errors are in *args.
struct NamedTicket {
  store::Revision number = 0;
  const LockHolder* holder = nullptr;
  const store::LockTicket* ticket = nullptr;
  uint64_t place = 0;
};

NamedTicket TakeTicket(Context& ctx, ArgCursor* args) {
  NamedTicket named;
  named.number = args->Unsigned();
  if (!args->ok()) return named;
  const Lock* lock = LocksOf(ctx.store).Find(ctx.db, ctx.args[2]);
  if (lock == nullptr) return named;
  if (const auto granted = lock->granted.find(named.number); granted != lock->granted.end())
    named.holder = lock->Find(granted->second);
  named.ticket = lock->queue.Find(named.number);
  if (named.ticket != nullptr) named.place = lock->queue.PlaceOf(named.number);
  return named;
}

void CmdLockClaim(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  const NamedTicket named = TakeTicket(ctx, &args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (named.holder != nullptr) {
    if (named.holder->claim_ms != 0 && !ctx.in_entry()) {
      ctx.verdict.needs_entry = true;
      return;
    }
    return ReplyHolder(ctx, ctx.args[2], *named.holder);
  }
  if (named.ticket == nullptr) return ctx.reply.Null();
  if (!named.ticket->waits()) {
    if (ctx.caller.timers == nullptr) {
      LocksOf(ctx.Writable()).KeepTicket(ctx.db, ctx.args[2], named.number);
    } else {
      int64_t remaining_ms = 0;
      switch (ctx.caller.timers->Renew(ctx.db, ctx.args[2], named.number, 0, &remaining_ms)) {
        case LeaderTimers::Touch::kOk:
          break;
        case LeaderTimers::Touch::kGone:
          return ctx.reply.Null();
        case LeaderTimers::Touch::kEnding:
          ctx.verdict.met_ending = true;
          return;
      }
    }
  }
  ReplyLockQueued(ctx.reply, named.number, named.place);
}

void CmdLockCancel(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  const NamedTicket named = TakeTicket(ctx, &args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (named.holder != nullptr) return ReplyHolder(ctx, ctx.args[2], *named.holder);
  if (named.ticket == nullptr) return ctx.reply.Null();
  if (named.ticket->waits()) return ctx.reply.Error(kErrCancelWait);
  LocksOf(ctx.Writable()).EndTicket(ctx.db, ctx.args[2], named.number);
  ReplyLockQueued(ctx.reply, named.number, named.place);
}

void CmdLockRenew(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  uint64_t token = 0;
  const Lock* lock = HeldWithToken(ctx, &args, &token);
  const int64_t ttl_ms = TakeTtlMs(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (lock == nullptr) return ctx.reply.Null();
  const LockHolder& holder = *lock->Find(token);
  if (holder.ttl_ms == 0) return ctx.reply.Error(kErrRenewByLease);
  const bool is_change = ttl_ms > holder.ttl_ms || holder.claim_ms != 0;
  if (ctx.caller.timers != nullptr) {
    if (is_change) {
      ctx.verdict.needs_entry = true;
      return;
    }
    int64_t remaining_ms = 0;
    switch (ctx.caller.timers->Renew(ctx.db, ctx.args[2], token, ttl_ms, &remaining_ms)) {
      case LeaderTimers::Touch::kOk:
        return ctx.reply.Int(remaining_ms);
      case LeaderTimers::Touch::kGone:
        return ctx.reply.Null();
      case LeaderTimers::Touch::kEnding:
        ctx.verdict.met_ending = true;
        return;
    }
  }
  LocksOf(ctx.Writable()).Renew(ctx.db, ctx.args[2], token, ttl_ms);
  ctx.reply.Int(holder.ttl_ms);
}

void CmdLockRelease(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  uint64_t token = 0;
  const Lock* lock = HeldWithToken(ctx, &args, &token);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (lock == nullptr) return ctx.reply.Int(0);
  LocksOf(ctx.Writable()).End(ctx.db, ctx.args[2], token, LockEventKind::kReleased);
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
  const store::Revision current = lock == nullptr ? 0 : lock->current();
  const bool holds = (lock != nullptr && lock->Find(token) != nullptr) ||
                     (Planted(Bug::kOlderTokenOpens) && token < current);
  if (current == 0 || !holds) return ReplyFenced(ctx, name, lock);
  std::vector<Context::LockToken> tokens(ctx.lock_tokens.begin(), ctx.lock_tokens.end());
  tokens.push_back({name, token});
  ctx.lock_tokens = tokens;
  RunInner(ctx, ctx.args.subspan(kLockDoInner), ctx.reply);
}

void CmdLockCheck(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  uint64_t token = 0;
  const Lock* lock = HeldWithToken(ctx, &args, &token);
  if (!args.ok()) return ctx.reply.Error(args.error());
  ctx.reply.Int(lock != nullptr ? 1 : 0);
}

namespace {

// By the clock of the reply; 0: it was not recorded.
int64_t AgeMs(const Context& ctx, int64_t since_ms) {
  if (since_ms == 0) return 0;
  return std::max(ctx.caller.live_elapsed_ms, ctx.store.elapsed_ms()) - since_ms;
}

// What a part of the lock args[2] has left; in an entry what it was given.
int64_t RemainingMs(Context& ctx, store::Revision part, std::string_view lease_id, int64_t given) {
  if (ctx.caller.timers == nullptr) return given;
  if (given == 0 && !lease_id.empty())
    return ctx.caller.timers->LeaseRemainingMs(lease_id).value_or(0);
  return ctx.caller.timers->LockRemainingMs(ctx.db, ctx.args[2], part).value_or(given);
}

void ReplyBulkOrNull(resp::ReplyWriter& reply, std::string_view text) {
  if (text.empty())
    reply.Null();
  else
    reply.Bulk(text);
}

// [token, owner, granted, remaining, lease, ticket, age]
void ReplyHolderRow(Context& ctx, const LockHolder& holder) {
  ctx.reply.Array(7);
  ctx.reply.Uint(holder.token);
  ctx.reply.Bulk(holder.owner);
  ctx.reply.Int(holder.ttl_ms);
  ctx.reply.Int(RemainingMs(ctx, holder.token, holder.lease_id, holder.timer_ms()));
  ReplyBulkOrNull(ctx.reply, holder.lease_id);
  if (holder.ticket == 0)
    ctx.reply.Null();
  else
    ctx.reply.Uint(holder.ticket);
  ctx.reply.Int(AgeMs(ctx, holder.since_ms));
}

// [ticket, owner, "shared" or "exclusive", remaining, lease, "waits on node n" or "ticket", age];
// behind the node's number ", out of reach" if nobody is granted anything there.
void ReplyTicketRow(Context& ctx, store::Revision number, const store::LockTicket& ticket,
                    bool present) {
  ctx.reply.Array(7);
  ctx.reply.Uint(number);
  ctx.reply.Bulk(ticket.owner);
  ctx.reply.Bulk(ticket.shared ? "shared" : "exclusive");
  ctx.reply.Int(RemainingMs(ctx, number, ticket.lease_id, ticket.ticket_ms));
  ReplyBulkOrNull(ctx.reply, ticket.lease_id);
  ctx.reply.Bulk(ticket.waits() ? "waits on node " + std::to_string(ticket.wait.owner.node) +
                                      (present ? "" : ", out of reach")
                                : std::string("ticket"));
  ctx.reply.Int(AgeMs(ctx, ticket.since_ms));
}

}  // namespace

void CmdLockInfo(Context& ctx) {
  const Lock* lock = LocksOf(ctx.store).Find(ctx.db, ctx.args[2]);
  if (lock == nullptr) return ctx.reply.Null();
  constexpr uint64_t kRowNs = 100;
  if (!ctx.SpendEach(lock->holders.size() + kQueueShown, kRowNs)) return;
  ctx.reply.Array(10);
  ctx.reply.Bulk("mode");
  ctx.reply.Bulk(Mode(*lock));
  ctx.reply.Bulk("holders");
  ctx.reply.Array(lock->holders.size());
  for (const auto& [token, holder] : lock->holders) ReplyHolderRow(ctx, holder);
  ctx.reply.Bulk("delay");
  ctx.reply.Int(lock->delayed() ? RemainingMs(ctx, lock->delay.token, {}, lock->delay.ms) : 0);
  ctx.reply.Bulk("waiters");
  ctx.reply.Uint(lock->queue.size());
  ctx.reply.Bulk("queue");
  const size_t shown = std::min(lock->queue.size(), kQueueShown);
  ctx.reply.Array(shown);
  size_t left = shown;
  lock->queue.ForEach([&](store::Revision number, const store::LockTicket& ticket) {
    if (left == 0) return false;
    --left;
    ReplyTicketRow(ctx, number, ticket, lock->present.contains(number));
    return true;
  });
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
      limit = TakeListLimit(args);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (!args.ok()) return ctx.reply.Error(args.error());
  constexpr uint64_t kRowNs = 100;
  if (!ctx.SpendEach(LocksOf(ctx.store).size(), kRowNs)) return;
  const auto rows = LocksOf(ctx.store).List(ctx.db, prefix, has_after ? &after : nullptr, limit);
  ctx.reply.Array(rows.size());
  for (const auto& row : rows) {
    const Lock& lock = *row.lock;
    ctx.reply.Array(8);
    ctx.reply.Bulk(row.name);
    ctx.reply.Uint(lock.current());
    ctx.reply.Bulk(lock.held() ? std::string_view(lock.holder().owner) : std::string_view());
    ctx.reply.Int(lock.held() ? lock.holder().ttl_ms : 0);
    ctx.reply.Bulk(Mode(lock));
    ctx.reply.Uint(lock.holders.size());
    ctx.reply.Uint(lock.queue.size());
    ctx.reply.Int(lock.held() ? AgeMs(ctx, lock.holder().since_ms) : 0);
  }
}

// The queue stays: who is next gets the lock. Unless only clients of nodes that are out of reach
// are left in it: they are what is to be broken.
void CmdLockBreak(Context& ctx) {
  const Lock* lock = LocksOf(ctx.store).Find(ctx.db, ctx.args[2]);
  if (lock != nullptr && MayEndAway(*lock)) {
    if (EndAway(ctx)) ctx.reply.Int(1);
    return;
  }
  if (lock == nullptr || (!lock->held() && !lock->delayed())) return ctx.reply.Int(0);
  constexpr uint64_t kEndNs = 1000;
  if (!ctx.SpendEach(lock->holders.size(), kEndNs)) return;
  std::vector<store::Revision> tokens;
  for (const auto& [token, holder] : lock->holders) tokens.push_back(token);
  store::LockTable& locks = LocksOf(ctx.Writable());
  if (lock->delayed()) locks.EndDelay(ctx.db, ctx.args[2]);
  for (const store::Revision token : tokens)
    locks.End(ctx.db, ctx.args[2], token, LockEventKind::kBroken);
  ctx.reply.Int(1);
}

void CmdLockHelp(Context& ctx) { ReplyHelp(ctx, "LOCK", kLockHelp); }

std::span<const CommandSpec> LockCommands() { return kLockRows; }

}  // namespace clustron::commands
