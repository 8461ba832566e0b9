// Rows of the scan family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

void CmdScan(Context& ctx);
void CmdKeys(Context& ctx);
void CmdObjectEncoding(Context& ctx);
void CmdObjectRevision(Context& ctx);
void CmdObjectFreq(Context& ctx);
void CmdObjectIdletime(Context& ctx);
void CmdObjectRefcount(Context& ctx);
void CmdObjectHelp(Context& ctx);

constexpr std::string_view kTipsNondeterministicOutputRequestPolicySpecial[] = {
    "nondeterministic_output", "request_policy:special"};
constexpr std::string_view kTipsRequestPolicyAllShardsNondeterministicOutputOrder[] = {
    "request_policy:all_shards", "nondeterministic_output_order"};
constexpr KeySpec kKeysObjectEncoding[] = {{.flags = KeySpec::kRo, .begin_index = 2}};
constexpr std::string_view kTipsNondeterministicOutput[] = {"nondeterministic_output"};

constexpr ArgSpec kScanArgs[] = {
    {.name = "cursor", .type = ArgSpec::Type::kInteger},
    {.name = "pattern",
     .type = ArgSpec::Type::kPattern,
     .token = "MATCH",
     .flags = ArgSpec::kOptional},
    {.name = "count",
     .type = ArgSpec::Type::kInteger,
     .token = "COUNT",
     .flags = ArgSpec::kOptional},
    {.name = "type", .token = "TYPE", .flags = ArgSpec::kOptional, .since = "6.0.0"}};
constexpr ArgSpec kKeysArgs[] = {{.name = "pattern", .type = ArgSpec::Type::kPattern}};
constexpr ArgSpec kObjectEncodingArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0}};

inline constexpr CommandSpec kScanRows[] = {
    {.name = "SCAN",
     .id = 250,
     .cls = Class::kRead,
     .since = "2.8.0",
     .group = Group::kGeneric,
     .arity = -2,
     .flags = kReadonly | kWide,
     .acl = kAclKeyspace,
     .handler = CmdScan,
     .summary = "Walks the key names of the selected database in steps.",
     .complexity = "O(1) a call, O(N) for the whole walk",
     .args = kScanArgs,
     .tips = kTipsNondeterministicOutputRequestPolicySpecial},
    {.name = "KEYS",
     .id = 251,
     .cls = Class::kRead,
     .since = "1.0.0",
     .group = Group::kGeneric,
     .arity = 2,
     .flags = kReadonly | kWide,
     .acl = kAclDangerous | kAclKeyspace,
     .handler = CmdKeys,
     .summary = "Returns all key names that match a pattern.",
     .complexity = "O(N) by the number of keys in the database",
     .args = kKeysArgs,
     .tips = kTipsRequestPolicyAllShardsNondeterministicOutputOrder},
    {.name = "OBJECT",
     .cls = Class::kLocal,
     .since = "2.2.3",
     .group = Group::kGeneric,
     .arity = -2,
     .summary = "Asks about the value at a key."},
    {.name = "OBJECT|ENCODING",
     .id = 252,
     .cls = Class::kRead,
     .since = "2.2.3",
     .group = Group::kGeneric,
     .arity = 3,
     .flags = kReadonly,
     .acl = kAclKeyspace,
     .keys = kKeysObjectEncoding,
     .handler = CmdObjectEncoding,
     .summary = "Tells how the value at a key is kept.",
     .complexity = "O(1)",
     .args = kObjectEncodingArgs,
     .tips = kTipsNondeterministicOutput},
    {.name = "OBJECT|FREQ",
     .id = 253,
     .cls = Class::kRead,
     .since = "4.0.0",
     .group = Group::kGeneric,
     .arity = 3,
     .flags = kReadonly | kLocalState,
     .acl = kAclKeyspace,
     .keys = kKeysObjectEncoding,
     .handler = CmdObjectFreq,
     .summary = "Returns how often a key was used.",
     .complexity = "O(1)",
     .args = kObjectEncodingArgs,
     .tips = kTipsNondeterministicOutput},
    {.name = "OBJECT|IDLETIME",
     .id = 254,
     .cls = Class::kRead,
     .since = "2.2.3",
     .group = Group::kGeneric,
     .arity = 3,
     .flags = kReadonly | kLocalState,
     .acl = kAclKeyspace,
     .keys = kKeysObjectEncoding,
     .handler = CmdObjectIdletime,
     .summary = "Returns the seconds since a key was last used.",
     .complexity = "O(1)",
     .args = kObjectEncodingArgs,
     .tips = kTipsNondeterministicOutput},
    {.name = "OBJECT|REFCOUNT",
     .id = 255,
     .cls = Class::kRead,
     .since = "2.2.3",
     .group = Group::kGeneric,
     .arity = 3,
     .flags = kReadonly | kLocalState,
     .acl = kAclKeyspace,
     .keys = kKeysObjectEncoding,
     .handler = CmdObjectRefcount,
     .summary = "Returns the number of references to a value.",
     .complexity = "O(1)",
     .args = kObjectEncodingArgs,
     .tips = kTipsNondeterministicOutput},
    {.name = "OBJECT|HELP",
     .id = 256,
     .cls = Class::kLocal,
     .since = "6.2.0",
     .group = Group::kGeneric,
     .arity = 2,
     .flags = kLoading | kStale,
     .acl = kAclKeyspace,
     .handler = CmdObjectHelp,
     .summary = "Lists the subcommands.",
     .complexity = "O(1)"},
    {.name = "OBJECT|REVISION",
     .id = 257,
     .cls = Class::kRead,
     .since = "0.1.0",
     .group = Group::kGeneric,
     .arity = 3,
     .flags = kReadonly,
     .acl = kAclKeyspace,
     .keys = kKeysObjectEncoding,
     .handler = CmdObjectRevision,
     .summary = "Returns the store's revision that last changed a key.",
     .complexity = "O(1)",
     .args = kObjectEncodingArgs,
     .compat = Compat::kExtension},
};

}  // namespace clustron::commands
