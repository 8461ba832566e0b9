// The learner: which slots are chosen, in what order they are applied, and how gaps are closed.
#pragma once

#include <vector>

#include "cluster/paxos/acceptor.h"
#include "cluster/paxos/core.h"

namespace clustron::paxos {

// A slot becomes chosen here in one of three ways:
//   - the leader (this node) counted a quorum 2 of durable votes;
//   - the leader of ballot b says "chosen up to s", and what is accepted here was accepted under b:
//     under one ballot a slot has one value, so it is the chosen one;
//   - a peer sent the chosen value itself (catch-up).
// INVARIANT: a cell marked chosen under ballot b holds the slot's chosen value, and it was chosen
// under b or an earlier ballot. So an acceptor's entry under b or later has the same value.
class Learner {
 public:
  Learner(Core* core, const Recovered& recovered);

  // Everything up to it is chosen and known here.
  Slot chosen() const { return chosen_; }
  Slot applied() const { return applied_; }
  Slot compacted() const { return compacted_; }
  // The highest slot that anybody said is chosen.
  Slot chosen_elsewhere() const { return chosen_elsewhere_; }

  const Accepted* NextChosen() const;
  void Advance();
  // A chosen kConfig entry is not applied yet: the members known here are stale.
  bool ConfigPending() const;

  // The leader of `ballot` says so.
  void OnChosen(Ballot ballot, Slot up_to);
  // This node, leading, has the votes. REQUIRES: slot <= chosen() + 1.
  void OnOwnQuorum(const Accepted& entry);
  // Some node says that slots up to `chosen` are chosen: not enough to know what.
  void OnPeerChosen(Slot chosen) { chosen_elsewhere_ = std::max(chosen_elsewhere_, chosen); }

  // Returns the last slot that was sent; 0: none.
  Slot OnCatchUpRequest(NodeId from, const CatchUpRequest& request);
  // What it asked for has been sent: it is to wait, and to ask nobody else.
  void SayOnItsWay(NodeId peer);
  void OnLinkUp(NodeId peer);
  // The highest ballot of the records that it makes: they imply its promise.
  Ballot OnCatchUpReply(NodeId from, const CatchUpReply& reply);
  // The slot's chosen value, from whomever. True: it makes a record.
  bool LearnValue(const Accepted& entry);
  void InstallSnapshot(Slot upto);
  void Compact(Slot upto) { compacted_ = std::max(compacted_, std::min(upto, applied_)); }

  // What is applied may leave memory when there is much of it, once the own disk has it. To be
  // called when either has grown.
  void TrimMemory();
  // Asks for what is missing; writes the chosen hint. `prefer` is whom to ask first.
  void Tick(NodeId prefer);
  // Puts a hint beside records that go to disk anyway.
  void WriteHint();

 private:
  void RaiseChosen();
  void RequestFrom(NodeId peer);
  NodeId PickPeer(NodeId prefer);
  bool ServedLately(NodeId peer, Slot first) const;

  Core& core_;
  Slot chosen_;
  Slot applied_;
  Slot compacted_;
  Slot chosen_elsewhere_;
  Slot hint_written_;
  int64_t hint_due_ns_ = 0;
  int64_t behind_since_ns_ = -1;  // without any progress; -1: not behind
  Slot behind_at_ = 0;            // chosen() then
  int64_t requested_ns_ = -1;     // -1: nothing asked for
  size_t requests_failed_ = 0;    // unanswered in a row; turns to the next peer
  // What was last sent to each peer that asked, and may be on its way.
  struct Served {
    NodeId peer;
    Slot first;
    int64_t until_ns;
  };
  std::vector<Served> served_;
};

}  // namespace clustron::paxos
