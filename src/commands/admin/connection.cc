// The handshake and the connection itself.
#include "base/numeric.h"
#include "base/strings.h"
#include "commands/admin/connection.spec.h"
#include "commands/admin/error_text.h"
#include "commands/admin/errors.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/connection_args.h"
#include "commands/core/db_index.h"
#include "commands/core/error_text.h"
#include "commands/core/ports.h"
#include "commands/core/registry.h"
#include "commands/core/version.h"
#include "commands/core/watches_port.h"
#include "resp/reply_writer.h"

namespace clustron::commands {

namespace {

// The only user so far is "default"; without a password it takes any.
bool PasswordFits(Context& ctx, std::string_view user, std::string_view password) {
  if (user != "default") return false;
  const std::string_view wanted = ctx.server->password();
  return wanted.empty() || EqualsConstantTime(wanted, password);
}

bool Authenticate(Context& ctx, std::string_view user, std::string_view password) {
  if (!PasswordFits(ctx, user, password)) {
    ctx.reply.Error(kErrWrongPass);
    return false;
  }
  ctx.caller.client->SetAuthenticated(user);
  return true;
}

struct HelloOptions {
  int version = 0;  // 0: as it is
  std::optional<std::pair<std::string_view, std::string_view>> auth;
  std::optional<std::string_view> name;
};

bool ParseHello(Context& ctx, HelloOptions* out) {
  ArgCursor args(ctx.args);
  if (args.HasNext()) {
    const auto version = ParseInt64(args.Next());
    if (!version) args.Fail(kErrHelloVersion);
    if (version && (*version < 2 || *version > 3)) {
      args.Fail(kErrNoProto);
    }
    out->version = static_cast<int>(version.value_or(0));
  }
  while (args.HasNext()) {
    if (args.Option("AUTH", 2)) {
      const std::string_view user = args.Next();
      out->auth = {user, args.Next()};
    } else if (args.Option("SETNAME")) {
      out->name = args.Next();
      if (!IsClientAttribute(*out->name)) args.FailWith(NotAnAttribute("Client names"));
    } else {
      args.FailWith(BadHelloOption(args.Peek()));
    }
  }
  if (!args.ok()) ctx.reply.Error(args.error());
  return args.ok();
}

}  // namespace

void CmdAuth(Context& ctx) {
  if (!HasClient(ctx)) return;
  if (ctx.args.size() > 3) return ctx.reply.Error(kErrSyntax);
  if (ctx.args.size() == 2 && ctx.server->password().empty()) {
    return ctx.reply.Error(kErrNoPassword);
  }
  const std::string_view user = ctx.args.size() == 3 ? ctx.args[1] : "default";
  if (Authenticate(ctx, user, ctx.args.back())) ctx.reply.Ok();
}

void CmdHello(Context& ctx) {
  if (!HasClient(ctx)) return;
  HelloOptions options;
  if (!ParseHello(ctx, &options)) return;
  ClientPort& client = *ctx.caller.client;
  if (options.auth && !Authenticate(ctx, options.auth->first, options.auth->second)) return;
  if (!client.authenticated()) return ctx.reply.Error(kErrHelloNoAuth);
  if (options.name) client.modes().name = *options.name;
  if (options.version != 0) {
    client.modes().resp_version = options.version;
    ctx.reply.SwitchTo(options.version);
  }
  resp::ReplyWriter& reply = ctx.reply;
  reply.Map(7);
  reply.Bulk("server");
  reply.Bulk("redis");
  reply.Bulk("version");
  reply.Bulk(kRedisVersion);
  reply.Bulk("proto");
  reply.Int(client.modes().resp_version);
  reply.Bulk("id");
  reply.Uint(client.id());
  reply.Bulk("mode");
  reply.Bulk("standalone");
  reply.Bulk("role");
  reply.Bulk(LooksLikeMaster(ctx.server->node().Role(), &client) ? "master" : "replica");
  reply.Bulk("modules");
  reply.Array(0);
}

void CmdPing(Context& ctx) {
  if (ctx.args.size() > 2) {
    return ctx.reply.Error(WrongArity(*ctx.spec));
  }
  const bool subscribed =
      ctx.caller.client != nullptr && ctx.server != nullptr && ctx.reply.version() == 2 &&
      ctx.server->pubsub().CountOf(*ctx.caller.client, PubsubPort::Kind::kChannel) +
              ctx.server->pubsub().CountOf(*ctx.caller.client, PubsubPort::Kind::kShard) >
          0;
  if (subscribed) {
    ctx.reply.Array(2);
    ctx.reply.Bulk("pong");
    ctx.reply.Bulk(ctx.args.size() == 2 ? ctx.args[1] : "");
  } else if (ctx.args.size() == 2) {
    ctx.reply.Bulk(ctx.args[1]);
  } else {
    ctx.reply.Simple("PONG");
  }
}

void CmdEcho(Context& ctx) { ctx.reply.Bulk(ctx.args[1]); }

// In an entry the commands behind it use the other database too, on every node.
void CmdSelect(Context& ctx) {
  ArgCursor args(ctx.args);
  const int db = TakeDb(args, ctx.store);
  if (!args.ok()) return ctx.reply.Error(args.error());
  ctx.db = db;
  if (ctx.caller.client != nullptr) ctx.caller.client->modes().db = db;
  ctx.reply.Ok();
}

void CmdQuit(Context& ctx) {
  ctx.reply.Ok();
  if (ctx.caller.client != nullptr) ctx.caller.client->CloseAfterReply();
}

void CmdReset(Context& ctx) {
  if (!HasClient(ctx)) return;
  using Kind = PubsubPort::Kind;
  for (Kind kind : {Kind::kChannel, Kind::kPattern, Kind::kShard}) {
    PubsubPort& pubsub = ctx.server->pubsub();
    for (const std::string& name : pubsub.NamesOf(*ctx.caller.client, kind)) {
      pubsub.Unsubscribe(*ctx.caller.client, kind, name);
    }
  }
  WatchesPort& watches = ctx.server->watches();
  for (const WatchTarget& target : watches.WatchesOf(*ctx.caller.client))
    watches.Unwatch(*ctx.caller.client, target.db, target.name);
  ctx.caller.client->Reset();
  if (!ctx.server->password().empty()) ctx.caller.client->RequireAuth();
  ctx.reply.SwitchTo(2);
  ctx.reply.Simple("RESET");
}

void CmdAsking(Context& ctx) { ctx.reply.Error(kErrNoCluster); }

void CmdReadonly(Context& ctx) {
  if (ctx.caller.client != nullptr) ctx.caller.client->modes().local_reads = true;
  ctx.reply.Ok();
}

void CmdReadwrite(Context& ctx) {
  if (ctx.caller.client != nullptr) ctx.caller.client->modes().local_reads = false;
  ctx.reply.Ok();
}

std::span<const CommandSpec> ConnectionCommands() { return kConnectionRows; }

}  // namespace clustron::commands
