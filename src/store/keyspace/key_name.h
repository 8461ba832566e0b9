// A name in a database: of a key or of a lock. Ordered by database, then by bytes.
#pragma once

#include <compare>
#include <string>

namespace clustron::store {

struct KeyName {
  int db = 0;
  std::string name;
  friend auto operator<=>(const KeyName&, const KeyName&) = default;
};

}  // namespace clustron::store
