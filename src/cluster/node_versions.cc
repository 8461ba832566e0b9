// Node: which rules apply goes by (feature_version.h), and who knows them.
#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "cluster/node.h"

namespace clustron::cluster {

void Node::OnPeerSupports(NodeId peer, uint16_t version) { peer_versions_[peer] = version; }

// The highest version that every member has announced to this process, members that are down now
// included; 0 while one of them has not been heard.
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
