// What transactions of both kinds have in common: a list of commands that run all or nothing.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "commands/core/context.h"
#include "commands/core/guard.h"
#include "resp/reply_writer.h"

namespace clustron::commands {

// The guards of a list by the locks at its start; then they are not asked again.
GuardVerdict CheckBranch(const Context& ctx, const std::vector<Args>& branch,
                         std::span<const Context::LockToken> tokens);

// Runs a list; the replies stand one after the other. False: one of them failed, and with it the
// whole: all that was replied since `begin` is that error, which says whose it is; or the budget is
// used up. `part`: of which list, in the error.
bool RunBranch(Context& ctx, const std::vector<Args>& branch, const resp::ReplyWriter::Mark& begin,
               std::string_view part);

// The error that a command wrote behind `at`, as that of the list's command i.
void ReplyFailed(resp::ReplyWriter& reply, const std::string& error, Args command, size_t i,
                 std::string_view part);

// RESP that was kept, in the caller's protocol.
void ReplyStored(Context& ctx, std::string_view reply, int resp_version);

}  // namespace clustron::commands
