// A stored RESP3 reply for a caller who speaks RESP2.
#pragma once

#include <string>
#include <string_view>

namespace clustron::commands {

// Maps become flat arrays, sets arrays, nulls null bulk strings, doubles, big numbers and verbatim
// strings bulk strings, booleans 0 and 1. REQUIRES: well-formed replies, as ReplyWriter made them.
std::string DowngradeToResp2(std::string_view resp3);

}  // namespace clustron::commands
