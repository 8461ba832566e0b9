// Rows of the command family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdCommand, CmdCommandCount, CmdCommandList, CmdCommandInfo, CmdCommandDocs,
    CmdCommandGetkeys, CmdCommandGetkeysandflags, CmdCommandHelp;

// clang-format off
inline constexpr CommandSpec kCommandRows[] = {
    {.name = "COMMAND", .since = "2.8.13", .arity = -1, .cls = Class::kLocal,
     .group = Group::kServer, .flags = kLoading | kStale, .acl = kAclConnection,
     .handler = CmdCommand,
     .summary = "Describes all commands.", .complexity = "O(N) by the number of commands",
     .tips = "nondeterministic_output_order"},
    {.name = "COMMAND|COUNT", .since = "2.8.13", .arity = 2, .cls = Class::kLocal,
     .group = Group::kServer, .flags = kLoading | kStale, .acl = kAclConnection,
     .handler = CmdCommandCount,
     .summary = "Counts the commands.", .complexity = "O(1)"},
    {.name = "COMMAND|LIST", .since = "7.0.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kServer, .flags = kLoading | kStale, .acl = kAclConnection,
     .handler = CmdCommandList,
     .syntax = "[FILTERBY filterby=(MODULE module-name|ACLCAT category|PATTERN pattern)]",
     .summary = "Lists the names of the commands.", .complexity = "O(N) by the number of commands",
     .tips = "nondeterministic_output_order"},
    {.name = "COMMAND|INFO", .since = "2.8.13", .arity = -2, .cls = Class::kLocal,
     .group = Group::kServer, .flags = kLoading | kStale, .acl = kAclConnection,
     .handler = CmdCommandInfo,
     .syntax = "[command-name...]",
     .summary = "Describes the given commands, or all.",
     .complexity = "O(N) by the number of commands asked for",
     .tips = "nondeterministic_output_order"},
    {.name = "COMMAND|DOCS", .since = "7.0.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kServer, .flags = kLoading | kStale, .acl = kAclConnection,
     .handler = CmdCommandDocs,
     .syntax = "[command-name...]",
     .summary = "Documents the given commands, or all.",
     .complexity = "O(N) by the number of commands asked for",
     .tips = "nondeterministic_output_order"},
    {.name = "COMMAND|GETKEYS", .since = "2.8.13", .arity = -4, .cls = Class::kLocal,
     .group = Group::kServer, .flags = kLoading | kStale, .acl = kAclConnection,
     .handler = CmdCommandGetkeys,
     .summary = "Extracts the keys from a whole command.",
     .complexity = "O(N) by the number of arguments"},
    {.name = "COMMAND|GETKEYSANDFLAGS", .since = "7.0.0", .arity = -4, .cls = Class::kLocal,
     .group = Group::kServer, .flags = kLoading | kStale, .acl = kAclConnection,
     .handler = CmdCommandGetkeysandflags,
     .summary = "Extracts the keys from a whole command with what is done to each.",
     .complexity = "O(N) by the number of arguments"},
    {.name = "COMMAND|HELP", .since = "5.0.0", .arity = 2, .cls = Class::kLocal,
     .group = Group::kServer, .flags = kLoading | kStale, .acl = kAclConnection,
     .handler = CmdCommandHelp,
     .summary = "Lists the subcommands.", .complexity = "O(1)"},
};
// clang-format on

}  // namespace clustron::commands
