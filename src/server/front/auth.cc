#include "server/front/auth.h"

#include <algorithm>

#include "base/strings.h"

namespace clustron::server {

std::string RefusedWhileSubscribed(const commands::CommandSpec& spec, const Client& client) {
  constexpr std::string_view kAllowed[] = {"SUBSCRIBE",    "UNSUBSCRIBE", "PSUBSCRIBE",
                                           "PUNSUBSCRIBE", "SSUBSCRIBE",  "SUNSUBSCRIBE",
                                           "PING",         "QUIT",        "RESET"};
  if (client.modes().resp_version != 2 || !client.subscribed()) return {};
  if (std::find(std::begin(kAllowed), std::end(kAllowed), spec.name) != std::end(kAllowed)) {
    return {};
  }
  return "ERR Can't execute '" + Lower(spec.name) +
         "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
         "context";
}

std::string_view ProtectedModeText() {
  // COMPAT: the first two sentences are Redis's.
  return "DENIED Redis is running in protected mode because protected mode is enabled and no "
         "password is set for the default user. In this mode connections are only accepted from "
         "the loopback interface. Set a password (requirepass in the configuration, or CONFIG SET "
         "requirepass from the server's own machine), or switch protected mode off "
         "(protected-mode no) if nobody else can reach this port.";
}

}  // namespace clustron::server
