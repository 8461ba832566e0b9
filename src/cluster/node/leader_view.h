// Who leads, as far as this node knows, and whether it is this node. The core's word is looked at
// in a few places of a turn; what follows from a change is the listener's.
//
// A node is leading when it is the core's leader and has applied its own no-op. Another leader is
// in office here when an entry of its own ballot has been applied here.
//
// THREAD: core loop.
#pragma once

#include <cstdint>

#include "cluster/node/node_core.h"

namespace clustron::cluster {

class LeaderViewListener {
 public:
  virtual void OnLeadingBegins() = 0;
  virtual void OnLeadingEnds() = 0;
  // Another leader, another ballot, or none: everything goes a new way.
  virtual void OnLeaderChanged() = 0;

 protected:
  ~LeaderViewListener() = default;
};

class LeaderView {
 public:
  LeaderView(NodeCore& core, LeaderViewListener& listener) : core_(core), listener_(listener) {}

  // Whom own items go to; kNoNode: nobody is known. Under ballot().
  NodeId leader() const { return leader_; }
  Ballot ballot() const { return ballot_; }
  bool known() const { return leader_ != paxos::kNoNode; }
  bool here() const { return leader_ == core_.self(); }
  bool leading() const { return leading_; }
  // A leader is in office as far as this node has applied, and nothing speaks against its living.
  bool in_sight() const { return announced_ && !link_down_; }
  // A command that has been here since then has been held as long as commands are held, in vain.
  bool HeldInVain(int64_t since_ns) const;
  // Forwarded under this ballot, something is meant for the leadership that this node has or is
  // about to have.
  bool IsMeant(Ballot ballot) const;

  // Looks at the core and at what is applied.
  void Look();
  // A leadership ends in the middle of a turn: what comes behind in it must not take this node for
  // the leader.
  void NoticeDeposed();
  // An entry was applied that was first proposed under this ballot.
  void OnApplied(Ballot first_ballot);
  // True if it is the leader's link.
  bool OnLinkUp(NodeId peer);
  void OnLinkDown(NodeId peer);
  // Gives the leadership to this node. False: it can't be.
  bool HandOver(NodeId to);
  // Gives it to whoever takes it.
  void StepDown();
  // This node takes part in nothing any more.
  void End();

 private:
  bool InOffice() const;
  void Announce();
  void StopLeading();

  NodeCore& core_;
  LeaderViewListener& listener_;
  bool leading_ = false;
  NodeId leader_ = paxos::kNoNode;
  Ballot ballot_;
  bool announced_ = false;     // that leader: an entry of its own is in the state here
  int64_t leaderless_ns_ = 0;  // when the last announced leader was lost
  bool link_down_ = false;     // the link to that leader broke, and is not up again
};

}  // namespace clustron::cluster
