// The error texts of requests that break the protocol: Redis's.
#pragma once

#include <string>
#include <string_view>

namespace clustron::resp {

inline constexpr std::string_view kErrInlineTooBig = "ERR Protocol error: too big inline request";
inline constexpr std::string_view kErrQuotes = "ERR Protocol error: unbalanced quotes in request";
inline constexpr std::string_view kErrCountTooLong =
    "ERR Protocol error: too big mbulk count string";
inline constexpr std::string_view kErrCount = "ERR Protocol error: invalid multibulk length";
inline constexpr std::string_view kErrBulkTooLong = "ERR Protocol error: too big bulk count string";
inline constexpr std::string_view kErrBulk = "ERR Protocol error: invalid bulk length";

// Before the client has authenticated.
inline constexpr std::string_view kErrStrangerCount =
    "ERR Protocol error: unauthenticated multibulk length";
inline constexpr std::string_view kErrStrangerBulk =
    "ERR Protocol error: unauthenticated bulk length";

// "ERR Protocol error: expected '$', got 'P'"
inline std::string BulkExpected(char got) {
  return std::string("ERR Protocol error: expected '$', got '") + got + "'";
}

}  // namespace clustron::resp
