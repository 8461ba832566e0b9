// Rows of the expire family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdExpire, CmdPexpire, CmdExpireat, CmdPexpireat, CmdTtl, CmdPttl, CmdExpiretime,
    CmdPexpiretime, CmdPersist;

// clang-format off
inline constexpr CommandSpec kExpireRows[] = {
    {.name = "EXPIRE", .id = 230, .since = "1.0.0", .arity = -3, .cls = Class::kWrite,
     .group = Group::kGeneric, .flags = kFast | kWriteFlag | kCoalesce, .acl = kAclKeyspace,
     .keys = kKeyUpdate1, .handler = CmdExpire,
     .syntax = "key seconds:int condition=[NX|XX|GT|LT]@7.0.0",
     .summary = "Lets a key end after seconds.", .complexity = "O(1)"},
    {.name = "PEXPIRE", .id = 231, .since = "2.6.0", .arity = -3, .cls = Class::kWrite,
     .group = Group::kGeneric, .flags = kFast | kWriteFlag | kCoalesce, .acl = kAclKeyspace,
     .keys = kKeyUpdate1, .handler = CmdPexpire,
     .syntax = "key milliseconds:int condition=[NX|XX|GT|LT]@7.0.0",
     .summary = "Lets a key end after milliseconds.", .complexity = "O(1)"},
    {.name = "EXPIREAT", .id = 232, .since = "1.2.0", .arity = -3, .cls = Class::kWrite,
     .group = Group::kGeneric, .flags = kFast | kWriteFlag, .acl = kAclKeyspace,
     .keys = kKeyUpdate1, .handler = CmdExpireat,
     .syntax = "key unix-time-seconds:time condition=[NX|XX|GT|LT]@7.0.0",
     .summary = "Lets a key end at a unix time in seconds.", .complexity = "O(1)"},
    {.name = "PEXPIREAT", .id = 233, .since = "2.6.0", .arity = -3, .cls = Class::kWrite,
     .group = Group::kGeneric, .flags = kFast | kWriteFlag, .acl = kAclKeyspace,
     .keys = kKeyUpdate1, .handler = CmdPexpireat,
     .syntax = "key unix-time-milliseconds:time condition=[NX|XX|GT|LT]@7.0.0",
     .summary = "Lets a key end at a unix time in milliseconds.", .complexity = "O(1)"},
    {.name = "TTL", .id = 234, .since = "1.0.0", .arity = 2, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kFast | kReadonly | kUnversioned, .acl = kAclKeyspace,
     .keys = kKeyRead1, .handler = CmdTtl,
     .syntax = "key",
     .summary = "Returns the seconds left to a key.", .complexity = "O(1)",
     .tips = "nondeterministic_output"},
    {.name = "PTTL", .id = 235, .since = "2.6.0", .arity = 2, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kFast | kReadonly | kUnversioned, .acl = kAclKeyspace,
     .keys = kKeyRead1, .handler = CmdPttl,
     .syntax = "key",
     .summary = "Returns the milliseconds left to a key.", .complexity = "O(1)",
     .tips = "nondeterministic_output"},
    {.name = "EXPIRETIME", .id = 236, .since = "7.0.0", .arity = 2, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kFast | kReadonly | kUnversioned, .acl = kAclKeyspace,
     .keys = kKeyRead1, .handler = CmdExpiretime,
     .syntax = "key",
     .summary = "Returns the unix time in seconds at which a key ends.", .complexity = "O(1)"},
    {.name = "PEXPIRETIME", .id = 237, .since = "7.0.0", .arity = 2, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kFast | kReadonly | kUnversioned, .acl = kAclKeyspace,
     .keys = kKeyRead1, .handler = CmdPexpiretime,
     .syntax = "key",
     .summary = "Returns the unix time in milliseconds at which a key ends.", .complexity = "O(1)"},
    {.name = "PERSIST", .id = 238, .since = "2.2.0", .arity = 2, .cls = Class::kWrite,
     .group = Group::kGeneric, .flags = kFast | kWriteFlag, .acl = kAclKeyspace,
     .keys = kKeyUpdate1, .handler = CmdPersist,
     .syntax = "key",
     .summary = "Takes the end away from a key.", .complexity = "O(1)"},
};
// clang-format on

}  // namespace clustron::commands
