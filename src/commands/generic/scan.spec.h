// Rows of the scan family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdScan, CmdKeys, CmdObjectEncoding, CmdObjectRevision, CmdObjectFreq, CmdObjectIdletime,
    CmdObjectRefcount, CmdObjectHelp;

// clang-format off
inline constexpr CommandSpec kScanRows[] = {
    {.name = "SCAN", .id = 250, .since = "2.8.0", .arity = -2, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kReadonly | kWide, .acl = kAclKeyspace,
     .handler = CmdScan,
     .syntax = "cursor:int [MATCH pattern] [COUNT count:int] [TYPE type@6.0.0]",
     .summary = "Walks the key names of the selected database in steps.",
     .complexity = "O(1) a call, O(N) for the whole walk",
     .tips = "nondeterministic_output request_policy:special"},
    {.name = "KEYS", .id = 251, .since = "1.0.0", .arity = 2, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kReadonly | kWide, .acl = kAclDangerous | kAclKeyspace,
     .handler = CmdKeys,
     .syntax = "pattern",
     .summary = "Returns all key names that match a pattern.",
     .complexity = "O(N) by the number of keys in the database",
     .tips = "request_policy:all_shards nondeterministic_output_order"},
    {.name = "OBJECT", .since = "2.2.3", .arity = -2, .cls = Class::kLocal,
     .group = Group::kGeneric, .summary = "Asks about the value at a key."},
    {.name = "OBJECT|ENCODING", .id = 252, .since = "2.2.3", .arity = 3, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kReadonly | kUnversioned, .acl = kAclKeyspace,
     .keys = kKeyMetaSub, .handler = CmdObjectEncoding,
     .syntax = "key",
     .summary = "Tells how the value at a key is kept.", .complexity = "O(1)",
     .tips = "nondeterministic_output"},
    {.name = "OBJECT|FREQ", .id = 253, .since = "4.0.0", .arity = 3, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kReadonly | kLocalState, .acl = kAclKeyspace,
     .keys = kKeyMetaSub, .handler = CmdObjectFreq,
     .syntax = "key",
     .summary = "Returns how often a key was used.", .complexity = "O(1)",
     .tips = "nondeterministic_output"},
    {.name = "OBJECT|IDLETIME", .id = 254, .since = "2.2.3", .arity = 3, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kReadonly | kLocalState, .acl = kAclKeyspace,
     .keys = kKeyMetaSub, .handler = CmdObjectIdletime,
     .syntax = "key",
     .summary = "Returns the seconds since a key was last used.", .complexity = "O(1)",
     .tips = "nondeterministic_output"},
    {.name = "OBJECT|REFCOUNT", .id = 255, .since = "2.2.3", .arity = 3, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kReadonly | kLocalState, .acl = kAclKeyspace,
     .keys = kKeyMetaSub, .handler = CmdObjectRefcount,
     .syntax = "key",
     .summary = "Returns the number of references to a value.", .complexity = "O(1)",
     .tips = "nondeterministic_output"},
    {.name = "OBJECT|HELP", .id = 256, .since = "6.2.0", .arity = 2, .cls = Class::kLocal,
     .group = Group::kGeneric, .flags = kLoading | kStale, .acl = kAclKeyspace,
     .handler = CmdObjectHelp,
     .summary = "Lists the subcommands.", .complexity = "O(1)"},
    {.name = "OBJECT|REVISION", .id = 257, .since = "0.1.0", .arity = 3, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kReadonly | kUnversioned, .acl = kAclKeyspace,
     .keys = kKeyMetaSub, .handler = CmdObjectRevision,
     .syntax = "key",
     .summary = "Returns the store's revision that last changed a key.", .complexity = "O(1)",
     .compat = Compat::kExtension},
};
// clang-format on

}  // namespace clustron::commands
