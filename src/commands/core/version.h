// What the server calls itself.
#pragma once

#include <string_view>

namespace clustron::commands {

// The version of Redis whose commands and replies these are: clients choose by it.
inline constexpr std::string_view kRedisVersion = "7.2.4";
inline constexpr std::string_view kClustronVersion = "0.1.0";

}  // namespace clustron::commands
