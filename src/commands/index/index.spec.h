// Rows of the INDEX family (docs/coordination.md).
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdIndexCreate, CmdIndexDrop, CmdIndexList, CmdIndexInfo, CmdIndexHelp, CmdIndexQuery,
    CmdIndexExplain, CmdIndexAggregate, CmdIndexPurge, CmdIndexLabel, CmdIndexUnlabel,
    CmdIndexLabels;

// The feature version by which every node knows indexes.
constexpr uint16_t kIndexVersion = 5;

constexpr KeySpec kKeysLabel[] = {{.flags = KeySpec::kRw | KeySpec::kUpdate, .begin_index = 2}};

// clang-format off
inline constexpr CommandSpec kIndexRows[] = {
    {.name = "INDEX", .since = "0.1.0", .arity = -2, .cls = Class::kLocal,
     .group = Group::kCoordination,
     .summary = "Indexes over fields, labels and names of keys, and queries.",
     .compat = Compat::kExtension},
    {.name = "INDEX|CREATE", .id = 800, .since = "0.1.0", .arity = -5, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag | kDenyOom | kNoGuard | kWide,
     .handler = CmdIndexCreate,
     .feature_version = kIndexVersion,
     .syntax = "name ON kind=(HASH|LABELS|KEYS) [ENTITY entity] "
               "[PREFIX prefixes=(count:int prefix...)] "
               "[FIELDS fields=(count:int indexed=(field type=(TAG|NUM|TEXT))...)]",
     .summary = "Makes an index, and begins to build it over the keys that are there.",
     .complexity = "O(1); O(N) by the keys of the database, in slices, until it is built",
     .compat = Compat::kExtension},
    {.name = "INDEX|DROP", .id = 801, .since = "0.1.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag | kNoGuard | kFast,
     .handler = CmdIndexDrop,
     .feature_version = kIndexVersion,
     .syntax = "name",
     .summary = "Removes an index; the keys stay.", .complexity = "O(1)",
     .compat = Compat::kExtension},
    {.name = "INDEX|LIST", .id = 802, .since = "0.1.0", .arity = -2, .cls = Class::kRead,
     .group = Group::kCoordination, .flags = kReadonly | kWide,
     .handler = CmdIndexList,
     .feature_version = kIndexVersion,
     .syntax = "[AFTER after] [LIMIT limit:int]",
     .summary = "Lists the indexes of the selected database, in the order of their names.",
     .complexity = "O(N) by the number of indexes",
     .compat = Compat::kExtension},
    {.name = "INDEX|INFO", .id = 803, .since = "0.1.0", .arity = 3, .cls = Class::kRead,
     .group = Group::kCoordination, .flags = kReadonly | kWide,
     .handler = CmdIndexInfo,
     .feature_version = kIndexVersion,
     .syntax = "name",
     .summary = "Tells what an index is over, what is in it, and how far it is built.",
     .complexity = "O(N) by the number of fields",
     .compat = Compat::kExtension},
    {.name = "INDEX|QUERY", .id = 804, .since = "0.1.0", .arity = -3, .cls = Class::kRead,
     .group = Group::kCoordination, .flags = kReadonly | kWide,
     .handler = CmdIndexQuery,
     .feature_version = kIndexVersion,
     .syntax = "name [WHERE expression] [SORT sort=(count:int by=(field direction=(ASC|DESC))...)] "
               "[LIMIT limit:int] [AFTER cursor] "
               "[RETURN what=(KEYS|VALUES|COUNT|FIELDS fields=(count:int field...))] "
               "[PARAMS params=(count:int param=(param-name value)...)]",
     .summary = "Finds keys by an index.",
     .complexity = "O(log K + N) by the K keys of the index and the N that the narrowest "
                   "condition finds",
     .compat = Compat::kExtension},
    {.name = "INDEX|EXPLAIN", .id = 805, .since = "0.1.0", .arity = -3, .cls = Class::kRead,
     .group = Group::kCoordination, .flags = kReadonly | kWide,
     .handler = CmdIndexExplain,
     .feature_version = kIndexVersion,
     .syntax = "name [WHERE expression] [SORT sort=(count:int by=(field direction=(ASC|DESC))...)] "
               "[LIMIT limit:int] [AFTER cursor] "
               "[RETURN what=(KEYS|VALUES|COUNT|FIELDS fields=(count:int field...))] "
               "[PARAMS params=(count:int param=(param-name value)...)]",
     .summary = "Tells what a query would visit.",
     .complexity = "O(N log K) by the N conditions and the K keys of the index",
     .compat = Compat::kExtension},
    {.name = "INDEX|AGGREGATE", .id = 806, .since = "0.1.0", .arity = -6, .cls = Class::kRead,
     .group = Group::kCoordination, .flags = kReadonly | kWide,
     .handler = CmdIndexAggregate,
     .feature_version = kIndexVersion,
     .syntax = "name [WHERE expression] [GROUP groups=(count:int field...)] "
               "REDUCE reducers=(count:int reducer=(COUNT|SUM field|AVG field|MIN field|"
               "MAX field)...) "
               "[PARAMS params=(count:int param=(param-name value)...)]",
     .summary = "Counts and sums over what a query finds, by groups.",
     .complexity = "O(N log G) by the N keys that are found and the G groups",
     .compat = Compat::kExtension},
    {.name = "INDEX|PURGE", .id = 807, .since = "0.1.0", .arity = -5, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag | kNoGuard | kWide,
     .acl = kAclDangerous | kAclKeyspace, .handler = CmdIndexPurge,
     .sliced_args = 5, .feature_version = kIndexVersion,
     .syntax = "name WHERE expression [LIMIT limit:int] "
               "[PARAMS params=(count:int param=(param-name value)...)]",
     .summary = "Deletes the keys that a query finds.",
     .complexity = "O(N) by the keys that are found",
     .compat = Compat::kExtension},
    {.name = "INDEX|LABEL", .id = 808, .since = "0.1.0", .arity = -6, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag | kDenyOom, .acl = kAclKeyspace,
     .keys = kKeysLabel, .handler = CmdIndexLabel,
     .feature_version = kIndexVersion,
     .syntax = "key [ENTITY entity] count:int label=(name value)...",
     .summary = "Gives a key labels, in place of those that it has.",
     .complexity = "O(N log K) by the N labels and the K keys of the indexes that have them",
     .compat = Compat::kExtension},
    {.name = "INDEX|UNLABEL", .id = 809, .since = "0.1.0", .arity = 3, .cls = Class::kWrite,
     .group = Group::kCoordination, .flags = kWriteFlag, .acl = kAclKeyspace,
     .keys = kKeysLabel, .handler = CmdIndexUnlabel,
     .feature_version = kIndexVersion,
     .syntax = "key",
     .summary = "Takes a key's labels away.",
     .complexity = "O(N log K) by the N labels and the K keys of the indexes that have them",
     .compat = Compat::kExtension},
    {.name = "INDEX|LABELS", .id = 810, .since = "0.1.0", .arity = 3, .cls = Class::kRead,
     .group = Group::kCoordination, .flags = kReadonly | kUnversioned | kWide, .acl = kAclKeyspace,
     .keys = kKeyMetaSub, .handler = CmdIndexLabels,
     .feature_version = kIndexVersion,
     .syntax = "key",
     .summary = "Tells the entity and the labels of a key.",
     .complexity = "O(N) by the labels",
     .compat = Compat::kExtension},
    {.name = "INDEX|HELP", .since = "0.1.0", .arity = 2, .cls = Class::kLocal,
     .group = Group::kCoordination, .flags = kLoading | kStale,
     .handler = CmdIndexHelp,
     .summary = "Lists the subcommands.", .complexity = "O(1)", .compat = Compat::kExtension},
};
// clang-format on

}  // namespace clustron::commands
