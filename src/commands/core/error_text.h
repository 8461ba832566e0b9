// Error texts that name what they are about. Deterministic: they are parts of replies.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "commands/core/context.h"

namespace clustron::store {
struct Lock;
}

namespace clustron::commands {

// 'text', of long ones the beginning, with '?' for what is not printable.
std::string Quoted(std::string_view text);

// "CODE rest" becomes "CODE prefix: rest".
std::string WithPrefix(std::string_view error, std::string_view prefix);

// "NOLEASE no such lease 'id'"
std::string NoLease(std::string_view id);

// "held by 'owner' with token 7", "free"; null: nobody holds it.
std::string HeldBy(const store::Lock* lock);

// "INCR greeting", "SET k ...": the command and its first argument. Values are not shown.
std::string Sketch(Args call);

// Whether Redis has a command of this name, or of this subcommand ("MEMORY|DOCTOR"), that is not in
// Clustron yet. Any case.
bool IsRedisCommand(std::string_view name);

// The error of a call that needs a feature version which not every member is known to support.
std::string NotKnownByAll(std::string_view command, uint16_t feature_version);

}  // namespace clustron::commands
