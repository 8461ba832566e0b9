// The error text of channels.
#pragma once

#include <string>
#include <string_view>

namespace clustron::commands {

// "ERR channel '__keyevent@0__:set' is reserved for the server's own events"
inline std::string ReservedChannel(std::string_view name) {
  return "ERR channel '" + std::string(name) + "' is reserved for the server's own events";
}

// "ERR channel '__lock@99__:n': a lock's is …"
inline std::string NoLockChannel(std::string_view name) {
  return "ERR channel '" + std::string(name) +
         "': a lock's is __lock@<db>__:<name>, with a db from 0 to 15";
}

// "ERR channel '__lock@0__:n' begins with a message of its own: it can't be subscribed to in MULTI"
inline std::string SubscribeInMulti(std::string_view name) {
  return "ERR channel '" + std::string(name) +
         "' begins with a message of its own: it can't be subscribed to in MULTI";
}

}  // namespace clustron::commands
