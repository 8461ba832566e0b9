// The writes of this node's clients on their way to the leader (origin.h), which may be this node,
// until they are applied here or given up.
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cluster/node/leader_view.h"
#include "cluster/node/node_core.h"
#include "cluster/node/origin.h"
#include "cluster/node/proposer.h"
#include "cluster/node/roster.h"

namespace clustron::cluster {

class WritePath {
 public:
  WritePath(NodeCore& core, const LeaderView& leader_view, Roster& roster, Proposer& proposer);

  const Origin& origin() const { return origin_; }
  // `item`: encoded with origin().session(). Exactly one of: Take (apply), host.FailWrite. Null
  // owner: nobody waits.
  void Submit(std::string item, ItemOwner* owner);
  // The item of this node's session that is being applied is forgotten here. Null: nobody waits.
  ItemOwner* Take(uint64_t sequence);
  // What has not left, as far as the window lets it.
  void Send();
  // Something could be sent, and somebody is there to send it to.
  bool CanSend() const { return origin_.HasUnsent() && leader_view_.known(); }
  // Another leader, or another link to it.
  void OnNewWay() { origin_.OnNewWay(core_.NowNs()); }
  void Expire(int64_t now_ns);
  // All goes on under another boot: what has left is given up.
  void StartAnew(uint32_t boot);
  // The state has by a snapshot what it has of this session: the outcome of that is not known.
  void SkipApplied();

 private:
  void Forward();
  // What big commands may take to the disks of a majority: that is no lack of an answer.
  int64_t MovingNs() const;
  void FailAll(const std::vector<ItemOwner*>& owners, Failure failure);

  NodeCore& core_;
  const LeaderView& leader_view_;
  Roster& roster_;
  Proposer& proposer_;
  Origin origin_;
};

}  // namespace clustron::cluster
