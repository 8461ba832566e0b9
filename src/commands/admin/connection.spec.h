// Rows of the connection family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

void CmdAuth(Context& ctx);
void CmdEcho(Context& ctx);
void CmdHello(Context& ctx);
void CmdPing(Context& ctx);
void CmdQuit(Context& ctx);
void CmdReset(Context& ctx);
// COMPAT: a RESET that ends CLIENT REPLY OFF is answered, one that is skipped is not.
inline bool ResetAnswers(Args, bool off) { return off; }
void CmdSelect(Context& ctx);
void CmdAsking(Context& ctx);
void CmdReadonly(Context& ctx);
void CmdReadwrite(Context& ctx);

constexpr std::string_view kTipsRequestPolicyAllShardsResponsePolicyAllSucceeded[] = {
    "request_policy:all_shards", "response_policy:all_succeeded"};

constexpr ArgSpec kAuthArgs[] = {
    {.name = "username", .flags = ArgSpec::kOptional, .since = "6.0.0"}, {.name = "password"}};
constexpr ArgSpec kEchoArgs[] = {{.name = "message"}};
constexpr ArgSpec kHelloArgsArgumentsUsernamePassword[] = {{.name = "username"},
                                                           {.name = "password"}};
constexpr ArgSpec kHelloArgsArguments[] = {
    {.name = "protover", .type = ArgSpec::Type::kInteger},
    {.name = "username_password",
     .type = ArgSpec::Type::kBlock,
     .token = "AUTH",
     .flags = ArgSpec::kOptional,
     .args = kHelloArgsArgumentsUsernamePassword},
    {.name = "clientname", .token = "SETNAME", .flags = ArgSpec::kOptional}};
constexpr ArgSpec kHelloArgs[] = {{.name = "arguments",
                                   .type = ArgSpec::Type::kBlock,
                                   .flags = ArgSpec::kOptional,
                                   .args = kHelloArgsArguments}};
constexpr ArgSpec kPingArgs[] = {{.name = "message", .flags = ArgSpec::kOptional}};
constexpr ArgSpec kSelectArgs[] = {{.name = "index", .type = ArgSpec::Type::kInteger}};

inline constexpr CommandSpec kConnectionRows[] = {
    {.name = "AUTH",
     .id = 420,
     .cls = Class::kLocal,
     .since = "1.0.0",
     .group = Group::kConnection,
     .arity = -2,
     .flags = kAllowBusy | kFast | kLoading | kNoAuth | kNoScript | kStale | kEarly | kLocalState,
     .acl = kAclConnection,
     .handler = CmdAuth,
     .summary = "Authenticates the connection.",
     .complexity = "O(1)",
     .args = kAuthArgs,
     .secrets = {.count = Secrets::kAll}},
    {.name = "ECHO",
     .id = 421,
     .cls = Class::kLocal,
     .since = "1.0.0",
     .group = Group::kConnection,
     .arity = 2,
     .flags = kFast | kLoading | kStale | kEarly,
     .acl = kAclConnection,
     .handler = CmdEcho,
     .summary = "Returns what it was given.",
     .complexity = "O(1)",
     .args = kEchoArgs},
    {.name = "HELLO",
     .id = 422,
     .cls = Class::kLocal,
     .since = "6.0.0",
     .group = Group::kConnection,
     .arity = -1,
     .flags = kAllowBusy | kFast | kLoading | kNoAuth | kNoScript | kStale | kEarly | kLocalState,
     .acl = kAclConnection,
     .handler = CmdHello,
     .summary = "Shakes hands: protocol, authentication, name.",
     .complexity = "O(1)",
     .args = kHelloArgs,
     .secrets = {.behind = "AUTH", .count = 2}},
    {.name = "PING",
     .id = 423,
     .cls = Class::kLocal,
     .since = "1.0.0",
     .group = Group::kConnection,
     .arity = -1,
     .flags = kFast | kEarly | kWhenSubscribed,
     .acl = kAclConnection,
     .handler = CmdPing,
     .summary = "Answers, to show that the server does.",
     .complexity = "O(1)",
     .args = kPingArgs,
     .tips = kTipsRequestPolicyAllShardsResponsePolicyAllSucceeded},
    {.name = "QUIT",
     .id = 424,
     .cls = Class::kLocal,
     .since = "1.0.0",
     .group = Group::kConnection,
     .arity = -1,
     .flags = kAllowBusy | kFast | kLoading | kNoAuth | kNoScript | kStale | kStalls | kLocalState |
              kActsInMulti | kWhenSubscribed,
     .acl = kAclConnection,
     .handler = CmdQuit,
     .summary = "Closes the connection.",
     .complexity = "O(1)"},
    {.name = "RESET",
     .id = 425,
     .cls = Class::kLocal,
     .since = "6.2.0",
     .group = Group::kConnection,
     .arity = 1,
     .flags = kAllowBusy | kFast | kLoading | kNoAuth | kNoScript | kStale | kStalls | kLocalState |
              kActsInMulti | kWhenSubscribed,
     .acl = kAclConnection,
     .handler = CmdReset,
     .summary = "Makes the connection as new.",
     .complexity = "O(1)",
     .answers_muted = ResetAnswers},
    {.name = "SELECT",
     .id = 426,
     .cls = Class::kLocal,
     .since = "1.0.0",
     .group = Group::kConnection,
     .arity = 2,
     .flags = kFast | kLoading | kStale | kEarly | kSelectsDb,
     .acl = kAclConnection,
     .handler = CmdSelect,
     .summary = "Selects the database that the connection works on.",
     .complexity = "O(1)",
     .args = kSelectArgs},
    {.name = "ASKING",
     .cls = Class::kLocal,
     .since = "3.0.0",
     .group = Group::kCluster,
     .arity = 1,
     .flags = kFast | kLocalState,
     .acl = kAclConnection,
     .handler = CmdAsking,
     .summary = "Answers as without cluster mode.",
     .complexity = "O(1)"},
    {.name = "READONLY",
     .id = 427,
     .cls = Class::kLocal,
     .since = "3.0.0",
     .group = Group::kCluster,
     .arity = 1,
     .flags = kFast | kLoading | kStale | kEarly | kLocalState,
     .acl = kAclConnection,
     .handler = CmdReadonly,
     .summary = "Lets reads be answered from this node without asking the leader.",
     .complexity = "O(1)",
     .compat = Compat::kPartial,
     .compat_note =
         "works without cluster mode, and allows reads that may be behind (connection.case)"},
    {.name = "READWRITE",
     .id = 428,
     .cls = Class::kLocal,
     .since = "3.0.0",
     .group = Group::kCluster,
     .arity = 1,
     .flags = kFast | kLoading | kStale | kEarly | kLocalState,
     .acl = kAclConnection,
     .handler = CmdReadwrite,
     .summary = "Ends READONLY.",
     .complexity = "O(1)",
     .compat = Compat::kPartial,
     .compat_note = "works without cluster mode (connection.case)"},
};

}  // namespace clustron::commands
