// The two sides of a leader lease (Gray & Cheriton 1989).
//
// A follower that answers a leader's heartbeat promises, from its receipt and for lease_ns of its
// own clock, not to answer phase 1 of any other node. The leader counts the same lease from when it
// *sent* that heartbeat, which is earlier in true time, shortened by the clocks' possible drift and
// a margin. So while a quorum's leases run by the leader's clock, no other candidate can complete
// phase 1. The promise is in memory only, its longest duration is on disk: whoever restarts stays
// silent in phase 1 for that long.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/paxos/core.h"

namespace clustron::paxos {

// The follower's promise. At most one leader at a time; a later leader's replaces it, because a
// quorum had to let go of the earlier one first.
class LeaseGrant {
 public:
  // Silent until `silent_until_ns` towards everybody, own candidacy included.
  explicit LeaseGrant(int64_t silent_until_ns) : silent_until_ns_(silent_until_ns) {}

  // False, and nothing is granted: a later leader has had a grant. A late heartbeat of an earlier
  // one must not put its ballot in the place of the later one, whose lease its Release would end.
  [[nodiscard]] bool Grant(Ballot ballot, int64_t until_ns);
  // The leader of `ballot` said that it has stopped; its late heartbeats count no more.
  void Release(Ballot ballot);
  bool IsReleased(Ballot ballot) const { return ballot <= released_; }
  // True if phase 1 of `candidate` must not be answered now. `released` is a ballot whose leader
  // handed over to the candidate.
  bool Blocks(NodeId candidate, Ballot released, int64_t now_ns) const;
  bool Silent(int64_t now_ns) const { return now_ns < silent_until_ns_; }
  void EndSilence() { silent_until_ns_ = 0; }

 private:
  Ballot ballot_;
  int64_t until_ns_ = 0;
  Ballot released_;
  int64_t silent_until_ns_;
};

// The leader's side: which of its probes each voter has answered. Serves leases and read rounds.
class LeaseHolder {
 public:
  explicit LeaseHolder(Core* core) : core_(*core) {}

  // A new leadership, or new voters: nothing is acknowledged.
  void Reset();
  // `lease_ns`: what the voter grants, from its receipt; less than ours where settings differ.
  void OnAck(NodeId voter, uint64_t probe, int64_t sent_ns, int64_t lease_ns);
  // 0: none.
  int64_t until_ns() const { return until_ns_; }
  // The newest probe that a quorum 2, the leader included, has answered.
  uint64_t quorum_probe() const { return quorum_probe_; }

 private:
  struct Ack {
    NodeId voter;
    uint64_t probe = 0;
    int64_t until_ns = 0;
  };
  void Recompute();
  int64_t UsableNs(int64_t lease_ns) const;

  Core& core_;
  std::vector<Ack> acks_;  // of the other voters
  int64_t until_ns_ = 0;
  uint64_t quorum_probe_ = 0;
};

}  // namespace clustron::paxos
