// What a client may do before it has authenticated, and which commands a RESP2 subscriber may send.
// The dispatcher asks before anything else of a command is looked at.
#pragma once

#include <string>
#include <string_view>

#include "commands/spec.h"
#include "server/client.h"

namespace clustron::server {

inline constexpr std::string_view kErrNoAuth = "NOAUTH Authentication required.";

inline bool NeedsAuth(const commands::CommandSpec& spec, const Client& client) {
  return !client.authenticated() && !spec.Is(commands::kNoAuth);
}

// In RESP2 a connection with subscriptions takes only commands of the family itself, PING, QUIT and
// RESET. Empty: allowed; else the error.
std::string RefusedWhileSubscribed(const commands::CommandSpec& spec, const Client& client);

// Protected mode: from outside of this machine, without a password, on no chosen address. The text
// is sent before the connection is closed.
std::string_view ProtectedModeText();

}  // namespace clustron::server
