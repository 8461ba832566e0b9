#include "cluster/node/divergence.h"

#include <algorithm>

#include "base/planted_bugs.h"

namespace clustron::cluster {

using paxos::NodeId;
using paxos::Slot;

bool Divergence::OnClaim(NodeId peer, Slot slot, uint64_t digest, const DigestLog& own) {
  if (Planted(Bug::kDigestsNeverCompared)) return false;
  if (slot == slot_ && slot_ != 0) claims_[peer] = digest;
  const std::optional<uint64_t> here = own.Find(slot);
  if (!here || *here == digest) return false;
  // Each new one moves the dispute, so that all can be asked about one slot; who differed before
  // still differs there.
  if (differing_.insert(peer).second) {
    if (slot != slot_) claims_.clear();
    slot_ = slot;
    own_ = *here;
    claims_[peer] = digest;
  }
  return true;
}

void Divergence::Forget(NodeId peer) {
  claims_.erase(peer);
  differing_.erase(peer);
  if (!differing_.empty()) return;
  slot_ = 0;
  claims_.clear();
}

std::vector<NodeId> Divergence::Unheard(const std::vector<NodeId>& voters, NodeId self) const {
  std::vector<NodeId> unheard;
  for (const NodeId voter : voters)
    if (voter != self && !claims_.contains(voter)) unheard.push_back(voter);
  return unheard;
}

Divergence::Verdict Divergence::Judge(const std::vector<NodeId>& voters) const {
  if (differing_.empty()) return Verdict::kSame;
  std::map<uint64_t, size_t> votes;
  for (const auto& [peer, digest] : claims_)
    if (std::find(voters.begin(), voters.end(), peer) != voters.end()) ++votes[digest];
  for (const auto& [digest, count] : votes)
    if (digest != own_ && count * 2 > voters.size()) return Verdict::kContradicted;
  return Verdict::kAlarm;
}

}  // namespace clustron::cluster
