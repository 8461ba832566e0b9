#include "cluster/node/versions.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::cluster {

bool Versions::GoesTogether(NodeId from, const Introduction& peer) {
  const std::string name = "node " + std::to_string(from);
  const StateMachine& state = core_.state;
  if (peer.in_force > core_.config.feature_version) {
    halt_.Halt(HaltCause::kTooOld, "feature version " + std::to_string(peer.in_force) +
                                       " is in force in this cluster, as " + name +
                                       " says, and this program knows up to " +
                                       std::to_string(core_.config.feature_version) +
                                       ": start a newer one");
    return false;
  }
  std::string why;
  if (peer.feature_version < state.feature_version()) {
    why = "it knows feature version up to " + std::to_string(peer.feature_version) + ", and " +
          std::to_string(state.feature_version()) + " is in force: it needs a newer program";
  } else if (!(peer.skips == state.skips())) {
    why = "its skip-slot is " + peer.skips.Text() + ", here it is " + state.skips().Text() +
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

// The highest version that every member has announced to this process, members that are down now
// included; 0 while one of them has not been heard.
uint16_t Versions::OfAll() const {
  uint16_t lowest = core_.config.feature_version;
  const paxos::Members& members = core_.replica.members();
  for (const auto* list : {&members.voters, &members.learners}) {
    for (NodeId member : *list) {
      if (member == core_.self()) continue;
      const auto it = known_.find(member);
      if (it == known_.end() && Planted(Bug::kVersionRaisedEarly)) continue;
      if (it == known_.end()) return 0;
      lowest = std::min(lowest, it->second);
    }
  }
  return lowest;
}

void Versions::MaybeRaise() {
  const uint16_t in_force = core_.state.feature_version();
  if (in_force >= core_.config.feature_version) return;
  const uint16_t target = OfAll();
  if (target <= in_force || target <= raise_proposed_) return;
  CHECK(target <= core_.config.feature_version);
  raise_proposed_ = target;
  REACH("feature version raised");
  Log(LogLevel::kNotice, "every member knows feature version {}: raising it from {}", target,
      in_force);
  std::string bytes;
  Writer(&bytes).U16(target);
  const std::string_view args[] = {bytes};
  std::string item;
  AppendItem({.kind = ItemKind::kRaiseVersion}, args, &item);
  proposer_.AddOwn(item);
}

}  // namespace clustron::cluster
