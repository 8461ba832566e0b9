// Leadership handed over on demand: FAILOVER, and before a stop. A hand-over that the other node
// does not complete soon is called off and tried again. THREAD: core loop.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/result.h"
#include "cluster/node/node.h"
#include "commands/core/ports.h"

namespace clustron::server {

// A voter that was heard of within the last second.
bool InSight(const paxos::PeerStatus& peer, int64_t now_ns);

class Failover {
 public:
  // All outlive it.
  Failover(const Clock& clock, cluster::Node& node) : clock_(clock), node_(node) {}

  // Errors are whole replies' texts. On a node that does not lead, the leader is asked.
  Status Begin(const commands::FailoverRequest& request);
  Status Abort();
  bool running() const { return target_ != 0; }
  // Call about ten times a second.
  void Step(int64_t now_ns);

  // Leadership goes to whoever has the longest log, if anybody is in sight.
  void HandOverToAny();
  // The last try was so long ago that it has been called off.
  bool MayTryAgain(int64_t now_ns) const;

 private:
  Status AskLeader(uint8_t kind, const commands::FailoverRequest& request);
  cluster::NodeId Target(const commands::FailoverRequest& request) const;
  cluster::NodeId Successor() const;
  bool IsAt(cluster::NodeId node, const commands::FailoverRequest& request) const;
  bool HandOver(cluster::NodeId to);

  const Clock& clock_;
  cluster::Node& node_;
  cluster::NodeId target_ = 0;  // of the FAILOVER that is going on; 0: none is
  int64_t deadline_ns_ = 0;
  int64_t tried_ns_ = 0;
};

}  // namespace clustron::server
