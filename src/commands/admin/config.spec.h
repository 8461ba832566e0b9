// Rows of the config family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

void CmdConfigGet(Context& ctx);
void CmdConfigHelp(Context& ctx);
void CmdConfigResetstat(Context& ctx);
void CmdConfigRewrite(Context& ctx);
void CmdConfigSet(Context& ctx);
Class ConfigSetClass(Args args);
uint16_t ConfigSetVersion(Args args);

constexpr std::string_view kTipsRequestPolicyAllNodesResponsePolicyAllSucceeded[] = {
    "request_policy:all_nodes", "response_policy:all_succeeded"};

constexpr ArgSpec kConfigGetArgsParameter[] = {{.name = "parameter"}};
constexpr ArgSpec kConfigGetArgs[] = {{.name = "parameter",
                                       .type = ArgSpec::Type::kBlock,
                                       .flags = ArgSpec::kMultiple,
                                       .args = kConfigGetArgsParameter}};
constexpr ArgSpec kConfigSetArgsParameterValue[] = {{.name = "parameter"}, {.name = "value"}};
constexpr ArgSpec kConfigSetArgs[] = {{.name = "parameter_value",
                                       .type = ArgSpec::Type::kBlock,
                                       .flags = ArgSpec::kMultiple,
                                       .args = kConfigSetArgsParameterValue}};

inline constexpr CommandSpec kConfigRows[] = {
    {.name = "CONFIG",
     .cls = Class::kLocal,
     .since = "2.0.0",
     .group = Group::kServer,
     .arity = -2,
     .summary = "About the configuration."},
    {.name = "CONFIG|GET",
     .id = 445,
     .cls = Class::kLocal,
     .since = "2.0.0",
     .group = Group::kServer,
     .arity = -3,
     .flags = kAdmin | kLoading | kNoScript | kStale | kLocalState,
     .handler = CmdConfigGet,
     .summary = "Returns options whose names match patterns.",
     .complexity = "O(N) by the number of options",
     .args = kConfigGetArgs},
    {.name = "CONFIG|HELP",
     .id = 446,
     .cls = Class::kLocal,
     .since = "5.0.0",
     .group = Group::kServer,
     .arity = 2,
     .flags = kLoading | kStale | kLocalState,
     .handler = CmdConfigHelp,
     .summary = "Lists the subcommands.",
     .complexity = "O(1)"},
    {.name = "CONFIG|RESETSTAT",
     .id = 447,
     .cls = Class::kLocal,
     .since = "2.0.0",
     .group = Group::kServer,
     .arity = 2,
     .flags = kAdmin | kLoading | kNoScript | kStale | kLocalState,
     .handler = CmdConfigResetstat,
     .summary = "Sets the counters of INFO to zero.",
     .complexity = "O(1)"},
    {.name = "CONFIG|REWRITE",
     .id = 448,
     .cls = Class::kLocal,
     .since = "2.8.0",
     .group = Group::kServer,
     .arity = 2,
     .flags = kAdmin | kLoading | kNoScript | kStale | kLocalState,
     .handler = CmdConfigRewrite,
     .summary = "Brings the configuration file up to date.",
     .complexity = "O(1)"},
    {.name = "CONFIG|SET",
     .id = 410,
     .cls = Class::kLocal,
     .since = "2.0.0",
     .group = Group::kServer,
     .arity = -4,
     .flags = kAdmin | kLoading | kNoScript | kStale | kStalls | kLocalState,
     .handler = CmdConfigSet,
     .summary = "Changes options while the server runs.",
     .complexity = "O(N) by the number of options given",
     .args = kConfigSetArgs,
     .tips = kTipsRequestPolicyAllNodesResponsePolicyAllSucceeded,
     .secrets = {.behind = "REQUIREPASS", .count = 1},
     .compat = Compat::kPartial,
     .compat_note = "cluster-wide settings go through the log, and not together with options of a "
                    "node (config.case)",
     .class_of = ConfigSetClass,
     .feature_version_of = ConfigSetVersion},
};

}  // namespace clustron::commands
