// The one-shot transaction: conditions, a branch of commands, all or nothing.
#include <algorithm>
#include <string>

#include "commands/core/access.h"
#include "commands/core/all_or_nothing.h"
#include "commands/core/because.h"
#include "commands/core/error_text.h"
#include "commands/core/guard.h"
#include "commands/core/help.h"
#include "commands/core/registry.h"
#include "commands/core/txn_call.h"
#include "commands/core/wrapper.h"
#include "commands/transaction/branch.h"
#include "commands/transaction/txn.spec.h"

namespace clustron::commands {

namespace {

using Kind = TxnCondition::Kind;
using Tokens = std::vector<Context::LockToken>;

constexpr HelpLine kTxnHelp[] = {
    {"[IF <n> <condition> ...] THEN <n> (<argc> <arg> ...) ... [ELSE <n> (<argc> <arg> ...) ...]",
     "Run the commands of a branch, all or nothing."},
    {"IF <n> EXISTS <key> | ABSENT <key> | LEASE <key> <id> | LOCK <name> <token> | ALIVE <id>",
     "Conditions; all of them must hold for THEN."},
    {"IF <n> REV <key> <op> <n> | VALUE <key> <op> <v> | LEN <key> <op> <n> | FIELD <key> <f> <op> "
     "<v>",
     "Comparisons, by = != < <= > >=."},
    {"BEGIN [TTL <ms>] [ID <id>]", "Open a transaction on this node; the reply is its id."},
    {"DO <id> <command> [<arg> ...]", "Read in it, or stage a write: QUEUED."},
    {"COMMIT <id>", "Apply what is staged, if all that was read is as it was."},
    {"ROLLBACK <id>", "Forget it."},
    {"LIST [AFTER <id>] [LIMIT <n>]",
     "The transactions that are open on this node, in the order of their ids."},
};

// Judges all conditions by the state before the first command. The tokens of LOCK conditions that
// hold are added to `tokens`.
bool ConditionsHold(Context& ctx, const TxnCall& call, Tokens* tokens, std::string* error) {
  bool all = true;
  for (size_t i = 0; i < call.conditions.size(); i++) {
    const TxnCondition& condition = call.conditions[i];
    std::string_view why;
    const bool holds = ConditionHolds(condition, ctx.store, ctx.db, &why);
    if (!why.empty()) {
      *error = WithPrefix(
          why, "condition " + std::to_string(i + 1) + " (on " + Quoted(condition.key) + ")");
      return false;
    }
    if (holds && condition.kind == Kind::kLock) {
      tokens->push_back({condition.key, condition.number});
    }
    all = all && holds;
  }
  return all;
}

// In front of the branch's replies.
void PutHeader(Context& ctx, uint64_t place, bool then, size_t replies) {
  const store::Revision revision = ctx.store.ItemRevision();
  std::string header;
  resp::ReplyWriter writer(&header, ctx.reply.version());
  writer.Array(3);
  writer.Int(then ? 1 : 0);
  writer.Uint(ctx.in_entry() && revision != 0 ? revision : ctx.store.revision());
  writer.Array(replies);
  ctx.reply.RawAt(place, header);
}

Class CommandsClass(const std::vector<Args>& commands) {
  for (const Args& command : commands) {
    if (InnerClass(command, 0) == Class::kWrite) return Class::kWrite;
  }
  return Class::kRead;
}

void AppendCommandKeys(Args all, const std::vector<Args>& commands, std::vector<KeyRef>* out) {
  for (const Args& command : commands) {
    std::vector<KeyRef> keys;
    if (!InnerKeys(command, 0, &keys)) continue;  // it will answer its error
    const int offset = static_cast<int>(command.data() - all.data());
    for (const KeyRef& key : keys) out->push_back({key.index + offset, key.flags});
  }
}

}  // namespace

Class TxnClass(Args args) {
  if (IsHelp(args)) return Class::kLocal;
  TxnCall call;
  if (!ParseTxn(args, &call).empty()) return Class::kRead;  // answers its error
  return std::max(CommandsClass(call.then_commands), CommandsClass(call.else_commands));
}

bool TxnKeys(Args args, std::vector<KeyRef>* out) {
  TxnCall call;
  if (!ParseTxn(args, &call).empty()) return false;
  for (const TxnCondition& condition : call.conditions) {
    if (condition.kind == Kind::kAlive) continue;
    const bool lock = condition.kind == Kind::kLock;
    out->push_back({static_cast<int>(condition.key_index),
                    lock ? KeySpec::kRo : KeySpec::kRo | KeySpec::kAccess});
  }
  AppendCommandKeys(args, call.then_commands, out);
  AppendCommandKeys(args, call.else_commands, out);
  return true;
}

void CmdTxn(Context& ctx) {
  if (IsHelp(ctx.args)) return ReplyHelp(ctx, "TXN", kTxnHelp);
  TxnCall call;
  if (const std::string error = ParseTxn(ctx.args, &call); !error.empty()) {
    return ctx.reply.Error(error);
  }
  Tokens tokens(ctx.lock_tokens.begin(), ctx.lock_tokens.end());
  std::string error;
  const bool then = ConditionsHold(ctx, call, &tokens, &error);
  if (!error.empty()) return ctx.reply.Error(error);
  const std::vector<Args>& branch = then ? call.then_commands : call.else_commands;
  const GuardVerdict verdict =
      ctx.guards_checked ? GuardVerdict{} : CheckBranch(ctx, branch, tokens);
  if (!verdict.allowed) return ReplyLocked(ctx, verdict);
  ctx.guards_checked = true;
  ctx.lock_tokens = tokens;

  const uint64_t place = ctx.reply.Deferred();
  const resp::ReplyWriter::Mark begin = ctx.reply.mark();
  const std::string_view part = then ? "" : "ELSE: ";
  const Because because(ctx, store::Reason::kTxn);
  if (ctx.in_entry()) {
    AllOrNothing whole(ctx);
    if (!RunBranch(ctx, branch, begin, part)) return whole.Undo();
    PutHeader(ctx, place, then, branch.size());
    // The header counts, too.
    if (ctx.over_budget()) return whole.Undo();
    whole.Keep();
  } else if (RunBranch(ctx, branch, begin, part)) {
    PutHeader(ctx, place, then, branch.size());
  }
}

std::span<const CommandSpec> TxnCommands() { return kTxnRows; }

}  // namespace clustron::commands
