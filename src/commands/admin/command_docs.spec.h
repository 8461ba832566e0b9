// Rows of the command family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

void CmdCommand(Context& ctx);
void CmdCommandCount(Context& ctx);
void CmdCommandList(Context& ctx);
void CmdCommandInfo(Context& ctx);
void CmdCommandDocs(Context& ctx);
void CmdCommandGetkeys(Context& ctx);
void CmdCommandGetkeysandflags(Context& ctx);
void CmdCommandHelp(Context& ctx);

constexpr std::string_view kTipsNondeterministicOutputOrder[] = {"nondeterministic_output_order"};

constexpr ArgSpec kCommandListArgsFilterby[] = {
    {.name = "module-name", .token = "MODULE"},
    {.name = "category", .token = "ACLCAT"},
    {.name = "pattern", .type = ArgSpec::Type::kPattern, .token = "PATTERN"}};
constexpr ArgSpec kCommandListArgs[] = {{.name = "filterby",
                                         .type = ArgSpec::Type::kOneOf,
                                         .token = "FILTERBY",
                                         .flags = ArgSpec::kOptional,
                                         .args = kCommandListArgsFilterby}};
constexpr ArgSpec kCommandInfoArgs[] = {
    {.name = "command-name", .flags = ArgSpec::kOptional | ArgSpec::kMultiple}};

inline constexpr CommandSpec kCommandRows[] = {
    {.name = "COMMAND",
     .cls = Class::kLocal,
     .since = "2.8.13",
     .group = Group::kServer,
     .arity = -1,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CmdCommand,
     .summary = "Describes all commands.",
     .complexity = "O(N) by the number of commands",
     .tips = kTipsNondeterministicOutputOrder},
    {.name = "COMMAND|COUNT",
     .cls = Class::kLocal,
     .since = "2.8.13",
     .group = Group::kServer,
     .arity = 2,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CmdCommandCount,
     .summary = "Counts the commands.",
     .complexity = "O(1)"},
    {.name = "COMMAND|LIST",
     .cls = Class::kLocal,
     .since = "7.0.0",
     .group = Group::kServer,
     .arity = -2,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CmdCommandList,
     .summary = "Lists the names of the commands.",
     .complexity = "O(N) by the number of commands",
     .args = kCommandListArgs,
     .tips = kTipsNondeterministicOutputOrder},
    {.name = "COMMAND|INFO",
     .cls = Class::kLocal,
     .since = "2.8.13",
     .group = Group::kServer,
     .arity = -2,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CmdCommandInfo,
     .summary = "Describes the given commands, or all.",
     .complexity = "O(N) by the number of commands asked for",
     .args = kCommandInfoArgs,
     .tips = kTipsNondeterministicOutputOrder},
    {.name = "COMMAND|DOCS",
     .cls = Class::kLocal,
     .since = "7.0.0",
     .group = Group::kServer,
     .arity = -2,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CmdCommandDocs,
     .summary = "Documents the given commands, or all.",
     .complexity = "O(N) by the number of commands asked for",
     .args = kCommandInfoArgs,
     .tips = kTipsNondeterministicOutputOrder},
    {.name = "COMMAND|GETKEYS",
     .cls = Class::kLocal,
     .since = "2.8.13",
     .group = Group::kServer,
     .arity = -4,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CmdCommandGetkeys,
     .summary = "Extracts the keys from a whole command.",
     .complexity = "O(N) by the number of arguments"},
    {.name = "COMMAND|GETKEYSANDFLAGS",
     .cls = Class::kLocal,
     .since = "7.0.0",
     .group = Group::kServer,
     .arity = -4,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CmdCommandGetkeysandflags,
     .summary = "Extracts the keys from a whole command with what is done to each.",
     .complexity = "O(N) by the number of arguments"},
    {.name = "COMMAND|HELP",
     .cls = Class::kLocal,
     .since = "5.0.0",
     .group = Group::kServer,
     .arity = 2,
     .flags = kLoading | kStale,
     .acl = kAclConnection,
     .handler = CmdCommandHelp,
     .summary = "Lists the subcommands.",
     .complexity = "O(1)"},
};

}  // namespace clustron::commands
