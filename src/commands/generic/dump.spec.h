// Rows of DUMP and RESTORE.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

void CmdDump(Context& ctx);
void CmdRestore(Context& ctx);

constexpr std::string_view kTipsDump[] = {"nondeterministic_output"};
constexpr ArgSpec kDumpArgs[] = {{.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0}};
constexpr ArgSpec kRestoreArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .key_spec_index = 0},
    {.name = "ttl", .type = ArgSpec::Type::kInteger},
    {.name = "serialized-value"},
    {.name = "replace",
     .type = ArgSpec::Type::kPureToken,
     .token = "REPLACE",
     .flags = ArgSpec::kOptional,
     .since = "3.0.0"},
    {.name = "absttl",
     .type = ArgSpec::Type::kPureToken,
     .token = "ABSTTL",
     .flags = ArgSpec::kOptional,
     .since = "5.0.0"},
    {.name = "seconds",
     .type = ArgSpec::Type::kInteger,
     .token = "IDLETIME",
     .flags = ArgSpec::kOptional,
     .since = "5.0.0"},
    {.name = "frequency",
     .type = ArgSpec::Type::kInteger,
     .token = "FREQ",
     .flags = ArgSpec::kOptional,
     .since = "5.0.0"}};

inline constexpr CommandSpec kDumpRows[] = {
    {.name = "DUMP",
     .id = 258,
     .cls = Class::kRead,
     .since = "2.6.0",
     .group = Group::kGeneric,
     .arity = 2,
     .flags = kReadonly | kWide,
     .acl = kAclKeyspace,
     .keys = kKeyRead1,
     .handler = CmdDump,
     .summary = "Returns a value in a form that RESTORE takes, here and in Redis.",
     .complexity = "O(N) by the size of the value",
     .args = kDumpArgs,
     .tips = kTipsDump},
    {.name = "RESTORE",
     .id = 259,
     .cls = Class::kWrite,
     .since = "2.6.0",
     .group = Group::kGeneric,
     .arity = -4,
     .flags = kDenyOom | kWriteFlag | kWide,
     .acl = kAclKeyspace | kAclDangerous,
     .keys = kKeyOverwrite1,
     .handler = CmdRestore,
     .summary = "Creates a key from what DUMP returned.",
     .complexity = "O(N) by the size of the value",
     .args = kRestoreArgs,
     .feature_version = 3},
};

}  // namespace clustron::commands
