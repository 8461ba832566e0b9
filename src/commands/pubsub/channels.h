// Names of channels that carry the server's own events.
#pragma once

#include <string_view>

namespace clustron::commands {

inline bool IsLockChannel(std::string_view channel) { return channel.starts_with("__lock@"); }

// Clients may not publish there, and patterns don't match them.
inline bool IsReservedChannel(std::string_view channel) {
  if (!channel.starts_with("__")) return false;
  return channel.starts_with("__watch@") || IsLockChannel(channel) ||
         channel.starts_with("__lease__:") || channel.starts_with("__leases__:") ||
         channel.starts_with("__index@") || channel == "__cluster__";
}

}  // namespace clustron::commands
