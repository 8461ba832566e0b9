// Counters of this node for INFO. Local, reset by CONFIG RESETSTAT (the slow log apart).
// THREAD: core loop.
#pragma once

#include <array>
#include <cstdint>

#include "server/observe/command_stats.h"

namespace clustron::server {

// Growth of a counter per second, over the last 16 samples.
class RateMeter {
 public:
  void Sample(int64_t now_ms, uint64_t value) {
    if (last_ms_ != 0 && now_ms > last_ms_) {
      rates_[at_++ % rates_.size()] =
          static_cast<double>(value - last_) * 1000.0 / static_cast<double>(now_ms - last_ms_);
    }
    last_ms_ = now_ms;
    last_ = value;
  }
  double per_s() const {
    double sum = 0;
    for (double rate : rates_) sum += rate;
    return sum / static_cast<double>(rates_.size());
  }

 private:
  std::array<double, 16> rates_ = {};
  size_t at_ = 0;
  int64_t last_ms_ = 0;
  uint64_t last_ = 0;
};

// What this node has applied, and of the leader's memory what it has served.
struct CoordinationStats {
  uint64_t leases_granted = 0;
  uint64_t leases_expired = 0;
  uint64_t leases_revoked = 0;
  uint64_t locks_granted = 0;
  uint64_t locks_released = 0;
  uint64_t locks_expired = 0;
  uint64_t locks_broken = 0;
  uint64_t keepalives = 0;  // of leases and locks, as leader
};

// Of this process; not reset.
struct SnapshotStats {
  bool last_ok = true;
  int64_t last_unix_s = 0;   // of the last good one; before the first: when the process started
  int64_t last_took_s = -1;  // of it
  uint64_t written = 0;
};

struct Stats {
  uint64_t connections_received = 0;
  uint64_t rejected_connections = 0;
  uint64_t strangers_closed = 0;  // too late with the password, or one too many
  uint64_t evicted_clients = 0;
  uint64_t commands_processed = 0;
  uint64_t input_bytes = 0;
  uint64_t output_bytes = 0;
  uint64_t reads = 0;   // pieces that clients sent
  uint64_t writes = 0;  // pieces that went out to them
  uint64_t keyspace_hits = 0;
  uint64_t keyspace_misses = 0;
  uint64_t expired_keys = 0;
  uint64_t inline_writes = 0;
  uint64_t logged_writes = 0;
  // The longest that the loop was away: over the time between two ticks.
  int64_t loop_stall_max_ms = 0;
  RateMeter commands_rate;
  RateMeter input_rate;
  RateMeter output_rate;
  CoordinationStats coordination;
  RateMeter leases_rate;
  RateMeter locks_rate;
  RateMeter keepalives_rate;
  CommandStats commands;
  SlowLog slow;

  // About ten times a second.
  void Sample(int64_t now_ms) {
    commands_rate.Sample(now_ms, commands_processed);
    input_rate.Sample(now_ms, input_bytes);
    output_rate.Sample(now_ms, output_bytes);
    leases_rate.Sample(now_ms, coordination.leases_granted);
    locks_rate.Sample(now_ms, coordination.locks_granted);
    keepalives_rate.Sample(now_ms, coordination.keepalives);
  }
};

}  // namespace clustron::server
