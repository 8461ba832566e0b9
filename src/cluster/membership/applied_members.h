// Who the members are, as the replicated state says: the one place that the node, the links to
// peers, INFO and refusals ask. The state owns it and changes it, by an applied entry or a loaded
// snapshot; before the first such record the genesis's record holds.
//
// A change takes two steps. Stage takes a record while an entry is applied or a snapshot is read;
// Settle makes it what holds, when that is done, and calls those who follow. So nobody ever sees
// members of a state that is half loaded.
//
// THREAD: core loop. OWNER: the state (state/executor.h).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/membership/config_record.h"
#include "cluster/paxos/config.h"

namespace clustron::cluster {

class AppliedMembers {
 public:
  // --- What holds: for everybody

  const std::vector<Member>& all() const { return applied_.members; }
  // Null: no member has this id.
  const Member* Find(paxos::NodeId node) const;
  // This node is the only member. Fixed while the process runs: see WhyNotUnder.
  bool alone() const { return alone_; }
  paxos::Members Roles() const { return RolesOf(applied_); }
  const ConfigRecord& record() const { return applied_; }
  // Of the genesis: what a state begins with that has applied no record.
  const ConfigRecord& first() const { return first_; }

  // Calls `changed` after each change from now on, in the middle of the owner's turn: `changed` may
  // read the members and nothing else of the state. It must be callable as long as this lives.
  void Follow(std::function<void()> changed) const { followers_.push_back(std::move(changed)); }

  // --- Changes: for the state alone

  // Before anything is applied, once. REQUIRES: nobody follows yet.
  void BeginWith(ConfigRecord first);
  // Why an entry with this payload can't be applied; empty: it can.
  std::string WhyNotNext(std::string_view payload) const;
  // A payload that WhyNotNext allows, or what Encode has written. Empty: the genesis's record, for
  // snapshots of programs that kept none.
  Status Stage(std::string_view bytes);
  // Without a staged record: nothing.
  void Settle();
  // For snapshots.
  std::string Encode() const;

 private:
  ConfigRecord first_;
  ConfigRecord applied_;
  bool alone_ = false;
  std::optional<ConfigRecord> staged_;
  // To follow changes nothing of what is applied.
  mutable std::vector<std::function<void()>> followers_;
};

}  // namespace clustron::cluster
