// What must always hold, checked from outside after each step: by the unit tests and by the cluster
// simulator. A violation is a text, never an abort, so that a simulation can print its seed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
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

// What members have told each other must be kept, over restarts too: promises (the own ones of who
// asks for others' and of who leads among them) and votes that left a node are on its disk, and
// nobody answers phase 1 against a lease it granted. Checked where it is broken, not where harm
// comes of it, which would need far more luck to see.
class Commitments {
 public:
  // `from` sends this at that time of its clock.
  std::optional<std::string> OnSend(const Replica& from, NodeId to, const Message& message,
                                    int64_t local_now_ns, int64_t lease_ns);
  // What the disk gave back after a crash.
  std::optional<std::string> OnRecovered(NodeId node, const Recovered& recovered);
  // Counts what was sent. How many nodes have answered this leader's heartbeats after that count:
  // a read round that began then is confirmed by no others.
  uint64_t sent_count() const { return sent_count_; }
  uint32_t AnsweredSince(Ballot leader, uint64_t count) const;
  // `node` is bound, at this time of its clock, not to answer phase 1 of others than this leader.
  bool IsBound(NodeId node, Ballot leader, int64_t local_now_ns) const;

 private:
  static std::optional<std::string> CheckUnknownListed(const Replica& replica,
                                                       const Promise& promise);

  struct Grant {
    Ballot ballot;
    int64_t until_ns = 0;
  };
  struct Said {
    Ballot promised;
    std::map<Slot, Ballot> voted;
    std::vector<Grant> grants;  // running ones
    Ballot answered;            // its last answer to a leader, and when
    uint64_t answered_at = 0;
  };
  std::map<NodeId, Said> said_;
  uint64_t sent_count_ = 0;
  std::set<Ballot> released_;
  std::set<Ballot> led_;  // phase 1 was completed under them
};

// Of what replicas must agree on. Never 0.
uint64_t HashOf(const Value& value);

}  // namespace clustron::paxos
