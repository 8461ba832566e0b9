// Node: which rules apply goes by (feature_version.h), and who knows them.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "cluster/node/node.h"

namespace clustron::cluster {

void Node::OnPeerSupports(NodeId peer, uint16_t version) { peer_versions_[peer] = version; }

// As this node is now.
void Node::DescribeState(Introduction* own) const {
  own->in_force = state_.feature_version();
  own->skips = state_.skips();
  if (restore_ != nullptr) return;
  own->applied = state_.applied_slot();
  own->leaderships = state_.leaderships();
  own->digest_slot = state_.digests().newest();
  if (own->digest_slot != 0) own->digest = *state_.digests().Find(own->digest_slot);
}

void Node::MemberIntroduced(NodeId from, const Introduction& peer) {
  OnPeerStarted(from, peer.boot);
  OnPeerSupports(from, peer.feature_version);
  told_logs_[from] = {peer.applied, peer.leaderships};
  CompareLogs();
  if (restore_ == nullptr && peer.digest_slot != 0) OnClaim(from, peer.digest_slot, peer.digest);
}

// False: there is no link with this peer. A node that is too old for its peer halts.
bool Node::GoesTogether(NodeId from, const Introduction& peer) {
  const std::string name = "node " + std::to_string(from);
  if (peer.in_force > config_.feature_version) {
    Halt(HaltCause::kTooOld, "feature version " + std::to_string(peer.in_force) +
                                 " is in force in this cluster, as " + name +
                                 " says, and this program knows up to " +
                                 std::to_string(config_.feature_version) + ": start a newer one");
    return false;
  }
  std::string why;
  if (peer.feature_version < state_.feature_version()) {
    why = "it knows feature version up to " + std::to_string(peer.feature_version) + ", and " +
          std::to_string(state_.feature_version()) + " is in force: it needs a newer program";
  } else if (!(peer.skips == state_.skips())) {
    why = "its skip-slot is " + peer.skips.Text() + ", here it is " + state_.skips().Text() +
          ": start all members with the same";
  }
  if (why.empty()) {
    refused_.erase(from);
    return true;
  }
  if (std::exchange(refused_[from], why) != why)
    Log(LogLevel::kWarning, "{} is refused: {}", name, why);
  return false;
}

uint16_t Node::VersionOfAll() const {
  uint16_t lowest = config_.feature_version;
  const paxos::Members& members = replica_.members();
  for (const auto* list : {&members.voters, &members.learners}) {
    for (NodeId member : *list) {
      if (member == self()) continue;
      const auto it = peer_versions_.find(member);
      if (it == peer_versions_.end() && Planted(Bug::kVersionRaisedEarly)) continue;
      if (it == peer_versions_.end()) return 0;
      lowest = std::min(lowest, it->second);
    }
  }
  return lowest;
}

// As leader: raises the version in force to what all know.
void Node::MaybeRaiseVersion() {
  const uint16_t in_force = state_.feature_version();
  if (in_force >= config_.feature_version) return;
  const uint16_t target = VersionOfAll();
  if (target <= in_force || target <= raise_proposed_) return;
  raise_proposed_ = target;
  REACH("feature version raised");
  Log(LogLevel::kNotice, "every member knows feature version {}: raising it from {}", target,
      in_force);
  std::string bytes;
  Writer(&bytes).U16(target);
  const std::string_view args[] = {bytes};
  std::string item;
  AppendItem({.kind = ItemKind::kRaiseVersion}, args, &item);
  batcher_.AddOwn(item);
}

}  // namespace clustron::cluster
