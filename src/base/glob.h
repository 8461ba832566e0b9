// Redis's glob patterns: * ? [a-z] [^…] and \ to escape; they match bytes, and the whole text.
#pragma once

#include <string_view>

namespace clustron {

// At most |pattern| · |text| steps, whatever the pattern.
bool GlobMatch(std::string_view pattern, std::string_view text, bool ignore_case = false);

}  // namespace clustron
