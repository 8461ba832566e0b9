// LEASE: named life spans of keys and locks (docs/coordination.md). Keepalives are in the leader's
// memory; everything else is an entry or a read.
#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "commands/coordination/coordination_args.h"
#include "commands/coordination/errors.h"
#include "commands/coordination/lease.spec.h"
#include "commands/core/access.h"
#include "commands/core/all_or_nothing.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/error_text.h"
#include "commands/core/help.h"
#include "commands/core/keys.h"
#include "commands/core/ports.h"
#include "commands/core/registry.h"
#include "commands/core/wrapper.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"

namespace clustron::commands {

using store::KeyRecord;
using store::Lease;
using store::Store;

namespace {

constexpr HelpLine kLeaseHelp[] = {
    {"GRANT <ttl> [ID <id>] [OWNER <text>]", "Make a lease of so many milliseconds."},
    {"KEEPALIVE <id> [<id> ...]", "Give leases their whole time again."},
    {"REVOKE <id>", "End a lease with its keys and locks."},
    {"ATTACH <id> <key> [<key> ...]", "Let keys end with a lease."},
    {"DETACH <key> [<key> ...]", "Free keys from their leases."},
    {"DO <id> <command> [<arg> ...]", "Run a write and attach the keys that it wrote."},
    {"TTL <id> [KEYS]", "What is left of a lease."},
    {"LIST [OWNER <text>] [AFTER <id>] [LIMIT <n>]", "Leases in the order of their ids."},
};

// An id that no lease has: from the item's own random numbers.
std::string FreshId(Context& ctx) {
  for (;;) {
    char text[16];
    const char* end = std::to_chars(text, text + sizeof text, ctx.rng().Next(), 16).ptr;
    std::string id(static_cast<const char*>(text), end);
    id.insert(0, sizeof text - id.size(), '0');
    if (LeasesOf(ctx.store).Find(id) == nullptr) return id;
  }
}

void ReplyGrant(Context& ctx, const Lease& lease) {
  ctx.reply.Array(3);
  ctx.reply.Bulk(lease.id);
  ctx.reply.Int(lease.ttl_ms);
  ctx.reply.Uint(lease.grant_revision);
}

// Whether an event's line of words can name it.
bool IsOneWord(std::string_view id) {
  constexpr unsigned char kDelete = 0x7f;
  return id != "-" && std::none_of(id.begin(), id.end(), [](char c) {
           return static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) == kDelete;
         });
}

// The lease named by args[2]; replies -NOLEASE if there is none.
const Lease* Named(Context& ctx) {
  const Lease* lease = LeasesOf(ctx.store).Find(ctx.args[2]);
  if (lease == nullptr) ctx.reply.Error(NoLease(ctx.args[2]));
  return lease;
}

// Why a key can't be attached; empty if it can, or is there already, or does not exist.
std::string_view AttachError(store::LeaseTable::AttachResult result) {
  switch (result) {
    case store::LeaseTable::AttachResult::kOtherLease:
      return kErrOtherLease;
    case store::LeaseTable::AttachResult::kHasTtl:
      return kErrKeyHasTtl;
    case store::LeaseTable::AttachResult::kFull:
      return kErrLeaseFull;
    default:
      return {};
  }
}

using WrittenEntries = std::vector<const KeyRecord*>;

// Attaches what the call has written in one database of the keys that it names as written.
// `*left` is how many written entries are not yet met.
std::string_view AttachIn(Context& ctx, int db, Args inner, const std::vector<KeyRef>& keys,
                          const WrittenEntries& written, size_t* left) {
  for (const KeyRef& key : keys) {
    if ((key.flags & (KeySpec::kRw | KeySpec::kOw)) == 0) continue;
    const std::string_view name = inner[static_cast<size_t>(key.index)];
    const KeyRecord* record = ctx.store.Find(db, name);
    if (record == nullptr || !std::binary_search(written.begin(), written.end(), record)) continue;
    const store::LeaseTable::AttachResult result =
        LeasesOf(ctx.Writable()).Attach(ctx.args[2], db, name);
    const std::string_view error = AttachError(result);
    if (!error.empty()) return error;
    *left -= result == store::LeaseTable::AttachResult::kAttached && *left > 0;
  }
  return {};
}

// Attaches those of the call's keys that it has written.
std::string_view AttachWritten(Context& ctx, Args inner, WrittenEntries written) {
  const CommandSpec* spec = InnerSpec(inner);
  std::vector<KeyRef> keys;
  if (!KeysOf(*spec, inner, &keys)) return {};
  written.erase(std::unique(written.begin(), written.end()), written.end());
  size_t left = written.size();
  std::string_view error = AttachIn(ctx, ctx.db, inner, keys, written, &left);
  // MOVE and COPY write to other databases.
  for (int db = 0; db < store::kDatabases && left > 0 && error.empty(); db++) {
    if (db != ctx.db) error = AttachIn(ctx, db, inner, keys, written, &left);
  }
  return error;
}

}  // namespace

void CmdLeaseGrant(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const int64_t ttl_ms = TakeTtlMs(args);
  std::string_view id;
  std::string_view owner;
  bool has_id = false;
  while (args.HasNext()) {
    if (args.Option("ID")) {
      id = args.Next();
      has_id = true;
      if (id.empty() || id.size() > store::kLeaseIdBytesMax) args.Fail(kErrLeaseId);
    } else if (args.Option("OWNER")) {
      owner = TakeOwner(args);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (has_id) {
    if (const Lease* lease = LeasesOf(ctx.store).Find(id)) {
      // Asked again: the same lease, if it is the same caller.
      if (lease->owner != owner) return ctx.reply.Error(kErrLeaseOwner);
      return ReplyGrant(ctx, *lease);
    }
    // Programs from before watches (and ages of locks) grant it.
    if (LocksOf(ctx.store).keeps_age() && !IsOneWord(id)) return ctx.reply.Error(kErrLeaseIdText);
    return ReplyGrant(ctx, LeasesOf(ctx.Writable()).Grant(id, ttl_ms, owner));
  }
  ReplyGrant(ctx, LeasesOf(ctx.Writable()).Grant(FreshId(ctx), ttl_ms, owner));
}

void CmdLeaseKeepalive(Context& ctx) {
  ctx.reply.Array(ctx.args.size() - 2);
  for (std::string_view id : ctx.args.subspan(2)) {
    const Lease* lease = LeasesOf(ctx.store).Find(id);
    if (lease == nullptr) {
      ctx.reply.Null();
      continue;
    }
    if (ctx.caller.timers == nullptr) {  // a part of an entry
      LeasesOf(ctx.Writable()).Keep(id);
      ctx.reply.Int(lease->ttl_ms);
      continue;
    }
    int64_t remaining_ms = 0;
    switch (ctx.caller.timers->KeepAlive(id, lease->grant_revision, &remaining_ms)) {
      case LeaderTimers::Touch::kOk:
        ctx.reply.Int(remaining_ms);
        break;
      case LeaderTimers::Touch::kGone:
        ctx.reply.Null();
        break;
      case LeaderTimers::Touch::kEnding:
        ctx.verdict.met_ending = true;
        return;
    }
  }
}

void CmdLeaseRevoke(Context& ctx) {
  const store::Lease* lease = LeasesOf(ctx.store).Find(ctx.args[2]);
  if (lease == nullptr) {
    ctx.reply.Array(1);
    return ctx.reply.Int(0);
  }
  constexpr uint64_t kEndNs = 700;
  if (!ctx.SpendEach(lease->keys.size() + lease->locks.size(), kEndNs)) return;
  const size_t deleted = LeasesOf(ctx.Writable()).End(ctx.args[2], /*expired=*/false);
  ctx.reply.Array(3);
  ctx.reply.Int(1);
  ctx.reply.Uint(deleted);
  ctx.reply.Uint(ctx.store.ItemRevision());
}

void CmdLeaseAttach(Context& ctx) {
  if (Named(ctx) == nullptr) return;
  AllOrNothing whole(ctx);
  int64_t attached = 0;
  for (std::string_view key : ctx.args.subspan(3)) {
    const store::LeaseTable::AttachResult result =
        LeasesOf(ctx.Writable()).Attach(ctx.args[2], ctx.db, key);
    if (const std::string_view error = AttachError(result); !error.empty()) {
      whole.Undo();
      return ctx.reply.Error(error);
    }
    attached += result != store::LeaseTable::AttachResult::kNoKey;
  }
  whole.Keep();
  ctx.reply.Int(attached);
}

void CmdLeaseDetach(Context& ctx) {
  int64_t detached = 0;
  for (std::string_view key : ctx.args.subspan(2))
    detached += LeasesOf(ctx.Writable()).DetachKey(ctx.db, key);
  ctx.reply.Int(detached);
}

Class LeaseDoClass(Args args) { return InnerClass(args, kLeaseDoInner); }
bool LeaseDoKeys(Args args, std::vector<KeyRef>* out) {
  return InnerKeys(args, kLeaseDoInner, out);
}

void CmdLeaseDo(Context& ctx) {
  const Args inner = ctx.args.subspan(kLeaseDoInner);
  const CommandSpec* spec = InnerSpec(inner);
  if (spec != nullptr && InnerClass(inner, 0) == Class::kRead) {
    return ctx.reply.Error(kErrLeaseDoReads);
  }
  if (spec == nullptr) {  // its own error
    RunInner(ctx, inner, ctx.reply);
    return;
  }
  if (Named(ctx) == nullptr) return;
  const resp::ReplyWriter::Mark begin = ctx.reply.mark();
  AllOrNothing whole(ctx);
  const bool ok = RunInner(ctx, inner, ctx.reply);
  if (ctx.over_budget()) return whole.Undo();
  // The command may have ended the lease itself.
  const bool alive = LeasesOf(ctx.store).Find(ctx.args[2]) != nullptr;
  const std::string_view error =
      ok && alive ? AttachWritten(ctx, inner, whole.Written()) : std::string_view();
  if (!error.empty()) {
    whole.Undo();
    ctx.reply.Rewind(begin);
    return ctx.reply.Error(error);
  }
  whole.Keep();
}

void CmdLeaseTtl(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  const bool with_keys = args.Token("KEYS");
  args.ExpectEnd();
  if (!args.ok()) return ctx.reply.Error(args.error());
  const Lease* lease = LeasesOf(ctx.store).Find(ctx.args[2]);
  if (lease == nullptr) return ctx.reply.Null();
  int64_t remaining_ms = lease->ttl_ms;
  if (ctx.caller.timers != nullptr) {
    remaining_ms = ctx.caller.timers->LeaseRemainingMs(lease->id).value_or(remaining_ms);
  }
  ctx.reply.Array(with_keys ? 4 : 3);
  ctx.reply.Int(lease->ttl_ms);
  ctx.reply.Int(remaining_ms);
  ctx.reply.Bulk(lease->owner);
  if (!with_keys) return;
  ctx.reply.Array(lease->keys.size());
  for (const auto& [attach, key] : lease->keys) ctx.reply.Bulk(key.name);
}

void CmdLeaseList(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  std::string_view owner;
  std::string_view after;
  bool has_owner = false;
  size_t limit = kListDefault;
  while (args.HasNext()) {
    if (args.Option("OWNER")) {
      owner = args.Next();
      has_owner = true;
    } else if (args.Option("AFTER")) {
      after = args.Next();
    } else if (args.Option("LIMIT")) {
      limit = TakeListLimit(args);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (!args.ok()) return ctx.reply.Error(args.error());
  constexpr uint64_t kRowNs = 100;
  if (!ctx.SpendEach(LeasesOf(ctx.store).size(), kRowNs)) return;
  const std::vector<const Lease*> leases =
      LeasesOf(ctx.store).List(after, limit, has_owner ? &owner : nullptr);
  ctx.reply.Array(leases.size());
  for (const Lease* lease : leases) {
    ctx.reply.Array(5);
    ctx.reply.Bulk(lease->id);
    ctx.reply.Int(lease->ttl_ms);
    ctx.reply.Bulk(lease->owner);
    ctx.reply.Uint(lease->keys.size());
    ctx.reply.Uint(lease->grant_revision);
  }
}

void CmdLeaseHelp(Context& ctx) { ReplyHelp(ctx, "LEASE", kLeaseHelp); }

std::span<const CommandSpec> LeaseCommands() { return kLeaseRows; }

}  // namespace clustron::commands
