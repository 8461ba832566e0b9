// Publish and subscribe. A node tells its own subscribers; `server` takes messages to the others.
#include "commands/core/channel_sync.h"
#include "commands/core/connection_args.h"
#include "commands/core/error_watch.h"
#include "commands/core/help.h"
#include "commands/core/ports.h"
#include "commands/core/registry.h"
#include "commands/core/watch_target.h"
#include "commands/core/watches_port.h"
#include "commands/pubsub/channels.h"
#include "commands/pubsub/errors.h"
#include "commands/pubsub/pubsub.spec.h"
#include "resp/reply_writer.h"
#include "store/keyspace/store.h"

namespace clustron::commands {

using Kind = PubsubPort::Kind;

namespace {

constexpr HelpLine kPubsubHelp[] = {
    {"CHANNELS [<pattern>]", "Channels with subscribers on this node."},
    {"NUMPAT", "How many different patterns are subscribed to."},
    {"NUMSUB [<channel> ...]", "Subscribers of channels, patterns apart."},
    {"SHARDCHANNELS [<pattern>]", "Shard channels with subscribers on this node."},
    {"SHARDNUMSUB [<shardchannel> ...]", "Subscribers of shard channels."},
};

void Confirm(Context& ctx, std::string_view what, Kind kind, std::optional<std::string_view> name) {
  ctx.reply.Push(3);
  ctx.reply.Bulk(what);
  if (name) {
    ctx.reply.Bulk(*name);
  } else {
    ctx.reply.Null();
  }
  ctx.reply.Uint(ctx.server->pubsub().CountOf(*ctx.caller.client, kind));
}

// What holds now, on a channel of the server's own events.
void Sync(Context& ctx, std::string_view channel) {
  if (!IsReservedChannel(channel)) return;
  // Within an item that has changed something what its revision did is still to be told.
  const bool midway = ctx.in_entry() && ctx.store.ItemRevision() != 0;
  uint64_t told = midway ? ctx.store.ItemRevision() - 1 : ctx.store.revision();
  if (ctx.server != nullptr && !ctx.in_entry()) told = ctx.server->watches().ToldRevision();
  const std::optional<std::string> message = SyncMessage(ctx.store, channel, told);
  if (!message) return;
  ctx.reply.Push(3);
  ctx.reply.Bulk("message");
  ctx.reply.Bulk(channel);
  ctx.reply.Bulk(*message);
}

void Subscribe(Context& ctx, std::string_view what, Kind kind) {
  if (!HasClient(ctx)) return;
  for (std::string_view name : ctx.args.subspan(1)) {
    if (kind == Kind::kChannel && IsWatchChannel(name) && !ParseWatchChannel(name))
      return ctx.reply.Error(NoWatchChannel(name));
    if (kind == Kind::kChannel && IsLockChannel(name) && !SyncMessage(ctx.store, name, 0))
      return ctx.reply.Error(NoLockChannel(name));
    if (kind == Kind::kShard && IsReservedChannel(name))
      return ctx.reply.Error(ReservedChannel(name));
    // EXEC's reply has one element for each command.
    if (kind == Kind::kChannel && ctx.depth > 0 && SyncMessage(ctx.store, name, 0))
      return ctx.reply.Error(SubscribeInMulti(name));
  }
  for (std::string_view name : ctx.args.subspan(1)) {
    ctx.server->pubsub().Subscribe(*ctx.caller.client, kind, name);
    Confirm(ctx, what, kind, name);
    if (kind == Kind::kChannel) Sync(ctx, name);
  }
}

void Unsubscribe(Context& ctx, std::string_view what, Kind kind) {
  if (!HasClient(ctx)) return;
  PubsubPort& pubsub = ctx.server->pubsub();
  for (std::string_view name : ctx.args.subspan(1)) {
    pubsub.Unsubscribe(*ctx.caller.client, kind, name);
    Confirm(ctx, what, kind, name);
  }
  if (ctx.args.size() > 1) return;
  const std::vector<std::string> names = pubsub.NamesOf(*ctx.caller.client, kind);
  for (const std::string& name : names) {
    pubsub.Unsubscribe(*ctx.caller.client, kind, name);
    Confirm(ctx, what, kind, name);
  }
  if (names.empty()) Confirm(ctx, what, kind, std::nullopt);
}

// Inside an entry each node tells its own subscribers as it applies it, and the reply, which must
// be the same everywhere, can't count them.
void Publish(Context& ctx, bool sharded) {
  if (IsReservedChannel(ctx.args[1])) return ctx.reply.Error(ReservedChannel(ctx.args[1]));
  if (ctx.in_entry()) {
    if (ctx.held_messages != nullptr) {
      ctx.held_messages->push_back({ctx.args[1], ctx.args[2], sharded});
    } else if (ctx.server != nullptr && !ctx.recovering()) {
      ctx.server->Publish(ctx.args[1], ctx.args[2], sharded, true);
    }
    return ctx.reply.Int(0);
  }
  if (HasServer(ctx)) {
    ctx.reply.Uint(ctx.server->Publish(ctx.args[1], ctx.args[2], sharded, false));
  }
}

void ListChannels(Context& ctx, Kind kind) {
  if (!HasServer(ctx)) return;
  if (ctx.args.size() > 3) {
    return ReplySubcommandSyntax(ctx);
  }
  std::optional<std::string_view> pattern;
  if (ctx.args.size() == 3) pattern = ctx.args[2];
  const std::vector<std::string> names = ctx.server->pubsub().Names(kind, pattern);
  ctx.reply.Array(names.size());
  for (const std::string& name : names) ctx.reply.Bulk(name);
}

void CountSubscribers(Context& ctx, Kind kind) {
  if (!HasServer(ctx)) return;
  const Args names = ctx.args.subspan(2);
  ctx.reply.Array(names.size() * 2);
  for (std::string_view name : names) {
    ctx.reply.Bulk(name);
    ctx.reply.Uint(ctx.server->pubsub().Subscribers(kind, name));
  }
}

}  // namespace

void CmdSubscribe(Context& ctx) { Subscribe(ctx, "subscribe", Kind::kChannel); }
void CmdPsubscribe(Context& ctx) { Subscribe(ctx, "psubscribe", Kind::kPattern); }
void CmdSsubscribe(Context& ctx) { Subscribe(ctx, "ssubscribe", Kind::kShard); }
void CmdUnsubscribe(Context& ctx) { Unsubscribe(ctx, "unsubscribe", Kind::kChannel); }
void CmdPunsubscribe(Context& ctx) { Unsubscribe(ctx, "punsubscribe", Kind::kPattern); }
void CmdSunsubscribe(Context& ctx) { Unsubscribe(ctx, "sunsubscribe", Kind::kShard); }
void CmdPublish(Context& ctx) { Publish(ctx, false); }
void CmdSpublish(Context& ctx) { Publish(ctx, true); }
void CmdPubsubChannels(Context& ctx) { ListChannels(ctx, Kind::kChannel); }
void CmdPubsubShardchannels(Context& ctx) { ListChannels(ctx, Kind::kShard); }
void CmdPubsubNumsub(Context& ctx) { CountSubscribers(ctx, Kind::kChannel); }
void CmdPubsubShardnumsub(Context& ctx) { CountSubscribers(ctx, Kind::kShard); }
void CmdPubsubNumpat(Context& ctx) {
  if (HasServer(ctx)) ctx.reply.Uint(ctx.server->pubsub().Patterns());
}
void CmdPubsubHelp(Context& ctx) { ReplyHelp(ctx, "PUBSUB", kPubsubHelp); }

std::span<const CommandSpec> PubsubCommands() { return kPubsubRows; }

}  // namespace clustron::commands
