#include "commands/transaction/multi.h"

#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/all_or_nothing.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/because.h"
#include "commands/core/db_index.h"
#include "commands/core/error_text.h"
#include "commands/core/guard.h"
#include "commands/core/registry.h"
#include "commands/core/wrapper.h"
#include "commands/transaction/errors.h"
#include "commands/transaction/multi.spec.h"
#include "store/tables/lock_table.h"

namespace clustron::commands {

ExecEncoder::ExecEncoder(std::span<const WatchedKey> watches, size_t command_count) {
  args_.push_back("EXEC");
  Number(watches.size());
  for (const WatchedKey& watch : watches) {
    Number(static_cast<uint64_t>(watch.db));
    args_.push_back(watch.key);
    Number(watch.key_revision);
    Number(watch.store_revision);
  }
  Number(command_count);
}

void ExecEncoder::Add(Args command) {
  Number(command.size());
  args_.insert(args_.end(), command.begin(), command.end());
}

void ExecEncoder::Number(uint64_t value) { args_.push_back(numbers_.emplace_back(value).view()); }

bool DecodeExec(Args all, ExecCall* out) {
  ArgCursor args(all);
  const auto watches = args.IntIn(0, INT32_MAX, kErrSyntax);
  for (int64_t i = 0; i < watches && args.ok(); i++) {
    ExecWatch watch;
    watch.db = static_cast<int>(args.IntIn(0, store::kDatabases - 1, kErrSyntax));
    watch.key = args.Next();
    watch.key_revision = args.Unsigned();
    watch.store_revision = args.Unsigned();
    out->watches.push_back(watch);
  }
  const auto commands = args.IntIn(0, INT32_MAX, kErrSyntax);
  for (int64_t i = 0; i < commands && args.ok(); i++) {
    const int64_t size = args.Int();
    if (!args.ok() || size < 1 || static_cast<size_t>(size) > args.remaining()) return false;
    out->commands.push_back(all.subspan(args.position(), static_cast<size_t>(size)));
    args.Skip(static_cast<size_t>(size));
  }
  args.ExpectEnd();
  return args.ok();
}

namespace {

const CommandSpec* SpecOf(Args command) {
  const CommandSpec* container;
  return Registry::Get().Resolve(command, &container);
}

// COMPAT: what has no key or class of its own (SELECT, PING, CONFIG …) may be queued too.
bool IsReadOnly(Args command) {
  const CommandSpec* spec = SpecOf(command);
  if (spec == nullptr) return true;  // an error reply
  const Class cls = spec->ClassOf(command);
  return cls == Class::kRead || cls == Class::kLocal;
}

bool WatchesHold(const Context& ctx, const ExecCall& call) {
  for (const ExecWatch& watch : call.watches) {
    if (!ctx.store.Unchanged(
            {watch.db, std::string(watch.key), watch.key_revision, watch.store_revision})) {
      return false;
    }
  }
  return true;
}

// All guards at once, by the locks as they are now.
GuardVerdict CheckAllGuards(const Context& ctx, const ExecCall& call) {
  if (!LocksOf(ctx.store).guards_any()) return {};
  int db = ctx.db;
  for (const Args& command : call.commands) {
    const CommandSpec* spec = SpecOf(command);
    if (spec == nullptr || !spec->ArityOk(command.size())) continue;
    if (spec->Is(kSelectsDb)) {
      // As CmdSelect has it: one that fails leaves the database as it was.
      db = FindDb(ctx.store, command[1]).value_or(db);
      continue;
    }
    const GuardVerdict verdict = CheckGuards(*spec, command, db, ctx.lock_tokens, ctx);
    if (!verdict.allowed) return verdict;
  }
  return {};
}

// COMPAT: over maxmemory an EXEC that may use more is refused whole. Empty: it may run.
std::string_view MemoryError(const Context& ctx, const ExecCall& call) {
  if ((ctx.item_flags() & (kItemOom | kItemDiskLow)) == 0) return {};
  for (const Args& command : call.commands) {
    const CommandSpec* spec = SpecOf(command);
    if (spec == nullptr || !spec->Is(kDenyOom)) continue;
    return (ctx.item_flags() & kItemDiskLow) != 0 ? kErrDiskLow : kErrOom;
  }
  return {};
}

// Commands that belong to the caller's connection run only where it is; on the other nodes nobody
// reads the reply. SELECT decides about the commands behind it, and PUBLISH reaches each node's own
// subscribers, so these two run everywhere.
void RunQueued(Context& ctx, Args command) {
  const CommandSpec* spec = SpecOf(command);
  const bool local = spec != nullptr && spec->ClassOf(command) == Class::kLocal;
  const bool here =
      !local || ctx.caller.client != nullptr || spec->Is(kSelectsDb) || spec->Is(kPubsub);
  // What differs from node to node does not count.
  const bool differs = local || (spec != nullptr && spec->Is(kLocalState));
  if (differs) ctx.reply.BeginUncounted();
  if (here) {
    ctx.nested->Run(command, ctx.reply, ctx);
  } else {
    ctx.reply.Null();
  }
  if (!differs) return;
  ctx.reply.EndUncounted();
  // HELLO takes effect behind the EXEC: the replies of the others are as long on all nodes.
  ctx.reply.SwitchTo(ctx.caller.resp_version);
}

void RunAll(Context& ctx, const ExecCall& call) {
  ctx.reply.Array(call.commands.size());
  for (const Args& command : call.commands) {
    if (ctx.over_budget()) return;
    RunQueued(ctx, command);
  }
}

// Whether the transaction may cost more than its budget: then it must be possible to undo it.
bool MayPassBudget(const Context& ctx, const ExecCall& call) {
  if (ctx.work == nullptr) return false;
  if (WayBack::Wanted(ctx, false)) return true;  // what is published must know
  // Of narrow commands, see kWide.
  constexpr size_t kNarrowReplyBytes = 1024;
  uint64_t reply_bytes = kNarrowReplyBytes;
  for (const Args& command : call.commands) {
    const CommandSpec* spec = SpecOf(command);
    if (spec != nullptr && spec->IsWide(command)) return true;
    reply_bytes += kNarrowReplyBytes;
    for (std::string_view arg : command) reply_bytes += arg.size();
  }
  return reply_bytes > ctx.store.item_reply_max();
}

// All of it, or nothing if that would cost too much. What a command did to the connection
// (SUBSCRIBE …) stays done; the database is the one before.
void RunWithinBudget(Context& ctx, const ExecCall& call) {
  const int db = ctx.db;
  std::vector<HeldMessage> messages;
  ctx.held_messages = &messages;
  AllOrNothing whole(ctx);
  RunAll(ctx, call);
  ctx.held_messages = nullptr;
  if (ctx.over_budget()) {
    whole.Undo();
    if (ctx.caller.client != nullptr && ctx.db != db) ctx.caller.client->modes().db = db;
    ctx.db = db;
    return;
  }
  whole.Keep();
  if (ctx.server == nullptr || ctx.recovering()) return;
  for (const HeldMessage& message : messages) {
    ctx.server->Publish(message.channel, message.message, message.sharded, true);
  }
}

// The bare command: there is no MULTI, or a command of it was refused. In an entry, where no sound
// member puts it, it is the same on every node.
void ExecNothing(Context& ctx) {
  if (ctx.in_entry() || !ctx.caller.client->transaction().open())
    return ctx.reply.Error(kErrExecAlone);
  ctx.caller.client->transaction().End();
  ctx.reply.Error(kErrExecAbort);
}

}  // namespace

bool IsReadOnlyExec(const ExecCall& call) {
  for (const Args& command : call.commands) {
    if (!IsReadOnly(command)) return false;
  }
  return true;
}

Class ExecClass(Args args) {
  ExecCall call;
  // The bare command answers at the connection: there is nothing to execute.
  if (args.size() <= 1) return Class::kLocal;
  return !DecodeExec(args, &call) || IsReadOnlyExec(call) ? Class::kRead : Class::kWrite;
}

void CmdExec(Context& ctx) {
  if (ctx.args.size() <= 1) return ExecNothing(ctx);
  ExecCall call;
  if (!DecodeExec(ctx.args, &call)) return ctx.reply.Error(kErrSyntax);
  if (const std::string_view error = MemoryError(ctx, call); !error.empty()) {
    return ctx.reply.Error(ExecAborted(error));
  }
  if (!WatchesHold(ctx, call)) return ctx.reply.NullArray();
  const GuardVerdict verdict = CheckAllGuards(ctx, call);
  if (!verdict.allowed) return ReplyLocked(ctx, verdict);
  ctx.guards_checked = true;
  const Because because(ctx, store::Reason::kTxn);
  MayPassBudget(ctx, call) ? RunWithinBudget(ctx, call) : RunAll(ctx, call);
}

void CmdMulti(Context& ctx) {
  if (ctx.caller.client->transaction().open()) return ctx.reply.Error(kErrNestedMulti);
  ctx.caller.client->transaction().Begin();
  ctx.reply.Ok();
}

void CmdDiscard(Context& ctx) {
  if (!ctx.caller.client->transaction().open()) return ctx.reply.Error(kErrDiscardAlone);
  ctx.caller.client->transaction().End();
  ctx.reply.Ok();
}

void CmdWatch(Context& ctx) {
  if (ctx.caller.client->transaction().open()) return ctx.reply.Error(kErrWatchInMulti);
  for (std::string_view key : ctx.args.subspan(1)) {
    store::WatchPoint point = ctx.store.Watch(ctx.db, key);
    ctx.caller.client->transaction().Watch(
        {point.db, std::move(point.key), point.key_revision, point.store_revision});
  }
  ctx.reply.Ok();
}

void CmdUnwatch(Context& ctx) {
  ctx.caller.client->transaction().Unwatch();
  ctx.reply.Ok();
}

std::span<const CommandSpec> MultiCommands() { return kMultiRows; }

}  // namespace clustron::commands
