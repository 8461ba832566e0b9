#include "base/host_port.h"

#include "base/numeric.h"

namespace clustron {

namespace {

std::unexpected<Error> NotOne(std::string_view text, std::string_view why) {
  return Fail(Errc::kInvalidArgument,
              "'" + std::string(text) + "' is not HOST:PORT" + std::string(why));
}

}  // namespace

Result<uint16_t> ParsePort(std::string_view text) {
  const auto port = ParseInt64(text);
  if (!port || *port < 1 || *port > 65535)
    return Fail(Errc::kInvalidArgument, "'" + std::string(text) + "' is not a port (1 to 65535)");
  return static_cast<uint16_t>(*port);
}

Result<HostPort> ParseHostPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return NotOne(text, "");
  std::string_view host = text.substr(0, colon);
  const auto port = ParsePort(text.substr(colon + 1));
  if (!port) return NotOne(text, ": the port must be between 1 and 65535");
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos)
      return NotOne(text, ": only IPv6 addresses stand in brackets");
  } else if (host.find(':') != std::string_view::npos) {
    return NotOne(text, ": an IPv6 address stands in brackets, as in [::1]:7000");
  }
  if (host.find_first_of("[]@, \t\"'#/") != std::string_view::npos) return NotOne(text, "");
  return HostPort{std::string(host), *port};
}

std::string PrintHostPort(std::string_view host, uint16_t port) {
  const bool v6 = host.find(':') != std::string_view::npos;
  return (v6 ? "[" : "") + std::string(host) + (v6 ? "]:" : ":") + std::to_string(port);
}

}  // namespace clustron
