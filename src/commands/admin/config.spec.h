// Rows of the config family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdConfigGet, CmdConfigHelp, CmdConfigResetstat, CmdConfigRewrite, CmdConfigSet;

Class ConfigSetClass(Args args);
uint16_t ConfigSetVersion(Args args);

// clang-format off
inline constexpr CommandSpec kConfigRows[] = {
    {.name = "CONFIG", .since = "2.0.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kServer, .summary = "About the configuration."},
    {.name = "CONFIG|GET", .id = 445, .since = "2.0.0", .arity = -3, .cls = Class::kLocal,
     .group = Group::kServer, .flags = kAdmin | kLoading | kNoScript | kStale | kLocalState,
     .handler = CmdConfigGet,
     .syntax = "(parameter)...",
     .summary = "Returns options whose names match patterns.",
     .complexity = "O(N) by the number of options"},
    {.name = "CONFIG|HELP", .id = 446, .since = "5.0.0", .arity = 2, .cls = Class::kLocal,
     .group = Group::kServer, .flags = kLoading | kStale | kLocalState,
     .handler = CmdConfigHelp,
     .summary = "Lists the subcommands.", .complexity = "O(1)"},
    {.name = "CONFIG|RESETSTAT", .id = 447, .since = "2.0.0", .arity = 2, .cls = Class::kLocal,
     .group = Group::kServer, .flags = kAdmin | kLoading | kNoScript | kStale | kLocalState,
     .handler = CmdConfigResetstat,
     .summary = "Sets the counters of INFO to zero.", .complexity = "O(1)"},
    {.name = "CONFIG|REWRITE", .id = 448, .since = "2.8.0", .arity = 2, .cls = Class::kLocal,
     .group = Group::kServer, .flags = kAdmin | kLoading | kNoScript | kStale | kLocalState,
     .handler = CmdConfigRewrite,
     .summary = "Brings the configuration file up to date.", .complexity = "O(1)"},
    {.name = "CONFIG|SET", .id = 410, .since = "2.0.0", .arity = -4, .cls = Class::kLocal,
     .group = Group::kServer,
     .flags = kAdmin | kLoading | kNoScript | kStale | kStalls | kLocalState,
     .handler = CmdConfigSet, .class_of = ConfigSetClass,
     .secrets = {.behind = "REQUIREPASS", .count = 1}, .feature_version_of = ConfigSetVersion,
     .syntax = "(parameter value)...",
     .summary = "Changes options while the server runs.",
     .complexity = "O(N) by the number of options given",
     .tips = "request_policy:all_nodes response_policy:all_succeeded", .compat = Compat::kPartial,
     .compat_note = "cluster-wide settings go through the log, and not together with options of "
                    "a node (config.case)"},
};
// clang-format on

}  // namespace clustron::commands
