// What LOCK ACQUIRE asks for.
#pragma once

#include <cstdint>
#include <string_view>

namespace clustron::store {

// Views into the call's arguments.
struct LockRequest {
  std::string_view owner;
  std::string_view lease_id;  // empty: none
  int64_t ttl_ms = 0;         // 0: as long as the lease
  bool advisory = false;
  bool shared = false;
  uint32_t limit = 1;    // how many may hold the lock at a time, if none of them is SHARED
  int64_t delay_ms = 0;  // if this holder is lost, nobody gets the lock for so long; 0: no delay
};

}  // namespace clustron::store
