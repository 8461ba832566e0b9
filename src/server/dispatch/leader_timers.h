// The leader's timers of leases and locks, as commands see them. THREAD: core loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "cluster/node/node.h"
#include "commands/core/ports.h"
#include "server/observe/stats.h"

namespace clustron::server {

class LeaderTimers final : public commands::LeaderTimers {
 public:
  // Both outlive it.
  LeaderTimers(cluster::Node& node, Stats& stats) : node_(node), stats_(stats) {}

  Touch KeepAlive(std::string_view lease_id, uint64_t grant_revision,
                  int64_t* remaining_ms) override;
  Touch Renew(int db, std::string_view lock, uint64_t token, int64_t ttl_ms,
              int64_t* remaining_ms) override;
  std::optional<int64_t> LeaseRemainingMs(std::string_view lease_id) override;
  std::optional<int64_t> LockRemainingMs(int db, std::string_view lock, uint64_t part) override;

 private:
  Touch Extend(const cluster::EndTimers::Key& key, uint64_t revision, int64_t ttl_ms,
               int64_t* remaining_ms);

  cluster::Node& node_;
  Stats& stats_;
};

}  // namespace clustron::server
