// Rows of the LEASE family (docs/coordination.md).
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdLeaseGrant, CmdLeaseKeepalive, CmdLeaseRevoke, CmdLeaseAttach, CmdLeaseDetach,
    CmdLeaseDo, CmdLeaseTtl, CmdLeaseList, CmdLeaseHelp;

Class LeaseDoClass(Args args);
bool LeaseDoKeys(Args args, std::vector<KeyRef>* out);

// Behind the lease's id.
constexpr uint8_t kLeaseDoInner = 3;

constexpr KeySpec kKeysLeaseAttach[] = {
    {.flags = KeySpec::kRw | KeySpec::kUpdate, .begin_index = 3, .last = -1}};
constexpr KeySpec kKeysLeaseDetach[] = {
    {.flags = KeySpec::kRw | KeySpec::kUpdate, .begin_index = 2, .last = -1}};

// clang-format off
inline constexpr CommandSpec kLeaseRows[] = {
    {.name = "LEASE", .since = "0.1.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kCoordination,
     .summary = "Named life spans of keys and locks.", .compat = Compat::kExtension},
    {.name = "LEASE|GRANT", .id = 500, .since = "0.1.0", .arity = -3, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag | kFast | kDenyOom,
     .handler = CmdLeaseGrant,
     .syntax = "ttl:int [ID id] [OWNER owner]",
     .summary = "Makes a lease that ends unless it is kept alive.", .complexity = "O(1)",
     .compat = Compat::kExtension},
    {.name = "LEASE|KEEPALIVE", .id = 501, .since = "0.1.0", .arity = -3, .cls = Class::kLeader,
     .group = Group::kCoordination, .flags = kFast | kWide,
     .handler = CmdLeaseKeepalive,
     .syntax = "id...",
     .summary = "Gives leases their whole time again.",
     .complexity = "O(N) by the number of leases",
     .compat = Compat::kExtension},
    {.name = "LEASE|REVOKE", .id = 502, .since = "0.1.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag | kWide,
     .handler = CmdLeaseRevoke,
     .syntax = "id",
     .summary = "Ends a lease with its keys and locks.",
     .complexity = "O(N) by the keys and locks of the lease",
     .compat = Compat::kExtension},
    {.name = "LEASE|ATTACH", .id = 503, .since = "0.1.0", .arity = -4, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag, .acl = kAclKeyspace,
     .keys = kKeysLeaseAttach, .handler = CmdLeaseAttach,
     .syntax = "id key...",
     .summary = "Lets keys end with a lease.", .complexity = "O(N) by the number of keys",
     .compat = Compat::kExtension},
    {.name = "LEASE|DETACH", .id = 504, .since = "0.1.0", .arity = -3, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag, .acl = kAclKeyspace,
     .keys = kKeysLeaseDetach, .handler = CmdLeaseDetach,
     .syntax = "key...",
     .summary = "Frees keys from their leases.", .complexity = "O(N) by the number of keys",
     .compat = Compat::kExtension},
    {.name = "LEASE|DO", .id = 505, .since = "0.1.0", .arity = -4, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag | kMovableKeys | kWrapper,
     .keys = kKeysWrapped, .get_keys = LeaseDoKeys, .handler = CmdLeaseDo, .class_of = LeaseDoClass,
     .inner = kLeaseDoInner,
     .syntax = "id command [arg...]",
     .summary = "Runs a write and attaches the keys that it wrote.", .complexity = "the command's",
     .compat = Compat::kExtension},
    {.name = "LEASE|TTL", .id = 506, .since = "0.1.0", .arity = -3, .cls = Class::kLeader,
     .group = Group::kCoordination, .flags = kReadonly | kUnversioned | kFast | kWide,
     .handler = CmdLeaseTtl,
     .syntax = "id [KEYS]",
     .summary = "Tells what is left of a lease.", .complexity = "O(1)",
     .compat = Compat::kExtension},
    {.name = "LEASE|LIST", .id = 507, .since = "0.1.0", .arity = -2, .cls = Class::kRead,
     .group = Group::kCoordination, .flags = kReadonly | kWide,
     .handler = CmdLeaseList,
     .syntax = "[OWNER owner] [AFTER after] [LIMIT limit:int]",
     .summary = "Lists leases in the order of their ids.",
     .complexity = "O(N) by the number of leases listed",
     .compat = Compat::kExtension},
    {.name = "LEASE|HELP", .since = "0.1.0", .arity = 2, .cls = Class::kLocal,
     .group = Group::kCoordination, .flags = kLoading | kStale,
     .handler = CmdLeaseHelp,
     .summary = "Lists the subcommands.", .complexity = "O(1)", .compat = Compat::kExtension},
};
// clang-format on

}  // namespace clustron::commands
