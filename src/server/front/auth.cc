#include "server/front/auth.h"

#include <algorithm>

#include "base/strings.h"
#include "server/front/errors.h"

namespace clustron::server {

std::string RefusedWhileSubscribed(const commands::CommandSpec& spec, const Client& client) {
  constexpr std::string_view kAllowed[] = {"SUBSCRIBE",    "UNSUBSCRIBE", "PSUBSCRIBE",
                                           "PUNSUBSCRIBE", "SSUBSCRIBE",  "SUNSUBSCRIBE",
                                           "PING",         "QUIT",        "RESET"};
  if (client.modes().resp_version != 2 || !client.subscribed()) return {};
  if (std::find(std::begin(kAllowed), std::end(kAllowed), spec.name) != std::end(kAllowed)) {
    return {};
  }
  return NotWhileSubscribed(Lower(spec.name));
}

}  // namespace clustron::server
