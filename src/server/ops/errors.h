// The error texts of who hands over, leaves or stands still.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace clustron::server {

// FAILOVER's.
inline constexpr std::string_view kErrFailoverRunning = "ERR FAILOVER already in progress.";
inline constexpr std::string_view kErrFailoverTarget =
    "ERR FAILOVER target HOST and PORT is not a replica.";
inline constexpr std::string_view kErrNoFailover = "ERR No failover in progress.";
// Ours.
inline constexpr std::string_view kErrFailoverVoter = "ERR FAILOVER target is not a voting member.";
inline constexpr std::string_view kErrFailoverNoLeader = "ERR FAILOVER: no leader is in sight.";

inline constexpr std::string_view kErrSaveRunning = "ERR Background save already in progress";
inline constexpr std::string_view kErrNoShutdown = "ERR No shutdown in progress.";

// "CLUSTERDOWN this node is halted: why"
inline std::string NodeHalted(std::string_view why) {
  return "CLUSTERDOWN this node is halted: " + std::string(why);
}

// "CLUSTERDOWN slot 7 of the log is damaged and the members in sight can't repair it: ..."
inline std::string SlotDamaged(uint64_t slot, bool alone) {
  return "CLUSTERDOWN slot " + std::to_string(slot) + " of the log is damaged and " +
         (alone ? "there is no other member to repair it from"
                : "the members in sight can't repair it") +
         ": nothing was done; the server's log says what can be done";
}

// "CLUSTERDOWN trouble": what the roster says of members that were set back.
inline std::string TooManySetBack(std::string_view trouble) {
  return "CLUSTERDOWN " + std::string(trouble);
}

}  // namespace clustron::server
