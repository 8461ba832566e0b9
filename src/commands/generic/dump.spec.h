// Rows of DUMP and RESTORE.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdDump, CmdRestore;

// clang-format off
inline constexpr CommandSpec kDumpRows[] = {
    {.name = "DUMP", .id = 258, .since = "2.6.0", .arity = 2, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kReadonly | kWide, .acl = kAclKeyspace,
     .keys = kKeyRead1, .handler = CmdDump,
     .syntax = "key",
     .summary = "Returns a value in a form that RESTORE takes, here and in Redis.",
     .complexity = "O(N) by the size of the value",
     .tips = "nondeterministic_output"},
    {.name = "RESTORE", .id = 259, .since = "2.6.0", .arity = -4, .cls = Class::kWrite,
     .group = Group::kGeneric, .flags = kDenyOom | kWriteFlag | kWide,
     .acl = kAclKeyspace | kAclDangerous, .keys = kKeyOverwrite1, .handler = CmdRestore,
     .feature_version = 3,
     .syntax = "key ttl:int serialized-value [REPLACE@3.0.0] [ABSTTL@5.0.0] "
               "[IDLETIME seconds:int@5.0.0] [FREQ frequency:int@5.0.0]",
     .summary = "Creates a key from what DUMP returned.",
     .complexity = "O(N) by the size of the value"},
};
// clang-format on

}  // namespace clustron::commands
