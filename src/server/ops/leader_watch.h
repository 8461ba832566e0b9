// Watches who leads: announces a new leader to clients, tells the log of elections and of the time
// without a leader, and knows whether this node takes writes. THREAD: core loop.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "cluster/node/node.h"
#include "server/config/config.h"
#include "server/ops/master_news.h"
#include "server/ops/outage.h"

namespace clustron::server {

class LeaderWatch {
 public:
  // All outlive it.
  LeaderWatch(const Clock& clock, const Config& config, const cluster::Node& node,
              const Outage& outage, MasterNews& master_news)
      : clock_(clock), config_(config), node_(node), outage_(outage), master_news_(master_news) {}

  // A leader is in office.
  void LeadershipChanged();
  // Logs an election that this node stands in. Call with each tick.
  void NoteElection();
  // Call about ten times a second.
  void Step(int64_t now_ns);
  // False once there has been no leader for longer than commands wait for one.
  bool takes_writes() const { return takes_writes_; }

 private:
  void NoteLeaderless(int64_t now_ns);

  const Clock& clock_;
  const Config& config_;
  const cluster::Node& node_;
  const Outage& outage_;
  MasterNews& master_news_;
  bool takes_writes_ = true;
  bool told_leaderless_ = false;     // in the log
  int64_t leaderless_since_ns_ = 0;  // 0: there is a leader
  int64_t leader_since_ns_ = 0;      // 0: there was none since the start
  paxos::Role noted_role_ = paxos::Role::kFollower;
  cluster::NodeId noted_leader_ = 0;  // the last one that was known
};

}  // namespace clustron::server
