// Rows of the client family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/context.h"
#include "commands/spec.h"

namespace clustron::commands {

void CmdClientGetname(Context& ctx);
void CmdClientHelp(Context& ctx);
void CmdClientId(Context& ctx);
void CmdClientInfo(Context& ctx);
void CmdClientKill(Context& ctx);
void CmdClientList(Context& ctx);
void CmdClientMaintNotifications(Context& ctx);
void CmdClientNoEvict(Context& ctx);
void CmdClientNoTouch(Context& ctx);
void CmdClientPause(Context& ctx);
void CmdClientReply(Context& ctx);
void CmdClientSetinfo(Context& ctx);
void CmdClientSetname(Context& ctx);
void CmdClientUnpause(Context& ctx);

constexpr std::string_view kTipsNondeterministicOutput[] = {"nondeterministic_output"};

constexpr ArgSpec kClientKillArgsFilterNewFormatNormalMasterSlavePubsub[] = {
    {.name = "normal", .type = ArgSpec::Type::kPureToken, .token = "NORMAL"},
    {.name = "master", .type = ArgSpec::Type::kPureToken, .token = "MASTER", .since = "3.2.0"},
    {.name = "slave", .type = ArgSpec::Type::kPureToken, .token = "SLAVE"},
    {.name = "replica", .type = ArgSpec::Type::kPureToken, .token = "REPLICA", .since = "5.0.0"},
    {.name = "pubsub", .type = ArgSpec::Type::kPureToken, .token = "PUBSUB"}};
constexpr ArgSpec kClientKillArgsFilterNewFormat[] = {
    {.name = "client-id",
     .type = ArgSpec::Type::kInteger,
     .token = "ID",
     .flags = ArgSpec::kOptional,
     .since = "2.8.12"},
    {.name = "normal_master_slave_pubsub",
     .type = ArgSpec::Type::kOneOf,
     .token = "TYPE",
     .flags = ArgSpec::kOptional,
     .since = "2.8.12",
     .args = kClientKillArgsFilterNewFormatNormalMasterSlavePubsub},
    {.name = "username", .token = "USER", .flags = ArgSpec::kOptional},
    {.name = "ip:port", .token = "ADDR", .flags = ArgSpec::kOptional},
    {.name = "ip:port", .token = "LADDR", .flags = ArgSpec::kOptional, .since = "6.2.0"},
    {.name = "yes/no", .token = "SKIPME", .flags = ArgSpec::kOptional}};
constexpr ArgSpec kClientKillArgsFilter[] = {{.name = "ip:port"},
                                             {.name = "new-format",
                                              .type = ArgSpec::Type::kOneOf,
                                              .flags = ArgSpec::kMultiple,
                                              .args = kClientKillArgsFilterNewFormat}};
constexpr ArgSpec kClientKillArgs[] = {
    {.name = "filter", .type = ArgSpec::Type::kOneOf, .args = kClientKillArgsFilter}};
constexpr ArgSpec kClientListArgsNormalMasterReplicaPubsub[] = {
    {.name = "normal", .type = ArgSpec::Type::kPureToken, .token = "NORMAL"},
    {.name = "master", .type = ArgSpec::Type::kPureToken, .token = "MASTER"},
    {.name = "replica", .type = ArgSpec::Type::kPureToken, .token = "REPLICA"},
    {.name = "pubsub", .type = ArgSpec::Type::kPureToken, .token = "PUBSUB"}};
constexpr ArgSpec kClientListArgsId[] = {
    {.name = "client-id", .type = ArgSpec::Type::kInteger, .flags = ArgSpec::kMultiple}};
constexpr ArgSpec kClientListArgs[] = {{.name = "normal_master_replica_pubsub",
                                        .type = ArgSpec::Type::kOneOf,
                                        .token = "TYPE",
                                        .flags = ArgSpec::kOptional,
                                        .since = "5.0.0",
                                        .args = kClientListArgsNormalMasterReplicaPubsub},
                                       {.name = "id",
                                        .type = ArgSpec::Type::kBlock,
                                        .token = "ID",
                                        .flags = ArgSpec::kOptional,
                                        .since = "6.2.0",
                                        .args = kClientListArgsId}};
constexpr ArgSpec kClientMaintNotificationsArgsEnabled[] = {
    {.name = "on", .type = ArgSpec::Type::kPureToken, .token = "ON"},
    {.name = "off", .type = ArgSpec::Type::kPureToken, .token = "OFF"}};
constexpr ArgSpec kClientMaintNotificationsArgsType[] = {
    {.name = "internal-ip", .type = ArgSpec::Type::kPureToken, .token = "internal-ip"},
    {.name = "internal-fqdn", .type = ArgSpec::Type::kPureToken, .token = "internal-fqdn"},
    {.name = "external-ip", .type = ArgSpec::Type::kPureToken, .token = "external-ip"},
    {.name = "external-fqdn", .type = ArgSpec::Type::kPureToken, .token = "external-fqdn"},
    {.name = "none", .type = ArgSpec::Type::kPureToken, .token = "none"}};
constexpr ArgSpec kClientMaintNotificationsArgs[] = {{.name = "enabled",
                                                      .type = ArgSpec::Type::kOneOf,
                                                      .args = kClientMaintNotificationsArgsEnabled},
                                                     {.name = "endpoint-type",
                                                      .type = ArgSpec::Type::kOneOf,
                                                      .token = "moving-endpoint-type",
                                                      .flags = ArgSpec::kOptional,
                                                      .args = kClientMaintNotificationsArgsType}};
constexpr ArgSpec kClientNoEvictArgs[] = {{.name = "enabled",
                                           .type = ArgSpec::Type::kOneOf,
                                           .args = kClientMaintNotificationsArgsEnabled}};
constexpr ArgSpec kClientPauseArgsMode[] = {
    {.name = "write", .type = ArgSpec::Type::kPureToken, .token = "WRITE"},
    {.name = "all", .type = ArgSpec::Type::kPureToken, .token = "ALL"}};
constexpr ArgSpec kClientPauseArgs[] = {{.name = "timeout", .type = ArgSpec::Type::kInteger},
                                        {.name = "mode",
                                         .type = ArgSpec::Type::kOneOf,
                                         .flags = ArgSpec::kOptional,
                                         .since = "6.2.0",
                                         .args = kClientPauseArgsMode}};
constexpr ArgSpec kClientReplyArgsOnOffSkip[] = {
    {.name = "on", .type = ArgSpec::Type::kPureToken, .token = "ON"},
    {.name = "off", .type = ArgSpec::Type::kPureToken, .token = "OFF"},
    {.name = "skip", .type = ArgSpec::Type::kPureToken, .token = "SKIP"}};
constexpr ArgSpec kClientReplyArgs[] = {
    {.name = "on_off_skip", .type = ArgSpec::Type::kOneOf, .args = kClientReplyArgsOnOffSkip}};
constexpr ArgSpec kClientSetinfoArgsAttr[] = {{.name = "libname", .token = "LIB-NAME"},
                                              {.name = "libver", .token = "LIB-VER"}};
constexpr ArgSpec kClientSetinfoArgs[] = {
    {.name = "attr", .type = ArgSpec::Type::kOneOf, .args = kClientSetinfoArgsAttr}};
constexpr ArgSpec kClientSetnameArgs[] = {{.name = "connection-name"}};

inline constexpr CommandSpec kClientRows[] = {
    {.name = "CLIENT",
     .cls = Class::kLocal,
     .since = "2.4.0",
     .group = Group::kConnection,
     .arity = -2,
     .summary = "About this and other connections."},
    {.name = "CLIENT|GETNAME",
     .id = 430,
     .cls = Class::kLocal,
     .since = "2.6.9",
     .group = Group::kConnection,
     .arity = 2,
     .flags = kLoading | kNoScript | kStale | kEarly | kLocalState,
     .acl = kAclConnection,
     .handler = CmdClientGetname,
     .summary = "Returns the connection's name.",
     .complexity = "O(1)"},
    {.name = "CLIENT|HELP",
     .id = 431,
     .cls = Class::kLocal,
     .since = "5.0.0",
     .group = Group::kConnection,
     .arity = 2,
     .flags = kLoading | kStale | kLocalState,
     .acl = kAclConnection,
     .handler = CmdClientHelp,
     .summary = "Lists the subcommands.",
     .complexity = "O(1)"},
    {.name = "CLIENT|ID",
     .id = 432,
     .cls = Class::kLocal,
     .since = "5.0.0",
     .group = Group::kConnection,
     .arity = 2,
     .flags = kLoading | kNoScript | kStale | kEarly | kLocalState,
     .acl = kAclConnection,
     .handler = CmdClientId,
     .summary = "Returns the connection's id.",
     .complexity = "O(1)"},
    {.name = "CLIENT|INFO",
     .id = 433,
     .cls = Class::kLocal,
     .since = "6.2.0",
     .group = Group::kConnection,
     .arity = 2,
     .flags = kLoading | kNoScript | kStale | kLocalState,
     .acl = kAclConnection,
     .handler = CmdClientInfo,
     .summary = "Describes the connection.",
     .complexity = "O(1)",
     .tips = kTipsNondeterministicOutput},
    {.name = "CLIENT|KILL",
     .id = 434,
     .cls = Class::kLocal,
     .since = "2.4.0",
     .group = Group::kConnection,
     .arity = -3,
     .flags = kAdmin | kLoading | kNoScript | kStale | kLocalState,
     .acl = kAclConnection,
     .handler = CmdClientKill,
     .summary = "Closes connections.",
     .complexity = "O(N) by the number of connections",
     .args = kClientKillArgs},
    {.name = "CLIENT|LIST",
     .id = 435,
     .cls = Class::kLocal,
     .since = "2.4.0",
     .group = Group::kConnection,
     .arity = -2,
     .flags = kAdmin | kLoading | kNoScript | kStale | kLocalState,
     .acl = kAclConnection,
     .handler = CmdClientList,
     .summary = "Describes the connections to this node.",
     .complexity = "O(N) by the number of connections",
     .args = kClientListArgs,
     .tips = kTipsNondeterministicOutput},
    {.name = "CLIENT|MAINT_NOTIFICATIONS",
     .id = 436,
     .cls = Class::kLocal,
     .since = "8.2.0",
     .group = Group::kConnection,
     .arity = -3,
     .flags = kLoading | kNoScript | kStale | kEarly | kLocalState,
     .acl = kAclConnection,
     .handler = CmdClientMaintNotifications,
     .summary = "Says that the client wants to hear of planned maintenance.",
     .complexity = "O(1)",
     .args = kClientMaintNotificationsArgs,
     .compat = Compat::kPartial,
     .compat_note = "MOVING, FAILING_OVER and FAILED_OVER; one address a node (maintenance.py)"},
    {.name = "CLIENT|NO-EVICT",
     .id = 437,
     .cls = Class::kLocal,
     .since = "7.0.0",
     .group = Group::kConnection,
     .arity = 3,
     .flags = kAdmin | kLoading | kNoScript | kStale | kEarly | kLocalState,
     .acl = kAclConnection,
     .handler = CmdClientNoEvict,
     .summary = "Keeps the connection out of client eviction.",
     .complexity = "O(1)",
     .args = kClientNoEvictArgs},
    {.name = "CLIENT|NO-TOUCH",
     .id = 438,
     .cls = Class::kLocal,
     .since = "7.2.0",
     .group = Group::kConnection,
     .arity = 3,
     .flags = kLoading | kNoScript | kStale | kEarly | kLocalState,
     .acl = kAclConnection,
     .handler = CmdClientNoTouch,
     .summary = "Lets reads leave the last use of keys alone.",
     .complexity = "O(1)",
     .args = kClientNoEvictArgs},
    {.name = "CLIENT|PAUSE",
     .id = 439,
     .cls = Class::kLocal,
     .since = "2.9.50",
     .group = Group::kConnection,
     .arity = -3,
     .flags = kAdmin | kLoading | kNoScript | kStale | kStalls | kLocalState,
     .acl = kAclConnection,
     .handler = CmdClientPause,
     .summary = "Holds commands back for a time.",
     .complexity = "O(1)",
     .args = kClientPauseArgs,
     .compat = Compat::kPartial,
     .compat_note = "this node only (client.case)"},
    {.name = "CLIENT|REPLY",
     .id = 440,
     .cls = Class::kLocal,
     .since = "3.2.0",
     .group = Group::kConnection,
     .arity = 3,
     .flags = kLoading | kNoScript | kStale | kStalls | kLocalState,
     .acl = kAclConnection,
     .handler = CmdClientReply,
     .summary = "Turns the replies of the connection off and on.",
     .complexity = "O(1)",
     .args = kClientReplyArgs},
    {.name = "CLIENT|SETINFO",
     .id = 441,
     .cls = Class::kLocal,
     .since = "7.2.0",
     .group = Group::kConnection,
     .arity = 4,
     .flags = kLoading | kNoScript | kStale | kEarly | kLocalState,
     .acl = kAclConnection,
     .handler = CmdClientSetinfo,
     .summary = "Tells the name and version of the client's library.",
     .complexity = "O(1)",
     .args = kClientSetinfoArgs},
    {.name = "CLIENT|SETNAME",
     .id = 442,
     .cls = Class::kLocal,
     .since = "2.6.9",
     .group = Group::kConnection,
     .arity = 3,
     .flags = kLoading | kNoScript | kStale | kEarly | kLocalState,
     .acl = kAclConnection,
     .handler = CmdClientSetname,
     .summary = "Names the connection.",
     .complexity = "O(1)",
     .args = kClientSetnameArgs},
    {.name = "CLIENT|UNPAUSE",
     .id = 443,
     .cls = Class::kLocal,
     .since = "6.2.0",
     .group = Group::kConnection,
     .arity = 2,
     .flags = kAdmin | kLoading | kNoScript | kStale | kLocalState,
     .acl = kAclConnection,
     .handler = CmdClientUnpause,
     .summary = "Ends CLIENT PAUSE.",
     .complexity = "O(N) by the number of connections"},
};

}  // namespace clustron::commands
