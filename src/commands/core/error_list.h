// The error text of LISTs with pages (list_page.h).
#pragma once

#include <string_view>

namespace clustron::commands {

inline constexpr std::string_view kErrListLimit = "ERR LIMIT is between 1 and 100000";

}  // namespace clustron::commands
