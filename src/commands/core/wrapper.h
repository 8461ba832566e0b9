// Commands that run another one: LOCK DO, LEASE DO, ONCE. Class, keys and rights are the inner
// command's.
#pragma once

#include <cstdint>
#include <vector>

#include "commands/core/context.h"

namespace clustron::commands {

inline constexpr int kNestingMax = 8;

// The feature version that a call needs, with what it wraps (CommandSpec::feature_version).
uint16_t VersionOfCall(const CommandSpec& spec, Args args);
// The inner command of a wrapper, nullptr if it is unknown, has a wrong count or may not be
// wrapped.
const CommandSpec* InnerSpec(Args inner);

// What may stand in a wrapper or in a transaction: commands on keys, locks and leases whose answer
// is a function of the log; nothing that waits, belongs to the connection or is a transaction.
bool MayBeNested(const CommandSpec& spec, Args args);

// Runs `inner` as the wrapper's only effect. What `reply` gets is the inner command's, or an error
// if it may not stand there. Returns false if it was an error.
bool RunInner(Context& ctx, Args inner, resp::ReplyWriter& reply);

// For rows: the inner command's class and keys.
Class InnerClass(Args args, size_t inner_index);
bool InnerKeys(Args args, size_t inner_index, std::vector<KeyRef>* out);

}  // namespace clustron::commands
