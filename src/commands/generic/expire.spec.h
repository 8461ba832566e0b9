// Rows of the expire family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

void CmdExpire(Context& ctx);
void CmdPexpire(Context& ctx);
void CmdExpireat(Context& ctx);
void CmdPexpireat(Context& ctx);
void CmdTtl(Context& ctx);
void CmdPttl(Context& ctx);
void CmdExpiretime(Context& ctx);
void CmdPexpiretime(Context& ctx);
void CmdPersist(Context& ctx);

constexpr std::string_view kTipsNondeterministicOutput[] = {"nondeterministic_output"};

constexpr ArgSpec kExpireArgsCondition[] = {
    {.name = "nx", .type = ArgSpec::Type::kPureToken, .token = "NX"},
    {.name = "xx", .type = ArgSpec::Type::kPureToken, .token = "XX"},
    {.name = "gt", .type = ArgSpec::Type::kPureToken, .token = "GT"},
    {.name = "lt", .type = ArgSpec::Type::kPureToken, .token = "LT"}};
constexpr ArgSpec kExpireArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "seconds", .type = ArgSpec::Type::kInteger},
    {.name = "condition",
     .type = ArgSpec::Type::kOneOf,
     .flags = ArgSpec::kOptional,
     .since = "7.0.0",
     .args = kExpireArgsCondition}};
constexpr ArgSpec kPexpireArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "milliseconds", .type = ArgSpec::Type::kInteger},
    {.name = "condition",
     .type = ArgSpec::Type::kOneOf,
     .flags = ArgSpec::kOptional,
     .since = "7.0.0",
     .args = kExpireArgsCondition}};
constexpr ArgSpec kExpireatArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "unix-time-seconds", .type = ArgSpec::Type::kUnixTime},
    {.name = "condition",
     .type = ArgSpec::Type::kOneOf,
     .flags = ArgSpec::kOptional,
     .since = "7.0.0",
     .args = kExpireArgsCondition}};
constexpr ArgSpec kPexpireatArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "unix-time-milliseconds", .type = ArgSpec::Type::kUnixTime},
    {.name = "condition",
     .type = ArgSpec::Type::kOneOf,
     .flags = ArgSpec::kOptional,
     .since = "7.0.0",
     .args = kExpireArgsCondition}};
constexpr ArgSpec kTtlArgs[] = {{.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0}};

inline constexpr CommandSpec kExpireRows[] = {
    {.name = "EXPIRE",
     .id = 230,
     .cls = Class::kWrite,
     .since = "1.0.0",
     .group = Group::kGeneric,
     .arity = -3,
     .flags = kFast | kWriteFlag | kCoalesce,
     .acl = kAclKeyspace,
     .keys = kKeyUpdate1,
     .handler = CmdExpire,
     .summary = "Lets a key end after seconds.",
     .complexity = "O(1)",
     .args = kExpireArgs},
    {.name = "PEXPIRE",
     .id = 231,
     .cls = Class::kWrite,
     .since = "2.6.0",
     .group = Group::kGeneric,
     .arity = -3,
     .flags = kFast | kWriteFlag | kCoalesce,
     .acl = kAclKeyspace,
     .keys = kKeyUpdate1,
     .handler = CmdPexpire,
     .summary = "Lets a key end after milliseconds.",
     .complexity = "O(1)",
     .args = kPexpireArgs},
    {.name = "EXPIREAT",
     .id = 232,
     .cls = Class::kWrite,
     .since = "1.2.0",
     .group = Group::kGeneric,
     .arity = -3,
     .flags = kFast | kWriteFlag,
     .acl = kAclKeyspace,
     .keys = kKeyUpdate1,
     .handler = CmdExpireat,
     .summary = "Lets a key end at a unix time in seconds.",
     .complexity = "O(1)",
     .args = kExpireatArgs},
    {.name = "PEXPIREAT",
     .id = 233,
     .cls = Class::kWrite,
     .since = "2.6.0",
     .group = Group::kGeneric,
     .arity = -3,
     .flags = kFast | kWriteFlag,
     .acl = kAclKeyspace,
     .keys = kKeyUpdate1,
     .handler = CmdPexpireat,
     .summary = "Lets a key end at a unix time in milliseconds.",
     .complexity = "O(1)",
     .args = kPexpireatArgs},
    {.name = "TTL",
     .id = 234,
     .cls = Class::kRead,
     .since = "1.0.0",
     .group = Group::kGeneric,
     .arity = 2,
     .flags = kFast | kReadonly,
     .acl = kAclKeyspace,
     .keys = kKeyRead1,
     .handler = CmdTtl,
     .summary = "Returns the seconds left to a key.",
     .complexity = "O(1)",
     .args = kTtlArgs,
     .tips = kTipsNondeterministicOutput},
    {.name = "PTTL",
     .id = 235,
     .cls = Class::kRead,
     .since = "2.6.0",
     .group = Group::kGeneric,
     .arity = 2,
     .flags = kFast | kReadonly,
     .acl = kAclKeyspace,
     .keys = kKeyRead1,
     .handler = CmdPttl,
     .summary = "Returns the milliseconds left to a key.",
     .complexity = "O(1)",
     .args = kTtlArgs,
     .tips = kTipsNondeterministicOutput},
    {.name = "EXPIRETIME",
     .id = 236,
     .cls = Class::kRead,
     .since = "7.0.0",
     .group = Group::kGeneric,
     .arity = 2,
     .flags = kFast | kReadonly,
     .acl = kAclKeyspace,
     .keys = kKeyRead1,
     .handler = CmdExpiretime,
     .summary = "Returns the unix time in seconds at which a key ends.",
     .complexity = "O(1)",
     .args = kTtlArgs},
    {.name = "PEXPIRETIME",
     .id = 237,
     .cls = Class::kRead,
     .since = "7.0.0",
     .group = Group::kGeneric,
     .arity = 2,
     .flags = kFast | kReadonly,
     .acl = kAclKeyspace,
     .keys = kKeyRead1,
     .handler = CmdPexpiretime,
     .summary = "Returns the unix time in milliseconds at which a key ends.",
     .complexity = "O(1)",
     .args = kTtlArgs},
    {.name = "PERSIST",
     .id = 238,
     .cls = Class::kWrite,
     .since = "2.2.0",
     .group = Group::kGeneric,
     .arity = 2,
     .flags = kFast | kWriteFlag,
     .acl = kAclKeyspace,
     .keys = kKeyUpdate1,
     .handler = CmdPersist,
     .summary = "Takes the end away from a key.",
     .complexity = "O(1)",
     .args = kTtlArgs},
};

}  // namespace clustron::commands
