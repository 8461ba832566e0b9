// What the server tells of itself: INFO, ROLE, TIME, MEMORY, SLOWLOG, LATENCY, MODULE.
#include "base/memory.h"
#include "base/numeric.h"
#include "commands/admin/errors.h"
#include "commands/admin/server_commands.spec.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/connection_args.h"
#include "commands/core/help.h"
#include "commands/core/ports.h"
#include "commands/core/registry.h"
#include "resp/reply_writer.h"

namespace clustron::commands {

namespace {

constexpr HelpLine kMemoryHelp[] = {
    {"MALLOC-STATS", "The allocator's own report."},
    {"PURGE", "Give unused memory back to the system."},
    {"STATS", "Where memory goes."},
    {"USAGE <key> [SAMPLES <count>]", "Bytes that a key and its value take."},
};
constexpr HelpLine kModuleHelp[] = {{"LIST", "Loaded modules: none."}};
constexpr HelpLine kSlowlogHelp[] = {
    {"GET [<count>]", "The newest slow commands (10; -1: all)."},
    {"LEN", "How many are kept."},
    {"RESET", "Forget them."},
};
constexpr HelpLine kLatencyHelp[] = {
    {"HISTOGRAM [<command> ...]", "How many calls took up to how many microseconds."},
    {"LATEST", "Latency spikes: none are recorded."},
    {"RESET [<event> ...]", "Forget latency spikes."},
};
constexpr int64_t kSlowlogShown = 10;

}  // namespace

bool LooksLikeMaster(const RoleView& role, const ClientPort* client) {
  if (role.leader) return true;
  if (!role.takes_writes || role.advertised == AdvertisedRole::kLeader) return false;
  return role.advertised == AdvertisedRole::kAll ||
         (client != nullptr && client->writes_to_masters_only());
}

void CmdInfo(Context& ctx) {
  if (!HasServer(ctx)) return;
  const bool as_master = LooksLikeMaster(ctx.server->node().Role(), ctx.caller.client);
  ctx.reply.Verbatim(ctx.server->info().Info(ctx.args.subspan(1), as_master));
}

void CmdRole(Context& ctx) {
  if (!HasServer(ctx)) return;
  const RoleView role = ctx.server->node().Role();
  resp::ReplyWriter& reply = ctx.reply;
  if (!LooksLikeMaster(role, ctx.caller.client)) {
    reply.Array(5);
    reply.Bulk("slave");
    reply.Bulk(role.leader_host);
    reply.Int(role.leader_port);
    reply.Bulk(role.connected ? "connected" : "connect");
    reply.Uint(role.applied_slot);
    return;
  }
  reply.Array(3);
  reply.Bulk("master");
  reply.Uint(role.applied_slot);
  reply.Array(role.followers.size());
  for (const RoleView::Follower& follower : role.followers) {
    reply.Array(3);
    reply.Bulk(follower.host);
    reply.BulkInt(follower.port);
    reply.BulkInt(static_cast<int64_t>(follower.durable_slot));
  }
}

// In an entry it is the entry's time, the same on every node.
void CmdTime(Context& ctx) {
  int64_t us = ctx.store.wall_ms() * 1000;
  if (!ctx.in_entry() && ctx.server != nullptr) us = ctx.server->node().WallUs();
  ctx.reply.Array(2);
  ctx.reply.BulkInt(us / 1'000'000);
  ctx.reply.BulkInt(us % 1'000'000);
}

void CmdMemoryUsage(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  while (args.HasNext()) {
    if (!args.Option("SAMPLES")) {
      args.Fail(kErrSyntax);
    } else if (args.Int() < 0) {
      args.Fail(kErrSyntax);
    }
  }
  if (!args.ok()) return ctx.reply.Error(args.error());
  const store::KeyRecord* record = Peek(ctx, ctx.args[2]);
  if (record == nullptr) return ctx.reply.Null();
  constexpr size_t kPieceBytes = 64 * 1024;
  if (record->form() == store::Form::kBig && !ctx.Spend(StringOf(*record).size() / kPieceBytes))
    return;
  ctx.reply.Uint(record->MemoryUsage());
}

void CmdMemoryStats(Context& ctx) {
  if (!HasServer(ctx)) return;
  const std::vector<MemoryStat> stats = ctx.server->info().MemoryStats();
  ctx.reply.Map(stats.size());
  for (const MemoryStat& stat : stats) {
    ctx.reply.Bulk(stat.name);
    if (!stat.parts.empty()) {
      ctx.reply.Map(stat.parts.size());
      for (const auto& [name, value] : stat.parts) {
        ctx.reply.Bulk(name);
        ctx.reply.Int(value);
      }
    } else if (stat.is_ratio) {
      ctx.reply.Double(stat.value);
    } else {
      ctx.reply.Int(static_cast<int64_t>(stat.value));
    }
  }
}

void CmdMemoryPurge(Context& ctx) {
  PurgeMemory();
  ctx.reply.Ok();
}

void CmdMemoryMallocStats(Context& ctx) { ctx.reply.Verbatim(AllocatorReport()); }
void CmdMemoryHelp(Context& ctx) { ReplyHelp(ctx, "MEMORY", kMemoryHelp); }

void CmdModuleList(Context& ctx) { ctx.reply.Array(0); }
void CmdModuleHelp(Context& ctx) { ReplyHelp(ctx, "MODULE", kModuleHelp); }

void CmdSlowlogGet(Context& ctx) {
  if (!HasServer(ctx)) return;
  if (ctx.args.size() > 3) return ReplySubcommandSyntax(ctx);
  int64_t count = kSlowlogShown;
  if (ctx.args.size() == 3) {
    const auto given = ParseInt64(ctx.args[2]);
    if (!given || *given < -1) {
      return ctx.reply.Error(kErrSlowlogCount);
    }
    count = *given;
  }
  const std::vector<SlowCommand> slow =
      ctx.server->info().SlowCommands(count < 0 ? SIZE_MAX : static_cast<size_t>(count));
  ctx.reply.Array(slow.size());
  for (const SlowCommand& command : slow) {
    ctx.reply.Array(6);
    ctx.reply.Uint(command.id);
    ctx.reply.Int(command.unix_s);
    ctx.reply.Int(command.took_us);
    ctx.reply.Array(command.args.size());
    for (const std::string& arg : command.args) ctx.reply.Bulk(arg);
    ctx.reply.Bulk(command.addr);
    ctx.reply.Bulk(command.client_name);
  }
}

void CmdSlowlogLen(Context& ctx) {
  if (HasServer(ctx)) ctx.reply.Uint(ctx.server->info().SlowCount());
}

void CmdSlowlogReset(Context& ctx) {
  if (!HasServer(ctx)) return;
  ctx.server->info().ForgetSlow();
  ctx.reply.Ok();
}

void CmdSlowlogHelp(Context& ctx) { ReplyHelp(ctx, "SLOWLOG", kSlowlogHelp); }

void CmdLatencyHistogram(Context& ctx) {
  if (!HasServer(ctx)) return;
  const auto latencies = ctx.server->info().Latencies(ctx.args.subspan(2));
  ctx.reply.Map(latencies.size());
  for (const CommandLatency& latency : latencies) {
    ctx.reply.Bulk(latency.name);
    ctx.reply.Map(2);
    ctx.reply.Bulk("calls");
    ctx.reply.Uint(latency.calls);
    ctx.reply.Bulk("histogram_usec");
    ctx.reply.Map(latency.calls_up_to_us.size());
    for (const auto& [us, calls] : latency.calls_up_to_us) {
      ctx.reply.Uint(us);
      ctx.reply.Uint(calls);
    }
  }
}

void CmdLatencyLatest(Context& ctx) { ctx.reply.Array(0); }
void CmdLatencyReset(Context& ctx) { ctx.reply.Int(0); }
void CmdLatencyHelp(Context& ctx) { ReplyHelp(ctx, "LATENCY", kLatencyHelp); }

constexpr std::string_view kOwnCluster =
    " (it is no Redis Cluster: INFO paxos tells of the cluster that it is a member of)";

// COMPAT: as Redis without cluster mode, so that clients don't take it for Redis Cluster.
// COMPAT: Redis looks at the subcommand and its arity before it says that it is no cluster.
void CmdCluster(Context& ctx) {
  static constexpr CommandSpec kSubcommands[] = {
      {.name = "CLUSTER|ADDSLOTS", .arity = -3},
      {.name = "CLUSTER|ADDSLOTSRANGE", .arity = -4},
      {.name = "CLUSTER|BUMPEPOCH", .arity = 2},
      {.name = "CLUSTER|COUNT-FAILURE-REPORTS", .arity = 3},
      {.name = "CLUSTER|COUNTKEYSINSLOT", .arity = 3},
      {.name = "CLUSTER|DELSLOTS", .arity = -3},
      {.name = "CLUSTER|DELSLOTSRANGE", .arity = -4},
      {.name = "CLUSTER|FAILOVER", .arity = -2},
      {.name = "CLUSTER|FLUSHSLOTS", .arity = 2},
      {.name = "CLUSTER|FORGET", .arity = 3},
      {.name = "CLUSTER|GETKEYSINSLOT", .arity = 4},
      {.name = "CLUSTER|HELP", .arity = 2},
      {.name = "CLUSTER|INFO", .arity = 2},
      {.name = "CLUSTER|KEYSLOT", .arity = 3},
      {.name = "CLUSTER|LINKS", .arity = 2},
      {.name = "CLUSTER|MEET", .arity = -4},
      {.name = "CLUSTER|MYID", .arity = 2},
      {.name = "CLUSTER|MYSHARDID", .arity = 2},
      {.name = "CLUSTER|NODES", .arity = 2},
      {.name = "CLUSTER|REPLICAS", .arity = 3},
      {.name = "CLUSTER|REPLICATE", .arity = 3},
      {.name = "CLUSTER|RESET", .arity = -2},
      {.name = "CLUSTER|SAVECONFIG", .arity = 2},
      {.name = "CLUSTER|SET-CONFIG-EPOCH", .arity = 3},
      {.name = "CLUSTER|SETSLOT", .arity = -4},
      {.name = "CLUSTER|SHARDS", .arity = 2},
      {.name = "CLUSTER|SLAVES", .arity = 3},
      {.name = "CLUSTER|SLOTS", .arity = 2},
  };
  for (const CommandSpec& spec : kSubcommands) {
    if (!IsWord(ctx.args[1], spec.name.substr(std::string_view("CLUSTER|").size()))) continue;
    if (!spec.ArityOk(ctx.args.size())) {
      return ReplyBadCommand(ctx.args, nullptr, &spec, ctx.reply);
    }
    return ctx.reply.Error(std::string(kErrNoCluster) + std::string(kOwnCluster));
  }
  ReplyBadCommand(ctx.args, ctx.spec, nullptr, ctx.reply);
}

std::span<const CommandSpec> ServerCommands() { return kServerCommandsRows; }

}  // namespace clustron::commands
