// What the engines of a cluster tell each other beside the log.
#pragma once

#include <cstdint>

namespace clustron::server {

// The first byte of a message.
inline constexpr uint8_t kPublishPlain = 0;
inline constexpr uint8_t kPublishSharded = 1;
inline constexpr uint8_t kHandOverBegins = 2;  // sequence number, the ballot that ends
inline constexpr uint8_t kWhoIsThere = 3;  // from a node that stops: tell who is connected to you
inline constexpr uint8_t kTheseAre = 4;    // the answer: see Departure::TellWhoIsHere
// FAILOVER on a node that does not lead, for the one that does: host (may be empty), port,
// time-out.
inline constexpr uint8_t kFailoverAsked = 5;
inline constexpr uint8_t kFailoverAborted = 6;

}  // namespace clustron::server
