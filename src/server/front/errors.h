// The error texts of clients that are not let in, or not that far.
#pragma once

#include <string>
#include <string_view>

namespace clustron::server {

inline constexpr std::string_view kErrNoAuth = "NOAUTH Authentication required.";
inline constexpr std::string_view kErrMaxClients = "ERR max number of clients reached";

// Protected mode: for a client from outside of this machine where there is no password, before its
// connection is closed. COMPAT: the first two sentences are Redis's.
inline constexpr std::string_view kErrProtectedMode =
    "DENIED Redis is running in protected mode because protected mode is enabled and no password "
    "is set for the default user. In this mode connections are only accepted from the loopback "
    "interface. Set a password (requirepass in the configuration, or CONFIG SET requirepass from "
    "the server's own machine), or switch protected mode off (protected-mode no) if nobody else "
    "can reach this port.";

// "ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / ... are allowed in this
// context"
inline std::string NotWhileSubscribed(std::string_view lower_name) {
  return "ERR Can't execute '" + std::string(lower_name) +
         "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
         "context";
}

}  // namespace clustron::server
