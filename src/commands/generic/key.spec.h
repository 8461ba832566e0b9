// Rows of the key family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include <optional>
#include <string_view>

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdDel, CmdDelex, CmdUnlink, CmdExists, CmdType, CmdRename, CmdRenamenx, CmdCopy, CmdMove,
    CmdSwapdb, CmdTouch, CmdRandomkey, CmdDbsize, CmdFlushdb, CmdFlushall;

WrittenDbs CopyDbs(Args args, int db, const store::Store& store);
WrittenDbs MoveDbs(Args args, int db, const store::Store& store);
WrittenDbs SwapDbs(Args args, int db, const store::Store& store);

// The prefix of FLUSHDB PREFIX; nothing: another FLUSHDB, or one that will fail anyway.
std::optional<std::string_view> FlushedPrefix(Args args);
uint16_t FlushdbVersion(Args args);

constexpr KeySpec kKeysRename[] = {{.flags = KeySpec::kRw | KeySpec::kAccess | KeySpec::kDelete},
                                   {.flags = KeySpec::kOw | KeySpec::kUpdate, .begin_index = 2}};
constexpr KeySpec kKeysRenamenx[] = {{.flags = KeySpec::kRw | KeySpec::kAccess | KeySpec::kDelete},
                                     {.flags = KeySpec::kOw | KeySpec::kInsert, .begin_index = 2}};
constexpr KeySpec kKeysCopy[] = {{.flags = KeySpec::kRo | KeySpec::kAccess},
                                 {.flags = KeySpec::kOw | KeySpec::kUpdate, .begin_index = 2}};
constexpr KeySpec kKeysDelex[] = {{.flags = KeySpec::kRm | KeySpec::kAccess | KeySpec::kDelete}};

// clang-format off
inline constexpr CommandSpec kKeyRows[] = {
    {.name = "DEL", .id = 200, .since = "1.0.0", .arity = -2, .cls = Class::kWrite,
     .group = Group::kGeneric, .flags = kWriteFlag, .acl = kAclKeyspace,
     .keys = kKeyRemoveAll, .handler = CmdDel,
     .syntax = "key...",
     .summary = "Deletes keys.", .complexity = "O(N) by the number of keys",
     .tips = "request_policy:multi_shard response_policy:agg_sum"},
    {.name = "UNLINK", .id = 201, .since = "4.0.0", .arity = -2, .cls = Class::kWrite,
     .group = Group::kGeneric, .flags = kFast | kWriteFlag, .acl = kAclKeyspace,
     .keys = kKeyRemoveAll, .handler = CmdUnlink,
     .syntax = "key...",
     .summary = "Deletes keys; big values are freed in the background.",
     .complexity = "O(N) by the number of keys",
     .tips = "request_policy:multi_shard response_policy:agg_sum"},
    {.name = "EXISTS", .id = 202, .since = "1.0.0", .arity = -2, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kFast | kReadonly, .acl = kAclKeyspace,
     .keys = kKeyMetaAll, .handler = CmdExists,
     .syntax = "key...",
     .summary = "Counts those of the given keys that exist.",
     .complexity = "O(N) by the number of keys",
     .tips = "request_policy:multi_shard response_policy:agg_sum"},
    {.name = "TYPE", .id = 203, .since = "1.0.0", .arity = 2, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kFast | kReadonly, .acl = kAclKeyspace,
     .keys = kKeyMeta1, .handler = CmdType,
     .syntax = "key",
     .summary = "Tells the type of the value at a key.", .complexity = "O(1)"},
    {.name = "RENAME", .id = 204, .since = "1.0.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kGeneric, .flags = kWriteFlag, .acl = kAclKeyspace,
     .keys = kKeysRename, .handler = CmdRename,
     .syntax = "key newkey:key",
     .summary = "Renames a key over whatever has the new name.", .complexity = "O(1)"},
    {.name = "RENAMENX", .id = 205, .since = "1.0.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kGeneric, .flags = kFast | kWriteFlag, .acl = kAclKeyspace,
     .keys = kKeysRenamenx, .handler = CmdRenamenx,
     .syntax = "key newkey:key",
     .summary = "Renames a key if the new name is free.", .complexity = "O(1)"},
    {.name = "COPY", .id = 206, .since = "6.2.0", .arity = -3, .cls = Class::kWrite,
     .group = Group::kGeneric, .flags = kDenyOom | kWriteFlag | kWide, .acl = kAclKeyspace,
     .keys = kKeysCopy, .handler = CmdCopy, .written_dbs = CopyDbs,
     .syntax = "source:key destination:key [DB destination-db:int] [REPLACE]",
     .summary = "Copies the value at a key to another key.",
     .complexity = "O(N) by the size of a collection"},
    {.name = "MOVE", .id = 207, .since = "1.0.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kGeneric, .flags = kFast | kWriteFlag, .acl = kAclKeyspace,
     .keys = kKeyReadUpdate1, .handler = CmdMove, .written_dbs = MoveDbs,
     .syntax = "key db:int",
     .summary = "Moves a key to another database.", .complexity = "O(1)"},
    {.name = "SWAPDB", .id = 208, .since = "4.0.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kServer, .flags = kFast | kWriteFlag | kWide | kWholeDbs,
     .acl = kAclDangerous | kAclKeyspace, .handler = CmdSwapdb, .written_dbs = SwapDbs,
     .syntax = "index1:int index2:int",
     .summary = "Swaps two databases.", .complexity = "O(1)"},
    {.name = "TOUCH", .id = 209, .since = "3.2.1", .arity = -2, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kFast | kReadonly, .acl = kAclKeyspace,
     .keys = kKeyMetaAll, .handler = CmdTouch,
     .syntax = "key...",
     .summary = "Counts those of the given keys that exist and marks them as used.",
     .complexity = "O(N) by the number of keys",
     .tips = "request_policy:multi_shard response_policy:agg_sum"},
    {.name = "RANDOMKEY", .id = 210, .since = "1.0.0", .arity = 1, .cls = Class::kRead,
     .group = Group::kGeneric, .flags = kReadonly | kWide, .acl = kAclKeyspace,
     .handler = CmdRandomkey,
     .summary = "Returns the name of a random key.", .complexity = "O(1)",
     .tips = "request_policy:all_shards nondeterministic_output"},
    {.name = "DBSIZE", .id = 211, .since = "1.0.0", .arity = 1, .cls = Class::kRead,
     .group = Group::kServer, .flags = kFast | kReadonly, .acl = kAclKeyspace,
     .handler = CmdDbsize,
     .summary = "Counts the keys of the selected database.", .complexity = "O(1)",
     .tips = "request_policy:all_shards response_policy:agg_sum"},
    {.name = "FLUSHDB", .id = 212, .since = "1.0.0", .arity = -1, .cls = Class::kWrite,
     .group = Group::kServer, .flags = kWriteFlag | kWide, .acl = kAclDangerous | kAclKeyspace,
     .handler = CmdFlushdb, .written_prefix = FlushedPrefix, .sliced_args = 4,
     .feature_version_of = FlushdbVersion,
     .syntax = "async=[ASYNC@4.0.0|SYNC@6.2.0|(PREFIX prefix [SLICED])]",
     .summary = "Deletes all keys of the selected database, or those that begin with a prefix.",
     .complexity = "O(N) by the number of keys",
     .tips = "request_policy:all_shards response_policy:all_succeeded",
     .compat_note = "takes PREFIX too (flush_prefix.case)"},
    {.name = "FLUSHALL", .id = 213, .since = "1.0.0", .arity = -1, .cls = Class::kWrite,
     .group = Group::kServer, .flags = kWriteFlag | kWide, .acl = kAclDangerous | kAclKeyspace,
     .handler = CmdFlushall,
     .syntax = "async=[ASYNC@4.0.0|SYNC@6.2.0]",
     .summary = "Deletes all keys of all databases.", .complexity = "O(N) by the number of keys",
     .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {.name = "DELEX", .id = 214, .since = "8.4.0", .arity = -2, .cls = Class::kWrite,
     .group = Group::kGeneric, .flags = kFast | kWriteFlag | kWide, .acl = kAclKeyspace,
     .keys = kKeysDelex, .handler = CmdDelex, .wide_args = 4,
     .syntax = "key condition=[IFREV revision:int|IFEQ equal|IFNE not-equal|IFDEQ digest|"
               "IFDNE other-digest]",
     .summary = "Deletes a key on a condition.", .complexity = "O(1)",
     .compat = Compat::kExtension,
     .compat_note = "as Redis 8.4 has it, with IFREV beside its conditions"},
};
// clang-format on

}  // namespace clustron::commands
