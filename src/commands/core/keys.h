// Which arguments of a call are keys, and what is done to them: for guards, ACL, COMMAND GETKEYS.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "commands/core/spec.h"

namespace clustron::commands {

// The keys of a call, by get_keys or else by key specs. False: malformed (a count that is no
// number, a key behind the end). THREAD: any.
bool KeysOf(const CommandSpec& spec, std::span<const std::string_view> args,
            std::vector<KeyRef>* out);

}  // namespace clustron::commands
