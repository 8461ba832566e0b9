// The error texts of commands on their way.
#pragma once

#include <string_view>

namespace clustron::server {

inline constexpr std::string_view kErrTooBig =
    "ERR the command is too big: with its arguments, or all that MULTI has queued, it takes more "
    "than 1 GB in the log";
// What another node sent here as a command for the leader is none.
inline constexpr std::string_view kErrNotForLeader = "ERR unknown command for the leader";

}  // namespace clustron::server
