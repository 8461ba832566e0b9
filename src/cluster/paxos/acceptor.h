// The acceptor: promises and accepts, nothing else. Everything it says leaves only when the disk
// has it.
#pragma once

#include <algorithm>

#include "cluster/paxos/core.h"

namespace clustron::paxos {

// INVARIANT: promised() never falls, not over a restart either; nothing is accepted under a ballot
// below it; one slot's accepted ballot only rises.
class Acceptor {
 public:
  enum class Verdict {
    kAccepted,       // recorded; the vote counts once durable
    kHad,            // accepted under this ballot before, or chosen: ask again for the vote
    kIgnored,        // not voted on: damaged slot, too far ahead of what is chosen here, log full
    kContradiction,  // another value has been accepted under this ballot, or is chosen: see Core
  };

  Acceptor(Core* core, Ballot promised) : core_(*core), promised_(promised) {}

  Ballot promised() const { return promised_; }
  // Writes the promise. REQUIRES: ballot > promised(). Returns its sequence number.
  uint64_t RaisePromise(Ballot ballot);
  // An entry accepted under this ballot was learned here: its leadership is older than we are.
  void OnLearned(Ballot ballot) { promised_ = std::max(promised_, ballot); }
  // Paxos phase 2a. `chosen` is this node's chosen prefix. REQUIRES: the entry's ballot is not
  // below promised().
  Verdict Accept(const Accepted& entry, Slot chosen);
  // Paxos phase 1b: what is known of the slots from `first` on, once the promise is durable.
  // REQUIRES: ballot == promised().
  void Report(NodeId to, Ballot ballot, Slot first, Slot chosen, Slot compacted);
  // Paxos phase 2b: what is durably accepted under `ballot` above the chosen prefix.
  AcceptOk DurableUnder(Ballot ballot, Slot chosen) const;
  // Highest slot that is durable without a gap below, under whatever ballots.
  Slot DurableUpTo(Slot chosen);

 private:
  void SendPromise(NodeId to, Promise chunk);

  Core& core_;
  Ballot promised_;
  Slot durable_ = 0;  // chosen, and durable without a gap below: that stays so
};

}  // namespace clustron::paxos
