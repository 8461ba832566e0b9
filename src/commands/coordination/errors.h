// The error texts of leases and locks. Those of guards and tokens are commands/core/error_text.h.
#pragma once

#include <string>
#include <string_view>

namespace clustron::commands {

inline constexpr std::string_view kErrTtlRange = "ERR a TTL is between 100 and 2592000000 ms";
inline constexpr std::string_view kErrOwnerSize = "ERR an owner has at most 256 bytes";

// Leases.
inline constexpr std::string_view kErrLeaseId = "ERR a lease id has 1 to 64 bytes";
inline constexpr std::string_view kErrLeaseOwner = "ERR the lease belongs to another owner";
inline constexpr std::string_view kErrOtherLease = "ERR the key is attached to another lease";
inline constexpr std::string_view kErrKeyHasTtl = "ERR the key has an expiry of its own";
inline constexpr std::string_view kErrLeaseDoReads = "ERR LEASE DO takes a command that writes";

// "ERR syntax error: LOCK ACQUIRE has no WAIT yet"
inline std::string AcquireHasNo(std::string_view option) {
  return "ERR syntax error: LOCK ACQUIRE has no " + std::string(option) + " yet";
}

}  // namespace clustron::commands
