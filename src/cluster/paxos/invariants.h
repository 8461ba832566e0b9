// What must always hold, checked from outside after each step: by the unit tests and by the cluster
// simulator. A violation is a text, never an abort, so that a simulation can print its seed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cluster/paxos/replica.h"

namespace clustron::paxos {

// One replica: its state, and what changed since the last look. One object per process life; a
// restarted replica gets a new one, with what its disk is known to hold.
class Invariants {
 public:
  // `durable_promise`: the highest promise that was durable before a restart.
  explicit Invariants(Ballot durable_promise = {}) : promised_(durable_promise) {}

  // The first violation, or nothing.
  std::optional<std::string> Check(const Replica& replica);

 private:
  std::optional<std::string> CheckPrefixes(const Replica& replica);
  std::optional<std::string> CheckRole(const Replica& replica);
  std::optional<std::string> CheckCells(const Replica& replica);

  struct Seen {
    Ballot ballot;
    bool chosen = false;
    uint64_t value_hash = 0;
  };
  Ballot promised_;
  Slot compacted_ = 0;
  Slot applied_ = 0;
  Slot chosen_ = 0;
  std::map<Slot, Seen> cells_;
};

// All replicas of one group, over the whole run: one value per slot, one leader lease at a time.
class Agreement {
 public:
  // Looks at what this replica newly knows to be chosen.
  std::optional<std::string> Check(const Replica& replica);
  // A restarted replica is looked at from the beginning again.
  void Restarted(NodeId node) { looked_at_.erase(node); }
  // `replica` believes to hold a valid lease at this moment of true time: at most one may.
  // Call for all replicas at the same true time, after Begin.
  void BeginLeases() { lease_holder_ = kNoNode; }
  std::optional<std::string> CheckLease(const Replica& replica, int64_t local_now_ns);
  // Of the slot's value; 0 if nobody knows it chosen.
  uint64_t HashOf(Slot slot) const { return slot < hashes_.size() ? hashes_[slot] : 0; }
  // The highest slot anybody knew to be chosen.
  Slot last() const { return hashes_.empty() ? 0 : hashes_.size() - 1; }

 private:
  std::optional<std::string> Record(NodeId node, const Accepted& entry);

  std::vector<uint64_t> hashes_;  // by slot
  std::map<NodeId, Slot> looked_at_;
  NodeId lease_holder_ = kNoNode;
};

// Of what replicas must agree on. Never 0.
uint64_t HashOf(const Value& value);

}  // namespace clustron::paxos
