// Leadership, durability and the process's end: FAILOVER, WAIT, SAVE, SHUTDOWN …
#include <memory>

#include "base/numeric.h"
#include "commands/admin/errors.h"
#include "commands/admin/server_commands.spec.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/connection_args.h"
#include "commands/core/ports.h"
#include "resp/reply_writer.h"

namespace clustron::commands {

namespace {

void ReplyStatus(Context& ctx, const Status& status) {
  if (status) {
    ctx.reply.Ok();
  } else {
    ctx.reply.Error(status.error().detail);
  }
}

// WAIT and WAITAOF: until enough nodes have the caller's last write, chosen, on their disks. Others
// count by what they answer after the command has come, so whoever is gone counts for nothing;
// where nothing can be waited for (MULTI), nobody has answered.
class DurabilityWait final : public LateReply {
 public:
  struct Goal {
    uint64_t slot = 0;
    uint64_t round = 0;
    bool here = false;
    size_t others = 0;
    bool tell_here = false;  // WAITAOF's reply: [here, others]
  };
  DurabilityWait(NodePort& node, Goal goal) : node_(node), goal_(goal) {}

  bool Poll(bool expired, resp::ReplyWriter& reply) override {
    const Durability now = node_.DurableAt(goal_.slot, goal_.round);
    const bool reached = (now.here || !goal_.here) && now.others >= goal_.others;
    if (!reached && !expired) return false;
    if (goal_.tell_here) {
      reply.Array(2);
      reply.Int(now.here ? 1 : 0);
    }
    reply.Uint(now.others);
    return true;
  }

 private:
  NodePort& node_;
  const Goal goal_;
};

void WaitFor(Context& ctx, DurabilityWait::Goal goal, int64_t timeout_ms) {
  NodePort& node = ctx.server->node();
  goal.slot = node.LastWriteSlot(*ctx.caller.client);
  goal.round = node.BeginDurabilityRound();
  auto wait = std::make_unique<DurabilityWait>(node, goal);
  if (wait->Poll(false, ctx.reply)) return;
  DurabilityWait at_once(node, goal);
  if (!AnswerLater(ctx, std::move(wait), timeout_ms)) at_once.Poll(true, ctx.reply);
}

int64_t TakeTimeout(ArgCursor& args) {
  const int64_t timeout_ms = args.Int(kErrTimeoutInteger);
  if (timeout_ms < 0) args.Fail(kErrTimeoutNegative);
  return timeout_ms;
}

// SAVE: until the snapshot is written.
class SnapshotWait final : public LateReply {
 public:
  explicit SnapshotWait(const NodePort& node) : node_(node) {}
  bool Poll(bool, resp::ReplyWriter& reply) override {
    if (node_.SnapshotRunning()) return false;
    if (node_.LastSnapshotOk()) {
      reply.Ok();
    } else {
      reply.Error(kErrSaveFailed);
    }
    return true;
  }

 private:
  const NodePort& node_;
};

// SHUTDOWN has no reply unless it fails.
class ShutdownWait final : public LateReply {
 public:
  explicit ShutdownWait(const NodePort& node) : node_(node) {}
  bool Poll(bool, resp::ReplyWriter& reply) override {
    if (node_.ShuttingDown()) return false;
    reply.Error(kErrBadShutdown);
    return true;
  }

 private:
  const NodePort& node_;
};

}  // namespace

void CmdWait(Context& ctx) {
  if (!HasClient(ctx)) return;
  ArgCursor args(ctx.args);
  const int64_t others = args.Int();
  const int64_t timeout_ms = TakeTimeout(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  WaitFor(ctx, {.others = static_cast<size_t>(std::max<int64_t>(others, 0))}, timeout_ms);
}

void CmdWaitaof(Context& ctx) {
  if (!HasClient(ctx)) return;
  ArgCursor args(ctx.args);
  const int64_t here = args.IntIn(0, 1, kErrWaitaofHere);
  const int64_t others = args.IntIn(0, INT64_MAX, kErrNotPositive);
  const int64_t timeout_ms = TakeTimeout(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  constexpr std::string_view kAppendOnly[] = {"appendonly"};
  if (here > 0 && ctx.server->config().Get(kAppendOnly)[0].second == "no") {
    return ctx.reply.Error(kErrWaitaofMemory);
  }
  WaitFor(ctx, {.here = here > 0, .others = static_cast<size_t>(others), .tell_here = true},
          timeout_ms);
}

void CmdFailover(Context& ctx) {
  if (!HasServer(ctx)) return;
  ArgCursor args(ctx.args);
  FailoverRequest request;
  bool abort = false;
  bool timed = false;
  bool targeted = false;
  while (args.HasNext()) {
    if (!timed && args.Option("TIMEOUT")) {
      timed = true;
      request.timeout_ms = args.Int();
      if (request.timeout_ms <= 0) args.Fail(kErrFailoverTimeout);
    } else if (ctx.args.size() == 2 && args.Token("ABORT")) {
      abort = true;
    } else if (!targeted && args.Option("TO", 2)) {
      targeted = true;
      request.host = args.Next();
      request.port = static_cast<int>(args.IntIn(INT32_MIN, INT32_MAX, kErrNotInteger));
    } else if (!request.force && args.Option("FORCE", 0)) {
      request.force = true;
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (!args.ok()) return ctx.reply.Error(args.error());
  NodePort& node = ctx.server->node();
  if (abort) return ReplyStatus(ctx, node.AbortFailover());
  const RoleView role = node.Role();
  if (role.leader && role.followers.empty()) return ctx.reply.Error(kErrFailoverNoReplicas);
  if (role.leader && request.force && !(timed && targeted)) {
    return ctx.reply.Error(kErrFailoverForce);
  }
  ReplyStatus(ctx, node.BeginFailover(request));
}

void CmdReplicaof(Context& ctx) {
  if (IsWord(ctx.args[1], "NO") && IsWord(ctx.args[2], "ONE")) return ctx.reply.Ok();
  const auto port = ParseInt64(ctx.args[2]);
  if (!port || *port < 0 || *port > 65535) return ctx.reply.Error(kErrMasterPort);
  ctx.reply.Error(kErrReplicaof);
}

void CmdSlaveof(Context& ctx) { CmdReplicaof(ctx); }

void CmdSave(Context& ctx) {
  if (!HasServer(ctx)) return;
  NodePort& node = ctx.server->node();
  if (Status begun = node.BeginSnapshot(); !begun) return ctx.reply.Error(begun.error().detail);
  if (!AnswerLater(ctx, std::make_unique<SnapshotWait>(node), 0)) ctx.reply.Ok();
}

void CmdBgsave(Context& ctx) {
  if (!HasServer(ctx)) return;
  ArgCursor args(ctx.args);
  args.Token("SCHEDULE");
  args.ExpectEnd();
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (Status begun = ctx.server->node().BeginSnapshot(); !begun) {
    return ctx.reply.Error(begun.error().detail);
  }
  ctx.reply.Simple("Background saving started");
}

void CmdLastsave(Context& ctx) {
  if (HasServer(ctx)) ctx.reply.Int(ctx.server->node().LastSnapshotUnixS());
}

void CmdShutdown(Context& ctx) {
  if (!HasServer(ctx)) return;
  using Save = ShutdownRequest::Save;
  ShutdownRequest request;
  bool abort = false;
  ArgCursor args(ctx.args);
  while (args.HasNext()) {
    if (request.save != Save::kSave && args.Token("NOSAVE")) {
      request.save = Save::kNoSave;
    } else if (request.save != Save::kNoSave && args.Token("SAVE")) {
      request.save = Save::kSave;
    } else if (args.Token("NOW")) {
      request.now = true;
    } else if (args.Token("FORCE")) {
      request.force = true;
    } else if (ctx.args.size() == 2 && args.Token("ABORT")) {
      abort = true;
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (!args.ok()) return ctx.reply.Error(args.error());
  NodePort& node = ctx.server->node();
  if (abort) return ReplyStatus(ctx, node.AbortShutdown());
  if (Status begun = node.BeginShutdown(request); !begun) {
    return ctx.reply.Error(begun.error().detail);
  }
  if (!AnswerLater(ctx, std::make_unique<ShutdownWait>(node), 0)) ctx.reply.Ok();
}

}  // namespace clustron::commands
