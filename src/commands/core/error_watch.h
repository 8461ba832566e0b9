// What WATCHKEY's searches are answered when they can't be.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace clustron::commands {

inline constexpr std::string_view kErrWatchNoHistory =
    "CLUSTERDOWN the history of watches could not be begun: no leader could be reached";

inline constexpr std::string_view kErrWatchKeepsNothing =
    "ERR watch-history-size is 0: what changed is not kept, and only told as it happens";

// "COMPACTED 17 …": the lowest revision that SINCE takes.
inline std::string Compacted(uint64_t oldest) {
  return "COMPACTED " + std::to_string(oldest) +
         " changes before that are not kept: read anew with WATCHKEY GET, and go on from its "
         "revision";
}

inline std::string RevisionAhead(uint64_t revision, uint64_t newest) {
  return "ERR revision " + std::to_string(revision) + " is above the newest one, " +
         std::to_string(newest);
}

// "ERR channel '…': a watch is __watch@<db>__:k:<key> or …"
inline std::string NoWatchChannel(std::string_view channel) {
  return "ERR channel '" + std::string(channel) +
         "': a watch is __watch@<db>__:k:<key> or __watch@<db>__:p:<prefix>, with ;prev behind it "
         "or not, and a db from 0 to 15";
}

}  // namespace clustron::commands
