// The error texts of the configuration. CONFIG SET's is commands/core/error_text.h.
#pragma once

#include <string>
#include <string_view>

namespace clustron::server {

inline constexpr std::string_view kErrNoConfigFile =
    "ERR The server is running without a config file";

// "ERR Unknown option or number of arguments for CONFIG SET - 'name'"
inline std::string UnknownOption(std::string_view name) {
  return "ERR Unknown option or number of arguments for CONFIG SET - '" + std::string(name) + "'";
}

// "ERR Rewriting config file: write: No space left on device"
inline std::string RewriteFailed(std::string_view why) {
  return "ERR Rewriting config file: " + std::string(why);
}

}  // namespace clustron::server
