// Redis's directives that this server doesn't have, each by its whole name: what is only like one
// of them is a typing error. docs/configuration.md lists them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clustron::server {

struct ForeignDirective {
  // The server doesn't start with it, as ignoring it would be unsafe. Else it is ignored, with a
  // note that gives the reason.
  bool refused;
  std::string_view reason;
};

// `value` is the rest of the line: a refused directive that asks for nothing (`tls-port 0`) is only
// ignored. Nullopt: not a directive of Redis, or one that is here.
std::optional<ForeignDirective> FindForeign(std::string_view name, std::string_view value);

// The directive, of here or of Redis, that was probably meant; empty if none is near.
std::string_view NearestDirective(std::string_view name);

// All names above, for tests.
std::vector<std::string_view> ForeignNames();

}  // namespace clustron::server
