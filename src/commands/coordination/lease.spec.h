// Rows of the LEASE family (docs/coordination.md).
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

void CmdLeaseGrant(Context& ctx);
void CmdLeaseKeepalive(Context& ctx);
void CmdLeaseRevoke(Context& ctx);
void CmdLeaseAttach(Context& ctx);
void CmdLeaseDetach(Context& ctx);
void CmdLeaseDo(Context& ctx);
void CmdLeaseTtl(Context& ctx);
void CmdLeaseList(Context& ctx);
void CmdLeaseHelp(Context& ctx);
Class LeaseDoClass(Args args);
bool LeaseDoKeys(Args args, std::vector<KeyRef>* out);

// Behind the lease's id.
constexpr uint8_t kLeaseDoInner = 3;

constexpr KeySpec kKeysLeaseAttach[] = {
    {.flags = KeySpec::kRw | KeySpec::kUpdate, .begin_index = 3, .last = -1}};
constexpr KeySpec kKeysLeaseDetach[] = {
    {.flags = KeySpec::kRw | KeySpec::kUpdate, .begin_index = 2, .last = -1}};
constexpr KeySpec kKeysLeaseDo[] = {kWrappedKeys};
constexpr ArgSpec kLeaseGrantArgs[] = {
    {.name = "ttl", .type = ArgSpec::Type::kInteger},
    {.name = "id", .token = "ID", .flags = ArgSpec::kOptional},
    {.name = "owner", .token = "OWNER", .flags = ArgSpec::kOptional}};
constexpr ArgSpec kLeaseIdArgs[] = {{.name = "id"}};
constexpr ArgSpec kLeaseIdsArgs[] = {{.name = "id", .flags = ArgSpec::kMultiple}};
constexpr ArgSpec kLeaseAttachArgs[] = {
    {.name = "id"},
    {.name = "key", .type = ArgSpec::Type::kKey, .flags = ArgSpec::kMultiple, .key_spec_index = 0}};
constexpr ArgSpec kLeaseDetachArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .flags = ArgSpec::kMultiple, .key_spec_index = 0}};
constexpr ArgSpec kLeaseDoArgs[] = {
    {.name = "id"},
    {.name = "command"},
    {.name = "arg", .flags = ArgSpec::kOptional | ArgSpec::kMultiple}};
constexpr ArgSpec kLeaseTtlArgs[] = {{.name = "id"},
                                     {.name = "keys",
                                      .type = ArgSpec::Type::kPureToken,
                                      .token = "KEYS",
                                      .flags = ArgSpec::kOptional}};
constexpr ArgSpec kLeaseListArgs[] = {
    {.name = "owner", .token = "OWNER", .flags = ArgSpec::kOptional},
    {.name = "after", .token = "AFTER", .flags = ArgSpec::kOptional},
    {.name = "limit",
     .type = ArgSpec::Type::kInteger,
     .token = "LIMIT",
     .flags = ArgSpec::kOptional}};

inline constexpr CommandSpec kLeaseRows[] = {
    {.name = "LEASE",
     .cls = Class::kLocal,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = -2,
     .summary = "Named life spans of keys and locks.",
     .compat = Compat::kExtension},
    {.name = "LEASE|GRANT",
     .id = 500,
     .cls = Class::kWrite,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = -3,
     .flags = kWriteFlag | kFast | kDenyOom,
     .handler = CmdLeaseGrant,
     .summary = "Makes a lease that ends unless it is kept alive.",
     .complexity = "O(1)",
     .args = kLeaseGrantArgs,
     .compat = Compat::kExtension},
    {.name = "LEASE|KEEPALIVE",
     .id = 501,
     .cls = Class::kLeader,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = -3,
     .flags = kFast | kWide,
     .handler = CmdLeaseKeepalive,
     .summary = "Gives leases their whole time again.",
     .complexity = "O(N) by the number of leases",
     .args = kLeaseIdsArgs,
     .compat = Compat::kExtension},
    {.name = "LEASE|REVOKE",
     .id = 502,
     .cls = Class::kWrite,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = 3,
     .flags = kWriteFlag | kWide,
     .handler = CmdLeaseRevoke,
     .summary = "Ends a lease with its keys and locks.",
     .complexity = "O(N) by the keys and locks of the lease",
     .args = kLeaseIdArgs,
     .compat = Compat::kExtension},
    {.name = "LEASE|ATTACH",
     .id = 503,
     .cls = Class::kWrite,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = -4,
     .flags = kWriteFlag,
     .acl = kAclKeyspace,
     .keys = kKeysLeaseAttach,
     .handler = CmdLeaseAttach,
     .summary = "Lets keys end with a lease.",
     .complexity = "O(N) by the number of keys",
     .args = kLeaseAttachArgs,
     .compat = Compat::kExtension},
    {.name = "LEASE|DETACH",
     .id = 504,
     .cls = Class::kWrite,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = -3,
     .flags = kWriteFlag,
     .acl = kAclKeyspace,
     .keys = kKeysLeaseDetach,
     .handler = CmdLeaseDetach,
     .summary = "Frees keys from their leases.",
     .complexity = "O(N) by the number of keys",
     .args = kLeaseDetachArgs,
     .compat = Compat::kExtension},
    {.name = "LEASE|DO",
     .id = 505,
     .cls = Class::kWrite,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = -4,
     .flags = kWriteFlag | kMovableKeys | kWrapper,
     .keys = kKeysLeaseDo,
     .get_keys = LeaseDoKeys,
     .handler = CmdLeaseDo,
     .summary = "Runs a write and attaches the keys that it wrote.",
     .complexity = "the command's",
     .args = kLeaseDoArgs,
     .inner = kLeaseDoInner,
     .compat = Compat::kExtension,
     .class_of = LeaseDoClass},
    {.name = "LEASE|TTL",
     .id = 506,
     .cls = Class::kLeader,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = -3,
     .flags = kReadonly | kFast | kWide,
     .handler = CmdLeaseTtl,
     .summary = "Tells what is left of a lease.",
     .complexity = "O(1)",
     .args = kLeaseTtlArgs,
     .compat = Compat::kExtension},
    {.name = "LEASE|LIST",
     .id = 507,
     .cls = Class::kRead,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = -2,
     .flags = kReadonly | kWide,
     .handler = CmdLeaseList,
     .summary = "Lists leases in the order of their ids.",
     .complexity = "O(N) by the number of leases listed",
     .args = kLeaseListArgs,
     .compat = Compat::kExtension},
    {.name = "LEASE|HELP",
     .cls = Class::kLocal,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = 2,
     .flags = kLoading | kStale,
     .handler = CmdLeaseHelp,
     .summary = "Lists the subcommands.",
     .complexity = "O(1)",
     .compat = Compat::kExtension},
};

}  // namespace clustron::commands
