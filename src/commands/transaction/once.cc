// ONCE request-id keep-ms command …: the first run stores its reply, a repeat gets it.
#include <string>

#include "base/hash.h"
#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/wrapper.h"
#include "commands/transaction/branch.h"
#include "commands/transaction/errors.h"
#include "commands/transaction/txn.spec.h"
#include "store/tables/once_table.h"

namespace clustron::commands {

namespace {

// What identifies a request beside its id: the command with its arguments, and the database. How
// long the reply is kept may differ: the first run's holds.
void HashArguments(const Context& ctx, uint64_t out[2]) {
  std::string bytes;
  Writer w(&bytes);
  w.U8(static_cast<uint8_t>(ctx.db));
  for (std::string_view arg : ctx.args.subspan(kOnceInner)) w.Bytes(arg);
  out[0] = HashBytes(bytes, 1);
  out[1] = HashBytes(bytes, 2);
}

// Runs the command and keeps its reply, unless it was an error that changed nothing.
void RunAndStore(Context& ctx, store::OnceReply stored) {
  const store::Revision before = ctx.store.ItemRevision();
  resp::ReplyPrefix copy(store::kStoredReplyBytesMax);
  ctx.reply.BeginCapture(&copy);
  const bool ok = RunInner(ctx, ctx.args.subspan(kOnceInner), ctx.reply);
  ctx.reply.EndCapture();
  if (ctx.over_budget()) return;
  if (!ok && ctx.store.ItemRevision() == before) return;
  stored.resp_version = ctx.reply.version();
  const store::Revision revision = ctx.Writable().TakeRevision();
  if (copy.whole()) {
    stored.reply = copy.Take();
  } else {
    resp::ReplyWriter(&stored.reply, stored.resp_version)
        .Bulk("DONE " + std::string(Decimal(revision).view()));
  }
  OnceOf(ctx.Writable()).Put(ctx.user(), ctx.args[1], std::move(stored), ctx.store.elapsed_ms());
}

}  // namespace

Class OnceClass(Args args) {
  // A command that can't run answers its error without an entry; all others store a reply.
  return args.size() > kOnceInner && InnerSpec(args.subspan(kOnceInner)) != nullptr ? Class::kWrite
                                                                                    : Class::kRead;
}

bool OnceIsRepeat(Args args, const Context& ctx) {
  return ctx.in_entry() &&
         OnceOf(ctx.store).Find(ctx.user(), args[1], ctx.store.elapsed_ms()) != nullptr;
}

bool OnceKeys(Args args, std::vector<KeyRef>* out) { return InnerKeys(args, kOnceInner, out); }

void CmdOnce(Context& ctx) {
  ArgCursor args(ctx.args);
  const std::string_view id = args.Next();
  if (id.empty() || id.size() > store::kStoredIdBytesMax) args.Fail(kErrOnceId);
  const int64_t keep_ms = args.IntIn(1, store::kOnceKeepMsMax, kErrOnceKeep);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (!ctx.in_entry()) {
    RunInner(ctx, ctx.args.subspan(kOnceInner), ctx.reply);
    return;
  }
  store::OnceReply stored;
  HashArguments(ctx, stored.arguments);
  stored.until_ms = ctx.store.elapsed_ms() + keep_ms;
  const store::OnceReply* old = OnceOf(ctx.store).Find(ctx.user(), id, ctx.store.elapsed_ms());
  if (old != nullptr) {
    const bool same =
        old->arguments[0] == stored.arguments[0] && old->arguments[1] == stored.arguments[1];
    return same ? ReplyStored(ctx, old->reply, old->resp_version) : ctx.reply.Error(kErrOnceOther);
  }
  if (!OnceOf(ctx.store).HasRoom(ctx.store.elapsed_ms())) return ctx.reply.Error(kErrOnceFull);
  RunAndStore(ctx, std::move(stored));
}

}  // namespace clustron::commands
