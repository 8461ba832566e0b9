// What a client may do before it has authenticated, and which commands a RESP2 subscriber may send.
// The dispatcher asks before anything else of a command is looked at.
#pragma once

#include <string>
#include <string_view>

#include "commands/spec.h"
#include "server/client.h"

namespace clustron::server {

inline constexpr std::string_view kErrNoAuth = "NOAUTH Authentication required.";

// Of a client that hasn't authenticated. COMPAT: when the password is taken away, who had not given
// it needs it no more.
inline bool NeedsAuth(const commands::CommandSpec& spec, std::string_view password) {
  return !password.empty() && !spec.Is(commands::kNoAuth);
}

// In RESP2 a connection with subscriptions takes only commands of the family itself, PING, QUIT and
// RESET. Empty: allowed; else the error.
std::string RefusedWhileSubscribed(const commands::CommandSpec& spec, const Client& client);

// Protected mode: from outside of this machine, without a password, on no chosen address. The text
// is sent before the connection is closed.
std::string_view ProtectedModeText();

}  // namespace clustron::server
