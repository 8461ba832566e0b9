// HOST:PORT as people write it, one syntax for all options: a name, an IPv4 address, or an IPv6
// address in brackets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace clustron {

// Peers reach a node at its port for clients plus this, unless another one is named.
inline constexpr uint16_t kPeerPortOffset = 10000;

struct HostPort {
  std::string host;  // without brackets
  uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// The error's detail names the text and what is wrong with it.
Result<HostPort> ParseHostPort(std::string_view text);
// With brackets around IPv6 addresses, so that ParseHostPort gives the same back.
std::string PrintHostPort(std::string_view host, uint16_t port);

// A port, 1 to 65535.
Result<uint16_t> ParsePort(std::string_view text);

}  // namespace clustron
