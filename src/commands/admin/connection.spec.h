// Rows of the connection family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdAuth, CmdEcho, CmdHello, CmdPing, CmdQuit, CmdReset, CmdSelect, CmdAsking, CmdReadonly,
    CmdReadwrite;

// COMPAT: a RESET that ends CLIENT REPLY OFF is answered, one that is skipped is not.
inline bool ResetAnswers(Args, bool off) { return off; }

// clang-format off
inline constexpr CommandSpec kConnectionRows[] = {
    {.name = "AUTH", .id = 420, .since = "1.0.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kConnection,
     .flags = kAllowBusy | kFast | kLoading | kNoAuth | kNoScript | kStale | kEarly | kLocalState,
     .acl = kAclConnection, .handler = CmdAuth, .secrets = {.count = Secrets::kAll},
     .syntax = "[username@6.0.0] password",
     .summary = "Authenticates the connection.", .complexity = "O(1)"},
    {.name = "ECHO", .id = 421, .since = "1.0.0", .arity = 2, .cls = Class::kLocal,
     .group = Group::kConnection, .flags = kFast | kLoading | kStale | kEarly,
     .acl = kAclConnection, .handler = CmdEcho,
     .syntax = "message",
     .summary = "Returns what it was given.", .complexity = "O(1)"},
    {.name = "HELLO", .id = 422, .since = "6.0.0", .arity = -1, .cls = Class::kLocal,
     .group = Group::kConnection,
     .flags = kAllowBusy | kFast | kLoading | kNoAuth | kNoScript | kStale | kEarly | kLocalState,
     .acl = kAclConnection, .handler = CmdHello, .secrets = {.behind = "AUTH", .count = 2},
     .syntax = "arguments=[protover:int [AUTH (username password)] [SETNAME clientname]]",
     .summary = "Shakes hands: protocol, authentication, name.", .complexity = "O(1)"},
    {.name = "PING", .id = 423, .since = "1.0.0", .arity = -1, .cls = Class::kLocal,
     .group = Group::kConnection, .flags = kFast | kEarly | kWhenSubscribed, .acl = kAclConnection,
     .handler = CmdPing,
     .syntax = "[message]",
     .summary = "Answers, to show that the server does.", .complexity = "O(1)",
     .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {.name = "QUIT", .id = 424, .since = "1.0.0", .arity = -1, .cls = Class::kLocal,
     .group = Group::kConnection,
     .flags = kAllowBusy | kFast | kLoading | kNoAuth | kNoScript | kStale | kStalls |
              kLocalState | kActsInMulti | kWhenSubscribed, .acl = kAclConnection,
     .handler = CmdQuit,
     .summary = "Closes the connection.", .complexity = "O(1)"},
    {.name = "RESET", .id = 425, .since = "6.2.0", .arity = 1, .cls = Class::kLocal,
     .group = Group::kConnection,
     .flags = kAllowBusy | kFast | kLoading | kNoAuth | kNoScript | kStale | kStalls |
              kLocalState | kActsInMulti | kWhenSubscribed, .acl = kAclConnection,
     .handler = CmdReset, .answers_muted = ResetAnswers,
     .summary = "Makes the connection as new.", .complexity = "O(1)"},
    {.name = "SELECT", .id = 426, .since = "1.0.0", .arity = 2, .cls = Class::kLocal,
     .group = Group::kConnection, .flags = kFast | kLoading | kStale | kEarly | kSelectsDb,
     .acl = kAclConnection, .handler = CmdSelect,
     .syntax = "index:int",
     .summary = "Selects the database that the connection works on.", .complexity = "O(1)"},
    {.name = "ASKING", .since = "3.0.0", .arity = 1, .cls = Class::kLocal,
     .group = Group::kCluster, .flags = kFast | kLocalState, .acl = kAclConnection,
     .handler = CmdAsking,
     .summary = "Answers as without cluster mode.", .complexity = "O(1)"},
    {.name = "READONLY", .id = 427, .since = "3.0.0", .arity = 1, .cls = Class::kLocal,
     .group = Group::kCluster, .flags = kFast | kLoading | kStale | kEarly | kLocalState,
     .acl = kAclConnection, .handler = CmdReadonly,
     .summary = "Lets reads be answered from this node without asking the leader.",
     .complexity = "O(1)",
     .compat = Compat::kPartial,
     .compat_note = "works without cluster mode, and allows reads that may be behind "
                    "(connection.case)"},
    {.name = "READWRITE", .id = 428, .since = "3.0.0", .arity = 1, .cls = Class::kLocal,
     .group = Group::kCluster, .flags = kFast | kLoading | kStale | kEarly | kLocalState,
     .acl = kAclConnection, .handler = CmdReadwrite,
     .summary = "Ends READONLY.", .complexity = "O(1)",
     .compat = Compat::kPartial, .compat_note = "works without cluster mode (connection.case)"},
};
// clang-format on

}  // namespace clustron::commands
