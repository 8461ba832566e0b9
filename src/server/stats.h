// Counters of this node for INFO. Local, reset by CONFIG RESETSTAT. THREAD: core loop.
#pragma once

#include <cstdint>

namespace clustron::server {

struct Stats {
  uint64_t connections_received = 0;
  uint64_t rejected_connections = 0;
  uint64_t commands_processed = 0;
  uint64_t input_bytes = 0;
  uint64_t output_bytes = 0;
  uint64_t errors_replied = 0;
  uint64_t keyspace_hits = 0;
  uint64_t keyspace_misses = 0;
  uint64_t expired_keys = 0;
  uint64_t unexpected_errors = 0;
  uint64_t inline_writes = 0;
  uint64_t logged_writes = 0;
};

}  // namespace clustron::server
