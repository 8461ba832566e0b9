// Rows of the multi family: facts of each command and the syntax that COMMAND DOCS shows.
#pragma once

#include "commands/core/context.h"
#include "commands/core/spec.h"

namespace clustron::commands {

HandlerFn CmdMulti, CmdExec, CmdDiscard, CmdWatch, CmdUnwatch;

// An EXEC of reads alone needs no entry.
Class ExecClass(Args args);

// clang-format off
inline constexpr CommandSpec kMultiRows[] = {
    {.name = "MULTI", .since = "1.2.0", .arity = 1, .cls = Class::kLocal,
     .group = Group::kTransactions,
     .flags = kEarly | kAllowBusy | kFast | kLoading | kNoScript | kStale | kActsInMulti,
     .acl = kAclTransaction, .handler = CmdMulti,
     .summary = "Begins a transaction: the commands that follow are queued.", .complexity = "O(1)"},
    {.name = "EXEC", .id = 400, .since = "1.2.0", .arity = 1, .cls = Class::kWrite,
     .group = Group::kTransactions,
     .flags = kLoading | kNoScript | kSkipSlowlog | kStale | kActsInMulti | kRunsQueue,
     .acl = kAclTransaction, .handler = CmdExec, .class_of = ExecClass, .over_budget = "EXECABORT",
     .summary = "Runs the queued commands as one.", .complexity = "O(N) by the queued commands"},
    {.name = "DISCARD", .since = "2.0.0", .arity = 1, .cls = Class::kLocal,
     .group = Group::kTransactions,
     .flags = kEarly | kAllowBusy | kFast | kLoading | kNoScript | kStale | kActsInMulti,
     .acl = kAclTransaction, .handler = CmdDiscard,
     .summary = "Forgets the queued commands.", .complexity = "O(N) by the queued commands"},
    {.name = "WATCH", .since = "2.2.0", .arity = -2, .cls = Class::kRead,
     .group = Group::kTransactions,
     .flags = kStalls | kAllowBusy | kFast | kLoading | kNoScript | kStale | kActsInMulti,
     .acl = kAclTransaction, .keys = kKeyMetaAll, .handler = CmdWatch,
     .syntax = "key...",
     .summary = "Lets the next EXEC fail if one of the keys changes before it.",
     .complexity = "O(N) by the number of keys"},
    {.name = "UNWATCH", .since = "2.2.0", .arity = 1, .cls = Class::kLocal,
     .group = Group::kTransactions,
     .flags = kEarly | kAllowBusy | kFast | kLoading | kNoScript | kStale, .acl = kAclTransaction,
     .handler = CmdUnwatch,
     .summary = "Forgets the watched keys.", .complexity = "O(1)"},
};
// clang-format on

}  // namespace clustron::commands
