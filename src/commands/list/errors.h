// The error texts of lists.
#pragma once

#include <string_view>

namespace clustron::commands {

inline constexpr std::string_view kErrIndexOutOfRange = "ERR index out of range";

// LPOS's.
inline constexpr std::string_view kErrLposRank =
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use "
    "negative to start from the end of the list";
inline constexpr std::string_view kErrCountNegative = "ERR COUNT can't be negative";
inline constexpr std::string_view kErrMaxlenNegative = "ERR MAXLEN can't be negative";

}  // namespace clustron::commands
