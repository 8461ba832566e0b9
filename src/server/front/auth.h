// What a client may do before it has authenticated, and which commands a RESP2 subscriber may send.
// The dispatcher asks before anything else of a command is looked at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "commands/core/spec.h"
#include "server/front/client.h"

namespace clustron::server {

// A stranger: a client that has not authenticated where a password is required. What it may cost is
// small and fixed, whatever the limits of clients are.
//
// COMPAT: Redis's reply buffer, and the 1 KB beyond it that strangers have since CVE-2025-21605.
inline constexpr size_t kStrangerOutputBytesMax = 17 * 1024;
// A whole AUTH or HELLO with long words; each is bounded by the parser, too.
inline constexpr size_t kStrangerInputBytesMax = 64 * 1024;
inline constexpr int64_t kStrangerMsMax = 10'000;

// Of a client that hasn't authenticated. COMPAT: when the password is taken away, who had not given
// it needs it no more.
inline bool NeedsAuth(const commands::CommandSpec& spec, std::string_view password) {
  return !password.empty() && !spec.Is(commands::kNoAuth);
}

// In RESP2 a connection with subscriptions takes only commands of the family itself, PING, QUIT and
// RESET. Empty: allowed; else the error.
std::string RefusedWhileSubscribed(const commands::CommandSpec& spec, const Client& client);

}  // namespace clustron::server
