// Who waits: a client of one process of one node. Names the rows of WaitTable for their owners, and
// the tickets of locks that clients wait for.
#pragma once

#include <compare>
#include <cstdint>

namespace clustron::store {

// One process of one node.
struct WaitOwner {
  uint32_t node = 0;  // 0: nobody
  uint32_t boot = 0;
  friend auto operator<=>(const WaitOwner&, const WaitOwner&) = default;
};

// By id within its owner: the session number of the item that it came with.
struct WaitId {
  WaitOwner owner;
  uint64_t id = 0;
  friend auto operator<=>(const WaitId&, const WaitId&) = default;
};

}  // namespace clustron::store
