// Whether this node's state and the other members' are the same, and who is wrong if they are not.
//
// What peers say of their digests is compared with the own ones. From the first difference on a
// slot is in dispute: every voter is asked for its digest there. What more than half of all voters
// say is right; who says something else is contradicted. Without such a majority nobody knows, and
// all go on with an alarm.
//
// Pure: the owner sends the questions and hands in the answers. THREAD: the owner's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "cluster/node/digest_log.h"
#include "cluster/paxos/types.h"

namespace clustron::cluster {

class Divergence {
 public:
  enum class Verdict : uint8_t {
    kSame,          // nobody is known to differ
    kAlarm,         // some peer differs; no majority says that it is this node that is wrong
    kContradicted,  // by a majority
  };

  // `peer` says that its state behind `slot` has `digest`. True: it differs from the own one there,
  // and the peer has to be told.
  bool OnClaim(paxos::NodeId peer, paxos::Slot slot, uint64_t digest, const DigestLog& own);
  // `peer` is another one now (a new start of it, perhaps with another directory).
  void Forget(paxos::NodeId peer);

  // The slot in dispute; 0: none.
  paxos::Slot slot() const { return slot_; }
  const std::set<paxos::NodeId>& differing() const { return differing_; }
  bool Differs(paxos::NodeId peer) const { return differing_.contains(peer); }
  // Those who have not said what they have at slot().
  std::vector<paxos::NodeId> Unheard(const std::vector<paxos::NodeId>& voters,
                                     paxos::NodeId self) const;
  Verdict Judge(const std::vector<paxos::NodeId>& voters) const;

 private:
  std::set<paxos::NodeId> differing_;
  paxos::Slot slot_ = 0;
  uint64_t own_ = 0;                          // the digest here at slot_
  std::map<paxos::NodeId, uint64_t> claims_;  // at slot_, by peer
};

}  // namespace clustron::cluster
