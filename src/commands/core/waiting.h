// What commands that wait have in common: BLPOP, BLMOVE … A handler first tries; if it finds
// nothing it says what it waits for (Verdict::wait), and is run anew when there may be something.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "commands/core/context.h"

namespace clustron::commands {

// A time-out in seconds, as milliseconds, rounded up; 0: none. Nothing: the reply is an error.
std::optional<int64_t> TimeoutMs(Context& ctx, std::string_view seconds);

// The command found nothing under `keys`, which are among its arguments: it waits for a value of
// `type`. False where nothing waits (inside of EXEC, TXN and wrappers): the handler answers that
// there is nothing.
bool WaitFor(Context& ctx, Args keys, store::Type type, int64_t timeout_ms);

// The reply to who has waited in vain.
void ReplyTimedOut(resp::ReplyWriter& reply);

}  // namespace clustron::commands
