#include "server/auth.h"

#include <algorithm>

#include "base/strings.h"

namespace clustron::server {

std::string RefusedWhileSubscribed(const commands::CommandSpec& spec, const Client& client) {
  constexpr std::string_view kAllowed[] = {"SUBSCRIBE",    "UNSUBSCRIBE", "PSUBSCRIBE",
                                           "PUNSUBSCRIBE", "SSUBSCRIBE",  "SUNSUBSCRIBE",
                                           "PING",         "QUIT",        "RESET"};
  if (client.resp_version() != 2 || !client.subscribed()) return {};
  if (std::find(std::begin(kAllowed), std::end(kAllowed), spec.name) != std::end(kAllowed)) {
    return {};
  }
  return "ERR Can't execute '" + Lower(spec.name) +
         "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
         "context";
}

std::string_view ProtectedModeText() {
  return "-DENIED This server is in protected mode: it has no password, so it takes connections "
         "from its own machine only. Set one (CONFIG SET requirepass, from this machine, or "
         "requirepass in its configuration), or switch protected mode off (CONFIG SET "
         "protected-mode no) if nobody else can reach this port.\r\n";
}

}  // namespace clustron::server
