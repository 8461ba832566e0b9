// TXN COMMIT: on the node that holds the transaction it becomes an item with all that was read and
// staged; elsewhere, if that node can't be asked, one that closes the id.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/planted_bugs.h"
#include "commands/core/access.h"
#include "commands/core/all_or_nothing.h"
#include "commands/core/because.h"
#include "commands/core/connection_args.h"
#include "commands/core/ports.h"
#include "commands/transaction/branch.h"
#include "commands/transaction/commit_call.h"
#include "commands/transaction/errors.h"
#include "commands/transaction/open_txns.h"
#include "commands/transaction/txn.spec.h"
#include "store/keyspace/store.h"
#include "store/tables/txn_table.h"

namespace clustron::commands {

using store::TxnOutcome;
using Kind = TxnOutcome::Kind;

namespace {

constexpr int64_t kHandOverMs = 2000;

// ---- where the client is ----

void BecomeItem(Context& ctx, std::vector<std::string> words) {
  words.insert(words.begin(), std::string(ctx.args[0]));
  ctx.server->transactions().SetItem(std::move(words));
  ctx.verdict.needs_entry = true;
}

void MakeItem(Context& ctx) {
  if (!HasServer(ctx)) return;
  const std::string_view id = ctx.args[2];
  const std::optional<uint32_t> node = NodeOfTxn(id);
  if (!node) return ctx.reply.Error(kErrNoTxn);
  TransactionsPort& port = ctx.server->transactions();
  if (*node == port.node()) {
    const OpenTxn* txn = port.open().Find(ctx.user(), id, port.NowMs());
    if (txn == nullptr) return BecomeItem(ctx, ClosingWords(id));
    BecomeItem(ctx, txn->Words());
    return port.open().Close(ctx.user(), id);
  }
  std::unique_ptr<LateReply> answer = port.Ask(*node, {.kind = TxnRequest::Kind::kHandOver,
                                                       .db = ctx.db,
                                                       .resp_version = ctx.reply.version(),
                                                       .user = ctx.user(),
                                                       .id = id});
  if (answer == nullptr || !AnswerLater(ctx, std::move(answer), kHandOverMs))
    BecomeItem(ctx, ClosingWords(id));
}

// ---- in the entry ----

// The id has an outcome already. `number`: of the transaction that asks; 0: the id alone does.
void ReplyOutcome(Context& ctx, const TxnOutcome& outcome, uint64_t number) {
  if (outcome.kind == Kind::kClosed) return ctx.reply.Error(kErrNoTxn);
  if (number != 0 && number != outcome.number) return ctx.reply.Error(kErrTxnIdReused);
  ReplyStored(ctx, outcome.reply, outcome.resp_version);
}

// The first key that is not as it was read.
const CommitCall::Read* FindConflict(const Context& ctx, const CommitCall& call,
                                     store::Revision* actual) {
  for (const CommitCall::Read& read : call.reads) {
    const store::KeyRecord* record = ctx.store.Find(call.db, read.key);
    *actual = record == nullptr ? 0 : record->revision();
    if (*actual != read.revision) return &read;
  }
  return nullptr;
}

void ReplyConflict(Context& ctx, const CommitCall::Read& read, store::Revision actual) {
  ctx.reply.Array(4);
  ctx.reply.Int(0);
  ctx.reply.Bulk(read.key);
  ctx.reply.Uint(read.revision);
  ctx.reply.Uint(actual);
}

// Three elements; the third follows.
void BeginReply(resp::ReplyWriter& reply, bool applied, store::Revision revision) {
  reply.Array(3);
  reply.Int(applied ? 1 : 0);
  reply.Uint(revision);
}

// All or nothing; the reply is that of the COMMIT.
Kind Apply(Context& ctx, const CommitCall& call) {
  const GuardVerdict verdict = CheckBranch(ctx, call.commands, ctx.lock_tokens);
  if (!verdict.allowed) {
    ReplyLocked(ctx, verdict);
    return Kind::kFailed;
  }
  ctx.guards_checked = true;
  const resp::ReplyWriter::Mark begin = ctx.reply.mark();
  const Because because(ctx, store::Reason::kTxn);
  AllOrNothing whole(ctx);
  BeginReply(ctx.reply, true, ctx.Writable().TakeRevision());
  ctx.reply.Array(call.commands.size());
  if (!RunBranch(ctx, call.commands, begin, "")) {
    whole.Undo();
    return Kind::kFailed;
  }
  if (ctx.over_budget()) {
    whole.Undo();
    return Kind::kFailed;
  }
  whole.Keep();
  return Kind::kApplied;
}

Kind ValidateAndApply(Context& ctx, const CommitCall& call) {
  store::Revision actual = 0;
  const CommitCall::Read* conflict = FindConflict(ctx, call, &actual);
  if (conflict == nullptr) return Apply(ctx, call);
  ReplyConflict(ctx, *conflict, actual);
  return Kind::kConflict;
}

void Store(Context& ctx, TxnOutcome outcome) {
  const int64_t now_ms = ctx.store.elapsed_ms();
  outcome.revision = ctx.Writable().TakeRevision();
  outcome.until_ms = now_ms + store::kTxnKeptMs;
  TxnsOf(ctx.Writable()).Put(ctx.user(), ctx.args[2], std::move(outcome), now_ms);
}

void Decide(Context& ctx, const CommitCall& call) {
  resp::ReplyPrefix copy(store::kStoredReplyBytesMax);
  ctx.reply.BeginCapture(&copy);
  TxnOutcome outcome{.kind = ValidateAndApply(ctx, call), .number = call.number};
  ctx.reply.EndCapture();
  if (ctx.over_budget()) return;
  outcome.resp_version = ctx.reply.version();
  if (copy.whole()) {
    outcome.reply = copy.Take();
  } else {
    const store::Revision revision = ctx.Writable().TakeRevision();
    resp::ReplyWriter done(&outcome.reply, outcome.resp_version);
    BeginReply(done, outcome.kind == Kind::kApplied, revision);
    done.Bulk("DONE " + std::to_string(revision));
  }
  Store(ctx, std::move(outcome));
}

}  // namespace

void CmdTxnCommit(Context& ctx) {
  if (!ctx.in_entry()) return MakeItem(ctx);
  const bool closes = ctx.args.size() == 3;
  CommitCall call;
  if (!closes && !ReadCommit(ctx.args, &call)) return ctx.reply.Error(kErrTxnMalformed);
  const store::TxnTable& outcomes = TxnsOf(ctx.store);
  const int64_t now_ms = ctx.store.elapsed_ms();
  const TxnOutcome* known = outcomes.Find(ctx.user(), ctx.args[2], now_ms);
  if (known != nullptr && known->kind == Kind::kClosed && Planted(Bug::kTxnClosedIdApplied))
    known = nullptr;
  if (known != nullptr) return ReplyOutcome(ctx, *known, call.number);
  if (!outcomes.HasRoom(now_ms)) return ctx.reply.Error(kErrTxnOutcomesFull);
  if (closes) {
    Store(ctx, {.kind = Kind::kClosed});
    return ctx.reply.Error(kErrNoTxn);
  }
  ctx.db = call.db;
  Decide(ctx, call);
}

}  // namespace clustron::commands
