// Rows of the key family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

void CmdDel(Context& ctx);
void CmdDelex(Context& ctx);
void CmdUnlink(Context& ctx);
void CmdExists(Context& ctx);
void CmdType(Context& ctx);
void CmdRename(Context& ctx);
void CmdRenamenx(Context& ctx);
void CmdCopy(Context& ctx);
void CmdMove(Context& ctx);
void CmdSwapdb(Context& ctx);
WrittenDbs CopyDbs(Args args, int db);
WrittenDbs MoveDbs(Args args, int db);
WrittenDbs SwapDbs(Args args, int db);
void CmdTouch(Context& ctx);
void CmdRandomkey(Context& ctx);
void CmdDbsize(Context& ctx);
void CmdFlushdb(Context& ctx);
void CmdFlushall(Context& ctx);

constexpr std::string_view kTipsRequestPolicyMultiShardResponsePolicyAggSum[] = {
    "request_policy:multi_shard", "response_policy:agg_sum"};
constexpr KeySpec kKeysRename[] = {{.flags = KeySpec::kRw | KeySpec::kAccess | KeySpec::kDelete},
                                   {.flags = KeySpec::kOw | KeySpec::kUpdate, .begin_index = 2}};
constexpr KeySpec kKeysRenamenx[] = {{.flags = KeySpec::kRw | KeySpec::kAccess | KeySpec::kDelete},
                                     {.flags = KeySpec::kOw | KeySpec::kInsert, .begin_index = 2}};
constexpr KeySpec kKeysCopy[] = {{.flags = KeySpec::kRo | KeySpec::kAccess},
                                 {.flags = KeySpec::kOw | KeySpec::kUpdate, .begin_index = 2}};
constexpr std::string_view kTipsRequestPolicyAllShardsNondeterministicOutput[] = {
    "request_policy:all_shards", "nondeterministic_output"};
constexpr std::string_view kTipsRequestPolicyAllShardsResponsePolicyAggSum[] = {
    "request_policy:all_shards", "response_policy:agg_sum"};
constexpr std::string_view kTipsRequestPolicyAllShardsResponsePolicyAllSucceeded[] = {
    "request_policy:all_shards", "response_policy:all_succeeded"};

constexpr ArgSpec kDelArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .flags = ArgSpec::kMultiple, .key_spec_index = 0}};
constexpr ArgSpec kTypeArgs[] = {{.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0}};
constexpr ArgSpec kRenameArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "newkey", .type = ArgSpec::Type::kKey, .key_spec_index = 1}};
constexpr ArgSpec kCopyArgs[] = {
    {.name = "source", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "destination", .type = ArgSpec::Type::kKey, .key_spec_index = 1},
    {.name = "destination-db",
     .type = ArgSpec::Type::kInteger,
     .token = "DB",
     .flags = ArgSpec::kOptional},
    {.name = "replace",
     .type = ArgSpec::Type::kPureToken,
     .token = "REPLACE",
     .flags = ArgSpec::kOptional}};
constexpr ArgSpec kMoveArgs[] = {{.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
                                 {.name = "db", .type = ArgSpec::Type::kInteger}};
constexpr ArgSpec kSwapdbArgs[] = {{.name = "index1", .type = ArgSpec::Type::kInteger},
                                   {.name = "index2", .type = ArgSpec::Type::kInteger}};
constexpr ArgSpec kFlushdbArgsAsync[] = {
    {.name = "async", .type = ArgSpec::Type::kPureToken, .token = "ASYNC", .since = "4.0.0"},
    {.name = "sync", .type = ArgSpec::Type::kPureToken, .token = "SYNC", .since = "6.2.0"}};
constexpr ArgSpec kFlushdbArgs[] = {{.name = "async",
                                     .type = ArgSpec::Type::kOneOf,
                                     .flags = ArgSpec::kOptional,
                                     .args = kFlushdbArgsAsync}};

constexpr ArgSpec kDelexArgsCondition[] = {
    {.name = "revision", .type = ArgSpec::Type::kInteger, .token = "IFREV"},
    {.name = "equal", .token = "IFEQ"},
    {.name = "not-equal", .token = "IFNE"},
    {.name = "digest", .token = "IFDEQ"},
    {.name = "other-digest", .token = "IFDNE"}};
constexpr ArgSpec kDelexArgs[] = {{.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
                                  {.name = "condition",
                                   .type = ArgSpec::Type::kOneOf,
                                   .flags = ArgSpec::kOptional,
                                   .args = kDelexArgsCondition}};
constexpr KeySpec kKeysDelex[] = {{.flags = KeySpec::kRm | KeySpec::kAccess | KeySpec::kDelete}};

inline constexpr CommandSpec kKeyRows[] = {
    {.name = "DEL",
     .id = 200,
     .cls = Class::kWrite,
     .since = "1.0.0",
     .group = Group::kGeneric,
     .arity = -2,
     .flags = kWriteFlag,
     .acl = kAclKeyspace,
     .keys = kKeyRemoveAll,
     .handler = CmdDel,
     .summary = "Deletes keys.",
     .complexity = "O(N) by the number of keys",
     .args = kDelArgs,
     .tips = kTipsRequestPolicyMultiShardResponsePolicyAggSum},
    {.name = "UNLINK",
     .id = 201,
     .cls = Class::kWrite,
     .since = "4.0.0",
     .group = Group::kGeneric,
     .arity = -2,
     .flags = kFast | kWriteFlag,
     .acl = kAclKeyspace,
     .keys = kKeyRemoveAll,
     .handler = CmdUnlink,
     .summary = "Deletes keys; big values are freed in the background.",
     .complexity = "O(N) by the number of keys",
     .args = kDelArgs,
     .tips = kTipsRequestPolicyMultiShardResponsePolicyAggSum},
    {.name = "EXISTS",
     .id = 202,
     .cls = Class::kRead,
     .since = "1.0.0",
     .group = Group::kGeneric,
     .arity = -2,
     .flags = kFast | kReadonly,
     .acl = kAclKeyspace,
     .keys = kKeyMetaAll,
     .handler = CmdExists,
     .summary = "Counts those of the given keys that exist.",
     .complexity = "O(N) by the number of keys",
     .args = kDelArgs,
     .tips = kTipsRequestPolicyMultiShardResponsePolicyAggSum},
    {.name = "TYPE",
     .id = 203,
     .cls = Class::kRead,
     .since = "1.0.0",
     .group = Group::kGeneric,
     .arity = 2,
     .flags = kFast | kReadonly,
     .acl = kAclKeyspace,
     .keys = kKeyMeta1,
     .handler = CmdType,
     .summary = "Tells the type of the value at a key.",
     .complexity = "O(1)",
     .args = kTypeArgs},
    {.name = "RENAME",
     .id = 204,
     .cls = Class::kWrite,
     .since = "1.0.0",
     .group = Group::kGeneric,
     .arity = 3,
     .flags = kWriteFlag,
     .acl = kAclKeyspace,
     .keys = kKeysRename,
     .handler = CmdRename,
     .summary = "Renames a key over whatever has the new name.",
     .complexity = "O(1)",
     .args = kRenameArgs},
    {.name = "RENAMENX",
     .id = 205,
     .cls = Class::kWrite,
     .since = "1.0.0",
     .group = Group::kGeneric,
     .arity = 3,
     .flags = kFast | kWriteFlag,
     .acl = kAclKeyspace,
     .keys = kKeysRenamenx,
     .handler = CmdRenamenx,
     .summary = "Renames a key if the new name is free.",
     .complexity = "O(1)",
     .args = kRenameArgs},
    {.name = "COPY",
     .id = 206,
     .cls = Class::kWrite,
     .since = "6.2.0",
     .group = Group::kGeneric,
     .arity = -3,
     .flags = kDenyOom | kWriteFlag | kWide,
     .acl = kAclKeyspace,
     .keys = kKeysCopy,
     .handler = CmdCopy,
     .summary = "Copies the value at a key to another key.",
     .complexity = "O(N) by the size of a collection",
     .args = kCopyArgs,
     .written_dbs = CopyDbs},
    {.name = "MOVE",
     .id = 207,
     .cls = Class::kWrite,
     .since = "1.0.0",
     .group = Group::kGeneric,
     .arity = 3,
     .flags = kFast | kWriteFlag,
     .acl = kAclKeyspace,
     .keys = kKeyReadUpdate1,
     .handler = CmdMove,
     .summary = "Moves a key to another database.",
     .complexity = "O(1)",
     .args = kMoveArgs,
     .written_dbs = MoveDbs},
    {.name = "SWAPDB",
     .id = 208,
     .cls = Class::kWrite,
     .since = "4.0.0",
     .group = Group::kServer,
     .arity = 3,
     .flags = kFast | kWriteFlag | kWide | kWholeDbs,
     .acl = kAclDangerous | kAclKeyspace,
     .handler = CmdSwapdb,
     .summary = "Swaps two databases.",
     .complexity = "O(1)",
     .args = kSwapdbArgs,
     .written_dbs = SwapDbs},
    {.name = "TOUCH",
     .id = 209,
     .cls = Class::kRead,
     .since = "3.2.1",
     .group = Group::kGeneric,
     .arity = -2,
     .flags = kFast | kReadonly,
     .acl = kAclKeyspace,
     .keys = kKeyMetaAll,
     .handler = CmdTouch,
     .summary = "Counts those of the given keys that exist and marks them as used.",
     .complexity = "O(N) by the number of keys",
     .args = kDelArgs,
     .tips = kTipsRequestPolicyMultiShardResponsePolicyAggSum},
    {.name = "RANDOMKEY",
     .id = 210,
     .cls = Class::kRead,
     .since = "1.0.0",
     .group = Group::kGeneric,
     .arity = 1,
     .flags = kReadonly | kWide,
     .acl = kAclKeyspace,
     .handler = CmdRandomkey,
     .summary = "Returns the name of a random key.",
     .complexity = "O(1)",
     .tips = kTipsRequestPolicyAllShardsNondeterministicOutput},
    {.name = "DBSIZE",
     .id = 211,
     .cls = Class::kRead,
     .since = "1.0.0",
     .group = Group::kServer,
     .arity = 1,
     .flags = kFast | kReadonly,
     .acl = kAclKeyspace,
     .handler = CmdDbsize,
     .summary = "Counts the keys of the selected database.",
     .complexity = "O(1)",
     .tips = kTipsRequestPolicyAllShardsResponsePolicyAggSum},
    {.name = "FLUSHDB",
     .id = 212,
     .cls = Class::kWrite,
     .since = "1.0.0",
     .group = Group::kServer,
     .arity = -1,
     .flags = kWriteFlag | kWide,
     .acl = kAclDangerous | kAclKeyspace,
     .handler = CmdFlushdb,
     .summary = "Deletes all keys of the selected database.",
     .complexity = "O(N) by the number of keys",
     .args = kFlushdbArgs,
     .tips = kTipsRequestPolicyAllShardsResponsePolicyAllSucceeded},
    {.name = "FLUSHALL",
     .id = 213,
     .cls = Class::kWrite,
     .since = "1.0.0",
     .group = Group::kServer,
     .arity = -1,
     .flags = kWriteFlag | kWide,
     .acl = kAclDangerous | kAclKeyspace,
     .handler = CmdFlushall,
     .summary = "Deletes all keys of all databases.",
     .complexity = "O(N) by the number of keys",
     .args = kFlushdbArgs,
     .tips = kTipsRequestPolicyAllShardsResponsePolicyAllSucceeded},
    {.name = "DELEX",
     .id = 214,
     .cls = Class::kWrite,
     .since = "8.4.0",
     .group = Group::kGeneric,
     .arity = -2,
     .flags = kFast | kWriteFlag | kWide,
     .acl = kAclKeyspace,
     .keys = kKeysDelex,
     .handler = CmdDelex,
     .summary = "Deletes a key on a condition.",
     .complexity = "O(1)",
     .args = kDelexArgs,
     .wide_args = 4,
     .compat = Compat::kExtension,
     .compat_note = "as Redis 8.4 has it, with IFREV beside its conditions"},
};

}  // namespace clustron::commands
