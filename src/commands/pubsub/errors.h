// The error text of channels.
#pragma once

#include <string>
#include <string_view>

namespace clustron::commands {

// "ERR channel '__keyevent@0__:set' is reserved for the server's own events"
inline std::string ReservedChannel(std::string_view name) {
  return "ERR channel '" + std::string(name) + "' is reserved for the server's own events";
}

}  // namespace clustron::commands
