// Rows of the multi family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

void CmdMulti(Context& ctx);
void CmdExec(Context& ctx);
// An EXEC of reads alone needs no entry.
Class ExecClass(Args args);
void CmdDiscard(Context& ctx);
void CmdWatch(Context& ctx);
void CmdUnwatch(Context& ctx);

constexpr ArgSpec kWatchArgs[] = {
    {.name = "key", .type = ArgSpec::Type::kKey, .flags = ArgSpec::kMultiple, .key_spec_index = 0}};

inline constexpr CommandSpec kMultiRows[] = {
    {.name = "MULTI",
     .cls = Class::kLocal,
     .since = "1.2.0",
     .group = Group::kTransactions,
     .arity = 1,
     .flags = kEarly | kAllowBusy | kFast | kLoading | kNoScript | kStale | kActsInMulti,
     .acl = kAclTransaction,
     .handler = CmdMulti,
     .summary = "Begins a transaction: the commands that follow are queued.",
     .complexity = "O(1)"},
    {.name = "EXEC",
     .id = 400,
     .cls = Class::kWrite,
     .since = "1.2.0",
     .group = Group::kTransactions,
     .arity = 1,
     .flags = kLoading | kNoScript | kSkipSlowlog | kStale | kActsInMulti | kRunsQueue,
     .acl = kAclTransaction,
     .handler = CmdExec,
     .summary = "Runs the queued commands as one.",
     .complexity = "O(N) by the queued commands",
     .over_budget = "EXECABORT",
     .class_of = ExecClass},
    {.name = "DISCARD",
     .cls = Class::kLocal,
     .since = "2.0.0",
     .group = Group::kTransactions,
     .arity = 1,
     .flags = kEarly | kAllowBusy | kFast | kLoading | kNoScript | kStale | kActsInMulti,
     .acl = kAclTransaction,
     .handler = CmdDiscard,
     .summary = "Forgets the queued commands.",
     .complexity = "O(N) by the queued commands"},
    {.name = "WATCH",
     .cls = Class::kRead,
     .since = "2.2.0",
     .group = Group::kTransactions,
     .arity = -2,
     .flags = kStalls | kAllowBusy | kFast | kLoading | kNoScript | kStale | kActsInMulti,
     .acl = kAclTransaction,
     .keys = kKeyMetaAll,
     .handler = CmdWatch,
     .summary = "Lets the next EXEC fail if one of the keys changes before it.",
     .complexity = "O(N) by the number of keys",
     .args = kWatchArgs},
    {.name = "UNWATCH",
     .cls = Class::kLocal,
     .since = "2.2.0",
     .group = Group::kTransactions,
     .arity = 1,
     .flags = kEarly | kAllowBusy | kFast | kLoading | kNoScript | kStale,
     .acl = kAclTransaction,
     .handler = CmdUnwatch,
     .summary = "Forgets the watched keys.",
     .complexity = "O(1)"},
};

}  // namespace clustron::commands
