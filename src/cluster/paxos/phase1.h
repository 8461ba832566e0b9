// The candidate: Paxos phase 1, once for every slot above the chosen prefix.
//
// It is done when
//   - a quorum 1 of complete, durable promises is there, the own one among them: a ballot under
//     which a node leads must be known to its own disk, or a later life of it takes it again;
//   - everything that any of them knows to be chosen has been learned here;
//   - every slot above that has a quorum 1 of *definite* answers. A node whose record of a slot is
//     damaged gives none for it: what it forgot may be the vote that chose a value.
// It asks once its own promise is durable, so no two lives of a node ever ask under one ballot.
// Until it is done it asks again; phase1_status() says what it is waiting for.
#pragma once

#include <map>
#include <vector>

#include "cluster/paxos/acceptor.h"
#include "cluster/paxos/core.h"
#include "cluster/paxos/learner.h"

namespace clustron::paxos {

class Phase1 {
 public:
  Phase1(Core* core, const Learner* learner) : core_(*core), learner_(*learner) {}

  // `own_seq` is the record of the own promise; `released` the ballot of a leader that handed over.
  void Start(Ballot ballot, Ballot released, uint64_t own_seq);
  void OnPromise(NodeId from, Promise promise);
  // Asks everybody once the own promise is durable.
  void OnDurable();
  // Asks again where answers are missing.
  void Tick();
  // No promise and no catch-up came for so long that others should have a chance.
  bool TimedOut() const;
  // Then: the next attempt has more patience.
  void GiveUp();

  // Paxos phase 2 may start. Updates the status.
  bool Done();
  // What must be proposed from chosen() + 1 on, in slot order: reported values, fillers for holes.
  // REQUIRES: Done() was true just now.
  std::vector<Value> TakeValues();

  const Phase1Status& status() const { return status_; }
  void Stop() { status_.running = false; }

 private:
  int64_t TransferNs() const;
  struct Voter {
    NodeId node = kNoNode;
    Votes bit = 0;
    Slot next = 1;  // the first slot it has not answered for yet
    bool complete = false;
  };

  bool OwnPromiseDurable() const;
  void Ask(const Voter& voter);
  void Merge(const Voter& voter, Promise promise);
  Votes Complete() const;
  Slot FirstIndefinite(Votes complete) const;
  Slot LastReported() const;

  Core& core_;
  const Learner& learner_;
  Ballot ballot_;
  Ballot released_;
  uint64_t own_seq_ = 0;
  bool asked_ = false;
  std::vector<Voter> voters_;          // all but self
  std::map<Slot, Accepted> reported_;  // highest ballot of each slot, own ones included at the end
  std::map<Slot, Votes> unknown_;      // who can't say
  Slot chosen_by_others_ = 0;
  Slot chosen_at_progress_ = 0;
  int64_t progress_ns_ = 0;
  int64_t asked_ns_ = 0;
  uint32_t asks_ = 0;      // that were in vain, since the last progress
  uint32_t attempts_ = 0;  // that timed out, since one succeeded
  Phase1Status status_;
};

}  // namespace clustron::paxos
