// CONFIG: options of this node, and cluster-wide settings, which go through the log.
#include <algorithm>
#include <vector>

#include "commands/admin/config.spec.h"
#include "commands/core/connection_args.h"
#include "commands/core/error_text.h"
#include "commands/core/errors.h"
#include "commands/core/help.h"
#include "commands/core/ports.h"
#include "commands/core/registry.h"
#include "resp/reply_writer.h"
#include "store/keyspace/store.h"

namespace clustron::commands {

namespace {

constexpr HelpLine kConfigHelp[] = {
    {"GET <pattern> [<pattern> ...]", "Options whose names match, with their values."},
    {"RESETSTAT", "Set INFO's counters to zero."},
    {"REWRITE", "Bring the configuration file up to date."},
    {"SET <option> <value> [<option> <value> ...]", "Change options, all or none."},
};

// All or nothing: first every value is looked at, then all are set.
void SetClusterSettings(Context& ctx) {
  std::vector<const OptionSpec*> seen;
  for (size_t i = 2; i < ctx.args.size(); i += 2) {
    const OptionSpec* spec = store::FindSetting(ctx.args[i]);
    const auto value = ParseOption(*spec, ctx.args[i + 1]);
    if (std::find(seen.begin(), seen.end(), spec) != seen.end()) {
      return ctx.reply.Error(ConfigSetFailed(ctx.args[i], kDuplicateParameter));
    }
    if (!value) return ctx.reply.Error(ConfigSetFailed(ctx.args[i], value.error().detail));
    if (spec->alone && ctx.depth > 0)
      return ctx.reply.Error(ConfigSetFailed(ctx.args[i], kNotInsideCommands));
    seen.push_back(spec);
  }
  for (size_t i = 2; i < ctx.args.size(); i += 2) {
    const auto changed =
        ctx.Writable().ChangeSetting(*store::FindSetting(ctx.args[i]), ctx.args[i + 1]);
    CHECK(changed.has_value());
  }
  ctx.reply.Ok();
}

}  // namespace

// An item of the log if it is about cluster-wide settings alone.
Class ConfigSetClass(Args args) {
  if (args.size() % 2 != 0) return Class::kLocal;
  for (size_t i = 2; i < args.size(); i += 2) {
    if (store::FindSetting(args[i]) == nullptr) return Class::kLocal;
  }
  return Class::kWrite;
}

uint16_t ConfigSetVersion(Args args) {
  uint16_t version = 1;
  for (size_t i = 2; i < args.size(); i += 2) {
    const OptionSpec* spec = store::FindSetting(args[i]);
    if (spec != nullptr) version = std::max(version, spec->feature_version);
  }
  return version;
}

void CmdConfigSet(Context& ctx) {
  if (ctx.args.size() % 2 != 0) return ctx.reply.Error(kErrSyntax);
  if (ConfigSetClass(ctx.args) == Class::kWrite) return SetClusterSettings(ctx);
  // In an entry (EXEC) it is the caller's node that is meant.
  if (!HasServer(ctx) || (ctx.in_entry() && !HasClient(ctx))) return;
  std::vector<ConfigPort::PairView> pairs;
  for (size_t i = 2; i < ctx.args.size(); i += 2) pairs.emplace_back(ctx.args[i], ctx.args[i + 1]);
  if (Status status = ctx.server->config().Set(pairs); !status) {
    return ctx.reply.Error(status.error().detail);
  }
  ctx.reply.Ok();
}

void CmdConfigGet(Context& ctx) {
  if (!HasServer(ctx)) return;
  const auto pairs = ctx.server->config().Get(ctx.args.subspan(2));
  ctx.reply.Map(pairs.size());
  for (const auto& [name, value] : pairs) {
    ctx.reply.Bulk(name);
    ctx.reply.Bulk(value);
  }
}

void CmdConfigResetstat(Context& ctx) {
  if (!HasServer(ctx)) return;
  ctx.server->info().ResetStats();
  ctx.reply.Ok();
}

void CmdConfigRewrite(Context& ctx) {
  if (!HasServer(ctx)) return;
  if (Status status = ctx.server->config().Rewrite(); !status) {
    return ctx.reply.Error(status.error().detail);
  }
  ctx.reply.Ok();
}

void CmdConfigHelp(Context& ctx) { ReplyHelp(ctx, "CONFIG", kConfigHelp); }

std::span<const CommandSpec> ConfigCommands() { return kConfigRows; }

}  // namespace clustron::commands
