// CLIENT: this and the other connections of the node.
#include "base/numeric.h"
#include "base/strings.h"
#include "commands/admin/client.spec.h"
#include "commands/admin/error_text.h"
#include "commands/admin/errors.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/client_filter.h"
#include "commands/core/connection_args.h"
#include "commands/core/help.h"
#include "commands/core/ports.h"
#include "commands/core/registry.h"
#include "resp/reply_writer.h"

namespace clustron::commands {

namespace {

constexpr HelpLine kClientHelp[] = {
    {"CACHING (YES|NO)", "Whether the next command is tracked: nothing is yet."},
    {"GETNAME", "The connection's name."},
    {"GETREDIR", "Where invalidations are sent: nowhere."},
    {"ID", "The connection's id."},
    {"INFO", "What CLIENT LIST says of this connection."},
    {"KILL <ip:port>", "Close the connection from there."},
    {"KILL <option> <value> [<option> <value> ...]",
     "Close connections for which all fits: ID, ADDR, LADDR, USER, TYPE, MAXAGE; SKIPME NO: this "
     "one too."},
    {"LIST [TYPE <type> | ID <id> ...]", "A line for each connection."},
    {"MAINT_NOTIFICATIONS (ON|OFF) [moving-endpoint-type <type>]",
     "Whether to be told of planned maintenance (RESP3). Types: internal-ip, internal-fqdn, "
     "external-ip, external-fqdn, none."},
    {"NO-EVICT (ON|OFF)", "Keep the connection when memory is short."},
    {"NO-TOUCH (ON|OFF)", "Reads leave the last use of keys alone."},
    {"PAUSE <milliseconds> [WRITE|ALL]", "Hold back commands, or those that write."},
    {"REPLY (ON|OFF|SKIP)", "Whether replies are sent."},
    {"SETINFO (LIB-NAME|LIB-VER) <value>", "Name the client's library."},
    {"SETNAME <name>", "Name the connection."},
    {"TRACKING (ON|OFF) [<option> ...]", "Client-side caching: OFF, as it is not there yet."},
    {"TRACKINGINFO", "How the connection tracks keys."},
    {"UNBLOCK <client-id> [TIMEOUT|ERROR]", "End another's waiting: no command blocks yet."},
    {"UNPAUSE", "End PAUSE."},
};

// The argument of ON|OFF subcommands; replies a syntax error if it is neither.
std::optional<bool> OnOff(Context& ctx) {
  if (IsWord(ctx.args[2], "ON")) return true;
  if (IsWord(ctx.args[2], "OFF")) return false;
  ctx.reply.Error(kErrSyntax);
  return std::nullopt;
}

MaintNotices TakeEndpointType(ArgCursor& args) {
  if (!args.HasNext()) {
    args.Fail(kErrEndpointMissing);
    return MaintNotices::kOff;
  }
  const std::string_view word = args.Next();
  if (IsWord(word, "NONE")) return MaintNotices::kWithoutEndpoint;
  for (std::string_view kind : {"INTERNAL-IP", "INTERNAL-FQDN", "EXTERNAL-IP", "EXTERNAL-FQDN"})
    if (IsWord(word, kind)) return MaintNotices::kWithEndpoint;
  args.Fail(kErrEndpointType);
  return MaintNotices::kOff;
}

ClientType TakeType(ArgCursor& args) {
  const std::string_view word = args.Next();
  const auto type = ParseClientType(word);
  if (!type) args.FailWith(UnknownClientType(word));
  return type.value_or(ClientType::kNormal);
}

bool ParseKillOptions(Context& ctx, ClientFilter* filter) {
  ArgCursor args(ctx.args, 2);
  bool skip_me = true;
  while (args.HasNext()) {
    if (args.Option("ID")) {
      const int64_t id = ParseInt64(args.Next()).value_or(0);
      if (id < 1) args.Fail(kErrClientIdNotPositive);
      filter->ids.assign(1, static_cast<uint64_t>(id));
    } else if (args.Option("TYPE")) {
      filter->type = TakeType(args);
    } else if (args.Option("ADDR")) {
      filter->addr = args.Next();
    } else if (args.Option("LADDR")) {
      filter->laddr = args.Next();
    } else if (args.Option("USER")) {
      filter->user = args.Next();
      if (*filter->user != "default") args.FailWith(NoSuchUser(*filter->user));
    } else if (args.Option("MAXAGE")) {
      filter->max_age_s = args.Int(kErrMaxAge);
      if (args.ok() && *filter->max_age_s <= 0) args.Fail(kErrMaxAgeNotPositive);
    } else if (args.Option("SKIPME")) {
      const std::string_view word = args.Next();
      skip_me = IsWord(word, "YES");
      if (!skip_me && !IsWord(word, "NO")) args.Fail(kErrSyntax);
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (skip_me && ctx.caller.client != nullptr) filter->not_id = ctx.caller.client->id();
  if (!args.ok()) ctx.reply.Error(args.error());
  return args.ok();
}

}  // namespace

void CmdClientId(Context& ctx) {
  if (HasClient(ctx)) ctx.reply.Uint(ctx.caller.client->id());
}

void CmdClientGetname(Context& ctx) {
  if (!HasClient(ctx)) return;
  if (ctx.caller.client->modes().name.empty()) return ctx.reply.Null();
  ctx.reply.Bulk(ctx.caller.client->modes().name);
}

void CmdClientSetname(Context& ctx) {
  if (!HasClient(ctx)) return;
  if (!IsClientAttribute(ctx.args[2])) return ctx.reply.Error(NotAnAttribute("Client names"));
  ctx.caller.client->modes().name = ctx.args[2];
  ctx.reply.Ok();
}

void CmdClientSetinfo(Context& ctx) {
  if (!HasClient(ctx)) return;
  const bool name = IsWord(ctx.args[2], "LIB-NAME");
  if (!name && !IsWord(ctx.args[2], "LIB-VER")) {
    return ctx.reply.Error(UnrecognizedOption(ctx.args[2]));
  }
  if (!IsClientAttribute(ctx.args[3])) {
    return ctx.reply.Error(NotAnAttribute(name ? "lib-name" : "lib-ver"));
  }
  if (name) {
    ctx.caller.client->library().name = ctx.args[3];
  } else {
    ctx.caller.client->library().version = ctx.args[3];
  }
  ctx.reply.Ok();
}

void CmdClientInfo(Context& ctx) {
  if (HasClient(ctx)) ctx.reply.Verbatim(ctx.server->clients().Describe(ctx.caller.client->id()));
}

void CmdClientList(Context& ctx) {
  if (!HasServer(ctx)) return;
  ClientFilter filter;
  ArgCursor args(ctx.args, 2);
  if (ctx.args.size() == 4 && args.Token("TYPE")) {
    filter.type = TakeType(args);
  } else if (args.Option("ID")) {
    while (args.HasNext()) {
      const auto id = ParseInt64(args.Next());
      if (!id) args.Fail(kErrClientId);
      filter.ids.push_back(static_cast<uint64_t>(id.value_or(0)));
    }
  }
  args.ExpectEnd();
  if (!args.ok()) return ctx.reply.Error(args.error());
  ctx.reply.Verbatim(ctx.server->clients().List(filter));
}

void CmdClientKill(Context& ctx) {
  if (!HasServer(ctx)) return;
  const uint64_t me = ctx.caller.client == nullptr ? 0 : ctx.caller.client->id();
  ClientFilter filter;
  if (ctx.args.size() == 3) {
    filter.addr = ctx.args[2];
    if (ctx.server->clients().Kill(filter, me) == 0) {
      return ctx.reply.Error(kErrNoSuchClient);
    }
    return ctx.reply.Ok();
  }
  if (ParseKillOptions(ctx, &filter)) ctx.reply.Uint(ctx.server->clients().Kill(filter, me));
}

bool ClientReplyAnswers(Args args, bool) { return IsWord(args[2], "ON"); }

void CmdClientReply(Context& ctx) {
  if (!HasClient(ctx)) return;
  if (IsWord(ctx.args[2], "ON")) {
    ctx.caller.client->SetReplyMode(ReplyMode::kOn);
    ctx.reply.Ok();
  } else if (IsWord(ctx.args[2], "OFF")) {
    ctx.caller.client->SetReplyMode(ReplyMode::kOff);
  } else if (IsWord(ctx.args[2], "SKIP")) {
    ctx.caller.client->SetReplyMode(ReplyMode::kSkipNext);
  } else {
    ctx.reply.Error(kErrSyntax);
  }
}

void CmdClientPause(Context& ctx) {
  if (!HasServer(ctx)) return;
  if (ctx.args.size() > 4) return ReplySubcommandSyntax(ctx);
  bool writes_only = false;
  if (ctx.args.size() == 4) {
    writes_only = IsWord(ctx.args[3], "WRITE");
    if (!writes_only && !IsWord(ctx.args[3], "ALL")) {
      return ctx.reply.Error(kErrPauseMode);
    }
  }
  const auto timeout_ms = ParseInt64(ctx.args[2]);
  if (!timeout_ms) return ctx.reply.Error(kErrTimeoutInteger);
  if (*timeout_ms < 0) return ctx.reply.Error(kErrTimeoutNegative);
  // Its end must be a time.
  constexpr int64_t kPauseMaxMs = INT64_MAX - (int64_t{1} << 44);
  if (*timeout_ms > kPauseMaxMs) return ctx.reply.Error(kErrTimeoutRange);
  ctx.server->clients().Pause(*timeout_ms, writes_only);
  ctx.reply.Ok();
}

void CmdClientUnpause(Context& ctx) {
  if (!HasServer(ctx)) return;
  ctx.server->clients().Unpause();
  ctx.reply.Ok();
}

void CmdClientNoEvict(Context& ctx) {
  if (!HasClient(ctx)) return;
  if (const auto on = OnOff(ctx)) {
    ctx.caller.client->modes().no_evict = *on;
    ctx.reply.Ok();
  }
}

void CmdClientNoTouch(Context& ctx) {
  if (!HasClient(ctx)) return;
  if (const auto on = OnOff(ctx)) {
    ctx.caller.client->modes().no_touch = *on;
    ctx.reply.Ok();
  }
}

// COMPAT: a member has one address, the announced one, so the kinds of endpoint are checked but
// only `none` matters. As with CLIENT TRACKING the wish is taken under RESP2 too, which has no
// pushes; it works from HELLO 3 on.
void CmdClientMaintNotifications(Context& ctx) {
  if (!HasClient(ctx)) return;
  const auto on = OnOff(ctx);
  if (!on) return;
  ArgCursor args(ctx.args, 3);
  MaintNotices wish = MaintNotices::kWithEndpoint;
  while (args.HasNext()) {
    if (!IsWord(args.Peek(), "MOVING-ENDPOINT-TYPE")) {
      args.FailWith(UnknownMaintParameter(args.Peek()));
      break;
    }
    args.Skip(1);
    wish = TakeEndpointType(args);
  }
  if (!args.ok()) return ctx.reply.Error(args.error());
  ctx.caller.client->modes().maint_notices = *on ? wish : MaintNotices::kOff;
  ctx.reply.Ok();
}

// --- Tracking: nothing is tracked yet, and whoever asks is told as much
// ---------------------------

void CmdClientTracking(Context& ctx) {
  if (!HasClient(ctx)) return;
  ArgCursor args(ctx.args, 3);
  while (args.HasNext()) {
    if (args.Option("REDIRECT")) {
      const int64_t id = args.Int();
      if (args.ok() && ctx.server->clients().Describe(static_cast<uint64_t>(id)).empty())
        args.Fail(kErrRedirect);
    } else if (args.Option("PREFIX")) {
      args.Next();
    } else if (!args.Token("BCAST") && !args.Token("OPTIN") && !args.Token("OPTOUT") &&
               !args.Token("NOLOOP")) {
      args.Fail(kErrSyntax);
    }
  }
  if (!args.ok()) return ctx.reply.Error(args.error());
  const auto on = OnOff(ctx);
  if (!on) return;
  if (*on) return ctx.reply.Error(kErrNoTracking);
  ctx.reply.Ok();
}

void CmdClientTrackinginfo(Context& ctx) {
  ctx.reply.Map(3);
  ctx.reply.Bulk("flags");
  ctx.reply.Set(1);
  ctx.reply.Bulk("off");
  ctx.reply.Bulk("redirect");
  ctx.reply.Int(-1);
  ctx.reply.Bulk("prefixes");
  ctx.reply.Array(0);
}

void CmdClientGetredir(Context& ctx) { ctx.reply.Int(-1); }

void CmdClientCaching(Context& ctx) { ctx.reply.Error(kErrCachingMode); }

// Of who waits for keys: WAIT and the like end by themselves.
void CmdClientUnblock(Context& ctx) {
  if (ctx.args.size() > 4) return ReplySubcommandSyntax(ctx);
  if (ctx.args.size() == 4 && !IsWord(ctx.args[3], "TIMEOUT") && !IsWord(ctx.args[3], "ERROR")) {
    return ctx.reply.Error(kErrUnblockReason);
  }
  const auto id = ParseInt64(ctx.args[2]);
  if (!id) return ctx.reply.Error(kErrNotInteger);
  if (!HasServer(ctx)) return;
  const bool with_error = ctx.args.size() == 4 && IsWord(ctx.args[3], "ERROR");
  std::unique_ptr<LateReply> late =
      ctx.server->clients().Unblock(static_cast<uint64_t>(*id), with_error);
  if (late == nullptr) return ctx.reply.Int(0);
  constexpr int64_t kAnswerMs = 5000;
  // Inside of EXEC nobody waits for how it ends.
  if (!AnswerLater(ctx, std::move(late), kAnswerMs)) ctx.reply.Int(1);
}

void CmdClientHelp(Context& ctx) { ReplyHelp(ctx, "CLIENT", kClientHelp); }

std::span<const CommandSpec> ClientCommands() { return kClientRows; }

}  // namespace clustron::commands
