#include "server/front/auth.h"

#include "base/strings.h"
#include "server/front/errors.h"

namespace clustron::server {

std::string RefusedWhileSubscribed(const commands::CommandSpec& spec, const Client& client) {
  if (client.modes().resp_version != 2 || !client.subscribed()) return {};
  if (spec.Is(commands::kWhenSubscribed)) return {};
  return NotWhileSubscribed(Lower(spec.name));
}

}  // namespace clustron::server
