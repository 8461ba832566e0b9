// Rows of the LOCK family (docs/coordination.md).
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdLockAcquire, CmdLockClaim, CmdLockCancel, CmdLockRenew, CmdLockRelease, CmdLockDo,
    CmdLockCheck, CmdLockInfo, CmdLockList, CmdLockBreak, CmdLockHelp;

// Whether the call waits if it can't be served.
bool LockAcquireWaits(Args args);
// The options tell which programs know the call.
uint16_t LockAcquireVersion(Args args);

Class LockDoClass(Args args);
bool LockDoKeys(Args args, std::vector<KeyRef>* out);
ShownLock LockDoShows(Args args);

// The feature version from which on locks have queues and modes.
constexpr uint16_t kQueuesVersion = 5;
// Behind the lock's name and its token.
constexpr uint8_t kLockDoInner = 4;

// Names of locks are keys to ACL and clients; to guards they are not.
constexpr KeySpec kKeysLock[] = {{.flags = KeySpec::kRw | KeySpec::kUpdate, .begin_index = 2}};
constexpr KeySpec kKeysLockDo[] = {{.flags = KeySpec::kRo, .begin_index = 2}, kWrappedKeys};

// clang-format off
inline constexpr CommandSpec kLockRows[] = {
    {.name = "LOCK", .since = "0.1.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kCoordination,
     .summary = "Locks that fence the keys of their names.", .compat = Compat::kExtension},
    {.name = "LOCK|ACQUIRE", .id = 550, .since = "0.1.0", .arity = -4, .cls = Class::kWrite,
     .group = Group::kCoordination,
     .flags = kWriteFlag | kFast | kDenyOom | kNoGuard | kBlocking,
     .keys = kKeysLock, .handler = CmdLockAcquire, .may_wait = LockAcquireWaits,
     .feature_version_of = LockAcquireVersion,
     .syntax = "name:key ttl:int [OWNER owner] [LEASE lease] [SHARED|LIMIT n:int] [ADVISORY] "
               "[DELAY ms:int] [WAIT ms:int|ENQUEUE ticket-ttl:int]",
     .summary = "Takes a lock if it is free, waits for it, or queues for it.",
     .complexity = "O(log N) by the number of requests in the queue",
     .compat = Compat::kExtension},
    {.name = "LOCK|CLAIM", .id = 558, .since = "0.1.0", .arity = 4, .cls = Class::kLeader,
     .group = Group::kCoordination, .flags = kWriteFlag | kFast | kNoGuard,
     .keys = kKeysLock, .handler = CmdLockClaim, .feature_version = kQueuesVersion,
     .syntax = "name:key ticket:int",
     .summary = "Takes what a ticket was granted, or keeps its place in the queue.",
     .complexity = "O(log N) by the number of requests in the queue",
     .compat = Compat::kExtension},
    {.name = "LOCK|CANCEL", .id = 559, .since = "0.1.0", .arity = 4, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag | kFast | kNoGuard,
     .keys = kKeysLock, .handler = CmdLockCancel, .feature_version = kQueuesVersion,
     .syntax = "name:key ticket:int",
     .summary = "Takes a ticket out of the queue.",
     .complexity = "O(log N) by the number of requests in the queue",
     .compat = Compat::kExtension},
    {.name = "LOCK|RENEW", .id = 551, .since = "0.1.0", .arity = 5, .cls = Class::kLeader,
     .group = Group::kCoordination, .flags = kWriteFlag | kFast | kNoGuard,
     .keys = kKeysLock, .handler = CmdLockRenew,
     .syntax = "name:key token:int ttl:int",
     .summary = "Gives a lock time again.", .complexity = "O(1)", .compat = Compat::kExtension},
    {.name = "LOCK|RELEASE", .id = 552, .since = "0.1.0", .arity = 4, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag | kFast | kNoGuard,
     .keys = kKeysLock, .handler = CmdLockRelease,
     .syntax = "name:key token:int",
     .summary = "Gives a lock back.", .complexity = "O(1)", .compat = Compat::kExtension},
    {.name = "LOCK|DO", .id = 553, .since = "0.1.0", .arity = -5, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag | kMovableKeys | kNoGuard | kWrapper,
     .keys = kKeysLockDo, .get_keys = LockDoKeys, .handler = CmdLockDo, .class_of = LockDoClass,
     .inner = kLockDoInner, .shown_lock = LockDoShows,
     .syntax = "name:key token:int command [arg...]",
     .summary = "Runs a command under a lock.", .complexity = "the command's",
     .compat = Compat::kExtension},
    {.name = "LOCK|CHECK", .id = 554, .since = "0.1.0", .arity = 4, .cls = Class::kRead,
     .group = Group::kCoordination, .flags = kReadonly | kUnversioned | kFast,
     .keys = kKeyMetaSub, .handler = CmdLockCheck,
     .syntax = "name:key token:int",
     .summary = "Tells whether a token is the holder's.", .complexity = "O(1)",
     .compat = Compat::kExtension},
    {.name = "LOCK|INFO", .id = 555, .since = "0.1.0", .arity = 3, .cls = Class::kLeader,
     .group = Group::kCoordination, .flags = kReadonly | kUnversioned | kFast | kWide,
     .keys = kKeyMetaSub, .handler = CmdLockInfo,
     .syntax = "name:key",
     .summary = "Describes a lock, its holders and its queue.",
     .complexity = "O(N) by the number of holders",
     .compat = Compat::kExtension},
    {.name = "LOCK|LIST", .id = 556, .since = "0.1.0", .arity = -2, .cls = Class::kRead,
     .group = Group::kCoordination, .flags = kReadonly | kWide,
     .handler = CmdLockList,
     .syntax = "[PREFIX prefix] [AFTER after] [LIMIT limit:int]",
     .summary = "Lists held locks of the database in the order of their names.",
     .complexity = "O(N) by the number of locks listed",
     .compat = Compat::kExtension},
    {.name = "LOCK|BREAK", .id = 557, .since = "0.1.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag | kNoGuard, .acl = kAclDangerous,
     .keys = kKeysLock, .handler = CmdLockBreak,
     .syntax = "name:key",
     .summary = "Takes a lock away from its holders: for operators.",
     .complexity = "O(N) by the number of holders",
     .compat = Compat::kExtension},
    {.name = "LOCK|HELP", .since = "0.1.0", .arity = 2, .cls = Class::kLocal,
     .group = Group::kCoordination, .flags = kLoading | kStale,
     .handler = CmdLockHelp,
     .summary = "Lists the subcommands.", .complexity = "O(1)", .compat = Compat::kExtension},
};
// clang-format on

}  // namespace clustron::commands
