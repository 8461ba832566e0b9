#include "cluster/paxos/lease.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::paxos {

bool LeaseGrant::Grant(Ballot ballot, int64_t until_ns) {
  if (ballot < ballot_) {
    REACH("paxos.lease_refused_to_superseded_leader");
    return false;
  }
  ballot_ = ballot;
  until_ns_ = std::max(until_ns_, until_ns);
  return true;
}

void LeaseGrant::Release(Ballot ballot) {
  released_ = std::max(released_, ballot);
  if (ballot_ <= released_ || Planted(Bug::kAnyReleaseEndsLease)) until_ns_ = 0;
}

bool LeaseGrant::Blocks(NodeId candidate, Ballot released, int64_t now_ns) const {
  if (Silent(now_ns)) {
    REACH("paxos.silent_after_restart");
    return true;
  }
  if (Planted(Bug::kLeaseNotKept)) return false;
  return now_ns < until_ns_ && ballot_.node != candidate && ballot_ != released;
}

void LeaseHolder::Reset() {
  acks_.clear();
  for (NodeId voter : core_.membership.members().voters) {
    if (voter != core_.membership.self()) acks_.push_back({voter});
  }
  Recompute();
}

// Of a lease that a voter's clock measures, what is safe by ours.
int64_t LeaseHolder::UsableNs(int64_t lease_ns) const {
  const int64_t shorter_ns = std::min(lease_ns, core_.config.lease_ns);
  if (Planted(Bug::kLeaseWithoutMargin)) return shorter_ns;
  const double by_drift = static_cast<double>(shorter_ns) * (1 - core_.config.lease_drift);
  return static_cast<int64_t>(by_drift) - core_.config.lease_margin_ns;
}

void LeaseHolder::OnAck(NodeId voter, uint64_t probe, int64_t sent_ns, int64_t lease_ns) {
  for (Ack& ack : acks_) {
    if (ack.voter != voter) continue;
    if (probe <= ack.probe) return;  // doubled or late
    ack.probe = probe;
    const int64_t from_ns = Planted(Bug::kLeaseFromReceipt) ? core_.now_ns : sent_ns;
    ack.until_ns = from_ns + UsableNs(lease_ns);
    Recompute();
    return;
  }
}

void LeaseHolder::Recompute() {
  // The leader itself is one of the quorum and always up to date.
  const size_t others = core_.membership.quorum2() - 1;
  if (others == 0) {
    until_ns_ = std::numeric_limits<int64_t>::max();
    quorum_probe_ = std::numeric_limits<uint64_t>::max();
    return;
  }
  // quorum2 <= voters, so there are at least `others` of them; at most 63.
  int64_t until[64];
  uint64_t probes[64];
  for (size_t i = 0; i < acks_.size(); ++i) {
    until[i] = acks_[i].until_ns;
    probes[i] = acks_[i].probe;
  }
  std::nth_element(until, until + others - 1, until + acks_.size(), std::greater<>());
  std::nth_element(probes, probes + others - 1, probes + acks_.size(), std::greater<>());
  quorum_probe_ = probes[others - 1];
  until_ns_ = quorum_probe_ == 0 ? 0 : until[others - 1];
}

}  // namespace clustron::paxos
