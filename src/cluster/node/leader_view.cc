#include "cluster/node/leader_view.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::cluster {

bool LeaderView::HeldInVain(int64_t since_ns) const {
  const bool nobody = !known() || (here() && !leading_);
  return nobody && !announced_ &&
         core_.NowNs() - std::max(leaderless_ns_, since_ns) > core_.config.hold_ns;
}

bool LeaderView::IsMeant(Ballot ballot) const {
  return here() && ballot == ballot_ && core_.IsLeader() && ballot == core_.replica.ballot();
}

void LeaderView::Look() {
  const paxos::Replica& replica = core_.replica;
  const bool leads =
      !core_.restoring && core_.IsLeader() && replica.own_noop_chosen() &&
      (core_.state.applied_slot() >= replica.own_noop_slot() || Planted(Bug::kNoOwnBallotNoop));
  const bool leads_early = Planted(Bug::kNoOwnBallotNoop) && core_.IsLeader();
  const Ballot ballot = replica.ballot();
  const NodeId leader = replica.leader();
  const bool changed = leader != leader_ || ballot != ballot_;
  if (leading_ && (changed || !core_.IsLeader() || core_.restoring)) StopLeading();
  if (changed) {
    if (announced_) leaderless_ns_ = core_.NowNs();
    announced_ = false;
    link_down_ = false;
    leader_ = leader;
    ballot_ = ballot;
    listener_.OnLeaderChanged();
  }
  if (!leading_ && (leads || leads_early)) {
    CHECK(leader_ == core_.self());
    leading_ = true;
    listener_.OnLeadingBegins();
  }
  if (!announced_ && InOffice()) Announce();
}

void LeaderView::StopLeading() {
  REACH("stopped leading");
  Log(LogLevel::kNotice, "no longer the leader");
  leading_ = false;
  listener_.OnLeadingEnds();
}

void LeaderView::NoticeDeposed() {
  if (leading_ && (!core_.IsLeader() || core_.replica.ballot() != ballot_)) {
    REACH("deposed in the middle of a turn");
    Look();
  }
}

// Its no-op may have been applied by an earlier life of this node, and have come back from its log
// or with a snapshot: an idle leader sends no other entry.
bool LeaderView::InOffice() const {
  if (leading_) return true;
  return !core_.restoring && known() && !here() && core_.state.newest_noop() == ballot_;
}

// Clients that look again must find the new leader in office, not one who is still about to be.
void LeaderView::Announce() {
  announced_ = true;
  if (!core_.alone()) {
    Log(LogLevel::kNotice, "node {} leads{} under ballot {}.{}", leader_,
        leading_ ? " (this one)" : "", ballot_.round, ballot_.node);
  }
  core_.host.LeadershipChanged();
}

void LeaderView::OnApplied(Ballot first_ballot) {
  if (!announced_ && !here() && first_ballot == ballot_) Announce();
}

bool LeaderView::OnLinkUp(NodeId peer) {
  if (peer != leader_) return false;
  link_down_ = false;
  return true;
}

void LeaderView::OnLinkDown(NodeId peer) {
  if (peer == leader_) link_down_ = true;
}

bool LeaderView::HandOver(NodeId to) {
  if (core_.halted) return false;
  const bool begun = core_.replica.TransferLeadership(to, core_.NowNs());
  if (begun) core_.host.HandingOver();
  return begun;
}

void LeaderView::StepDown() {
  core_.host.HandingOver();
  core_.replica.StepDown(core_.NowNs());
  NoticeDeposed();
}

void LeaderView::End() {
  if (leading_) StopLeading();
  leader_ = paxos::kNoNode;
  announced_ = false;
}

}  // namespace clustron::cluster
