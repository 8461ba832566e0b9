// This node as commands see and steer it: role, clock, failover, snapshots, shutdown, durability.
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "cluster/node/node.h"
#include "commands/core/ports.h"
#include "server/config/config.h"
#include "server/front/client_table.h"
#include "server/observe/node_report.h"
#include "server/observe/stats.h"
#include "server/ops/damage_watch.h"
#include "server/ops/departure.h"
#include "server/ops/engine_host.h"
#include "server/ops/failover.h"
#include "server/ops/leader_watch.h"
#include "server/ops/outage.h"
#include "state/executor.h"

namespace clustron::server {

class NodeControl final : public commands::NodePort {
 public:
  // What it works with; all outlive it.
  struct Around {
    const Clock& clock;
    const Config& config;
    cluster::Node& node;
    const ClientTable& clients;
    const SnapshotStats& snapshots;
    const state::Executor& executor;
    const Outage& outage;
    const DamageWatch& damage;
    const LeaderWatch& watch;
    Failover& failover;
    Departure& departure;
    const EngineHost& host;
  };
  explicit NodeControl(const Around& around) : around_(around) {}

  // For INFO.
  NodeReport Report() const;

  // --- commands::NodePort ----------------------------------------------------------------------
  commands::RoleView Role() const override;
  int64_t WallUs() const override;
  Status BeginFailover(const commands::FailoverRequest& request) override;
  Status AbortFailover() override { return around_.failover.Abort(); }
  Status BeginSnapshot() override;
  bool SnapshotRunning() const override { return around_.node.parts().snapshots.running(); }
  bool LastSnapshotOk() const override { return around_.snapshots.last_ok; }
  int64_t LastSnapshotUnixS() const override { return around_.snapshots.last_unix_s; }
  Status BeginShutdown(const commands::ShutdownRequest& request) override;
  Status AbortShutdown() override { return around_.departure.Abort(); }
  bool ShuttingDown() const override { return around_.departure.going_on(); }
  uint64_t LastWriteSlot(const commands::ClientPort& client) const override;
  uint64_t BeginDurabilityRound() override {
    return around_.node.parts().disk.BeginDurabilityRound();
  }
  commands::Durability DurableAt(uint64_t slot, uint64_t round) override;

 private:
  std::string_view RefusesWrites() const;

  const Around around_;
};

}  // namespace clustron::server
