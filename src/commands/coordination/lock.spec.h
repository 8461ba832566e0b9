// Rows of the LOCK family (docs/coordination.md).
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

void CmdLockAcquire(Context& ctx);
void CmdLockRenew(Context& ctx);
void CmdLockRelease(Context& ctx);
void CmdLockDo(Context& ctx);
void CmdLockCheck(Context& ctx);
void CmdLockInfo(Context& ctx);
void CmdLockList(Context& ctx);
void CmdLockBreak(Context& ctx);
void CmdLockHelp(Context& ctx);
Class LockDoClass(Args args);
bool LockDoKeys(Args args, std::vector<KeyRef>* out);
ShownLock LockDoShows(Args args);

// Behind the lock's name and its token.
constexpr uint8_t kLockDoInner = 4;

// Names of locks are keys to ACL and clients; to guards they are not.
constexpr KeySpec kKeysLock[] = {{.flags = KeySpec::kRw | KeySpec::kUpdate, .begin_index = 2}};
constexpr KeySpec kKeysLockRead[] = {{.flags = KeySpec::kRo, .begin_index = 2}};
constexpr KeySpec kKeysLockDo[] = {{.flags = KeySpec::kRo, .begin_index = 2}, kWrappedKeys};
constexpr ArgSpec kLockAcquireArgs[] = {
    {.name = "name", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "ttl", .type = ArgSpec::Type::kInteger},
    {.name = "owner", .token = "OWNER", .flags = ArgSpec::kOptional},
    {.name = "lease", .token = "LEASE", .flags = ArgSpec::kOptional},
    {.name = "advisory",
     .type = ArgSpec::Type::kPureToken,
     .token = "ADVISORY",
     .flags = ArgSpec::kOptional}};
constexpr ArgSpec kLockRenewArgs[] = {
    {.name = "name", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "token", .type = ArgSpec::Type::kInteger},
    {.name = "ttl", .type = ArgSpec::Type::kInteger}};
constexpr ArgSpec kLockTokenArgs[] = {
    {.name = "name", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "token", .type = ArgSpec::Type::kInteger}};
constexpr ArgSpec kLockNameArgs[] = {
    {.name = "name", .type = ArgSpec::Type::kKey, .key_spec_index = 0}};
constexpr ArgSpec kLockDoArgs[] = {
    {.name = "name", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "token", .type = ArgSpec::Type::kInteger},
    {.name = "command"},
    {.name = "arg", .flags = ArgSpec::kOptional | ArgSpec::kMultiple}};
constexpr ArgSpec kLockListArgs[] = {
    {.name = "prefix", .token = "PREFIX", .flags = ArgSpec::kOptional},
    {.name = "after", .token = "AFTER", .flags = ArgSpec::kOptional},
    {.name = "limit",
     .type = ArgSpec::Type::kInteger,
     .token = "LIMIT",
     .flags = ArgSpec::kOptional}};

inline constexpr CommandSpec kLockRows[] = {
    {.name = "LOCK",
     .cls = Class::kLocal,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = -2,
     .summary = "Locks that fence the keys of their names.",
     .compat = Compat::kExtension},
    {.name = "LOCK|ACQUIRE",
     .id = 550,
     .cls = Class::kWrite,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = -4,
     .flags = kWriteFlag | kFast | kDenyOom | kNoGuard,
     .keys = kKeysLock,
     .handler = CmdLockAcquire,
     .summary = "Takes a lock if it is free.",
     .complexity = "O(1)",
     .args = kLockAcquireArgs,
     .compat = Compat::kExtension},
    {.name = "LOCK|RENEW",
     .id = 551,
     .cls = Class::kLeader,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = 5,
     .flags = kWriteFlag | kFast | kNoGuard,
     .keys = kKeysLock,
     .handler = CmdLockRenew,
     .summary = "Gives a lock time again.",
     .complexity = "O(1)",
     .args = kLockRenewArgs,
     .compat = Compat::kExtension},
    {.name = "LOCK|RELEASE",
     .id = 552,
     .cls = Class::kWrite,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = 4,
     .flags = kWriteFlag | kFast | kNoGuard,
     .keys = kKeysLock,
     .handler = CmdLockRelease,
     .summary = "Gives a lock back.",
     .complexity = "O(1)",
     .args = kLockTokenArgs,
     .compat = Compat::kExtension},
    {.name = "LOCK|DO",
     .id = 553,
     .cls = Class::kWrite,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = -5,
     .flags = kWriteFlag | kMovableKeys | kNoGuard | kWrapper,
     .keys = kKeysLockDo,
     .get_keys = LockDoKeys,
     .handler = CmdLockDo,
     .summary = "Runs a command under a lock.",
     .complexity = "the command's",
     .args = kLockDoArgs,
     .inner = kLockDoInner,
     .shown_lock = LockDoShows,
     .compat = Compat::kExtension,
     .class_of = LockDoClass},
    {.name = "LOCK|CHECK",
     .id = 554,
     .cls = Class::kRead,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = 4,
     .flags = kReadonly | kFast,
     .keys = kKeysLockRead,
     .handler = CmdLockCheck,
     .summary = "Tells whether a token is the holder's.",
     .complexity = "O(1)",
     .args = kLockTokenArgs,
     .compat = Compat::kExtension},
    {.name = "LOCK|INFO",
     .id = 555,
     .cls = Class::kLeader,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = 3,
     .flags = kReadonly | kFast,
     .keys = kKeysLockRead,
     .handler = CmdLockInfo,
     .summary = "Describes a lock and its holders.",
     .complexity = "O(1)",
     .args = kLockNameArgs,
     .compat = Compat::kExtension},
    {.name = "LOCK|LIST",
     .id = 556,
     .cls = Class::kRead,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = -2,
     .flags = kReadonly | kWide,
     .handler = CmdLockList,
     .summary = "Lists held locks of the database in the order of their names.",
     .complexity = "O(N) by the number of locks listed",
     .args = kLockListArgs,
     .compat = Compat::kExtension},
    {.name = "LOCK|BREAK",
     .id = 557,
     .cls = Class::kWrite,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = 3,
     .flags = kWriteFlag | kNoGuard,
     .acl = kAclDangerous,
     .keys = kKeysLock,
     .handler = CmdLockBreak,
     .summary = "Takes a lock away from its holder: for operators.",
     .complexity = "O(1)",
     .args = kLockNameArgs,
     .compat = Compat::kExtension},
    {.name = "LOCK|HELP",
     .cls = Class::kLocal,
     .since = "0.1.0",
     .group = Group::kCoordination,
     .arity = 2,
     .flags = kLoading | kStale,
     .handler = CmdLockHelp,
     .summary = "Lists the subcommands.",
     .complexity = "O(1)",
     .compat = Compat::kExtension},
};

}  // namespace clustron::commands
