// The leader: Paxos phase 2, pipelined. One slot per entry, at most window_slots open, chosen
// strictly in slot order.
//
// Flow: each voter has at most flight_bytes_max of accepts on their way to it, or one, and nothing
// that it would ignore as too far ahead. A voter that is slower than the others misses slots that
// they make chosen; it lags, and is sent nothing until it has pulled those. So no link has to drop
// what it carries, and nothing is sent twice while acknowledgements come in.
#pragma once

#include <deque>
#include <vector>

#include "cluster/paxos/acceptor.h"
#include "cluster/paxos/core.h"
#include "cluster/paxos/learner.h"

namespace clustron::paxos {

// INVARIANT: the own acceptor has promised nothing above ballot() (else the replica stops us);
// under ballot() each slot is given one value only.
class Leader {
 public:
  Leader(Core* core, Acceptor* acceptor, Learner* learner)
      : core_(*core), acceptor_(*acceptor), learner_(*learner) {}

  // Phase 1 of `ballot` is done. `inherited` goes first, from chosen() + 1 on; then the own no-op.
  void Start(Ballot ballot, std::vector<Value> inherited);
  // Forgets everything; what was open may or may not be chosen by others later.
  void Stop();

  bool CanPropose() const;
  bool CanProposeConfig() const;
  Slot Propose(EntryKind kind, Payload payload);
  void OnAcceptOk(NodeId from, const AcceptOk& ok);
  // News of how far a peer is: it may be sent more.
  void OnPeerHeard(NodeId from);
  // The link to it is new: what was on its way is lost.
  void OnLinkUp(NodeId peer);
  // This slot has been sent to the peer, and nothing says that it was lost.
  bool OnItsWay(NodeId peer, Slot slot) const;
  // It has been sent all that is chosen: from here on accepts are pushed.
  void OnPulledAll(NodeId peer);
  // The own votes count once the disk has them.
  void OnOwnDurable();
  // An entry was applied: a barrier may be over.
  void OnApplied();
  // False: slots are open whose votes were counted among the old members; only the entry that
  // changes them may be, so something is wrong and this leadership has to end.
  bool OnMembersChanged();
  void Tick();

  // Of the slots proposed and not chosen yet, in order. For invariants.
  size_t open_count() const { return open_.size(); }
  Slot first_open() const { return open_.empty() ? next_slot_ : open_.front().entry.slot; }
  Slot noop_slot() const { return noop_slot_; }
  Slot last_slot() const { return next_slot_ - 1; }
  Slot own_noop_slot() const { return noop_chosen_ ? noop_slot_ : kNoSlot; }
  // A peer has durably accepted (or knows) everything proposed so far.
  bool HasEverything(NodeId peer) const;
  bool idle() const { return open_.empty() && inherited_.empty(); }
  // The oldest open slot has been open for longer than it ever should, or the own disk, too far
  // behind for more, has not moved for so long.
  bool Stalled() const;
  // Members were changed by an entry that an earlier leader proposed: the promises that this
  // leadership rests on were those of the old members. Phase 1 has to be run again.
  bool needs_new_phase1() const { return needs_new_phase1_; }

 private:
  // Tells this leadership from any other, also of a life that has forgotten its ballots.
  Payload NoopPayload() const;
  struct Open {
    Accepted entry;
    Votes votes = 0;
    uint64_t own_seq = 0;  // 0: damaged here, or chosen already
    int64_t proposed_ns = 0;
  };
  // An accept on its way.
  struct Flight {
    Slot slot = kNoSlot;
    size_t bytes = 0;
    int64_t sent_ns = 0;
  };
  // How long an accept and its acknowledgement take, by Jacobson and Karels (RFC 6298). Only what
  // was sent once measures it (Karn): an acknowledgement does not say of which sending it is.
  class WayTime {
   public:
    void Measure(int64_t took_ns);
    // What takes longer is late.
    int64_t LateNs() const { return mean_ns_ + 4 * deviation_ns_; }

   private:
    int64_t mean_ns_ = 0;  // 0: not measured yet
    int64_t deviation_ns_ = 0;
  };
  struct Progress {
    NodeId node = kNoNode;
    Votes bit = 0;              // 0: a learner, which is told when it is chosen
    Slot up_to = 0;             // acknowledged without a gap
    Slot highest = 0;           // … and with gaps
    Slot next = 0;              // nothing from here on has been sent
    bool lags = false;          // slots below the open ones were chosen without being sent to it
    std::deque<Flight> flight;  // not acknowledged; by rising slot
    size_t flight_bytes = 0;
    size_t flight_bytes_max = 0;  // less after a loss, until acknowledgements come in
    int64_t moved_ns = 0;         // when one came last, or when the flight began
    uint32_t resends = 0;         // since the way's time was measured last
    Slot fresh = 0;               // from here on each accept is sent for the first time
    WayTime way;
  };

  void OpenSlot(Value value);
  void Pump();
  bool HasRoom() const;
  void ResetProgress();
  Progress* Find(NodeId node);
  // What the peer is known to have without a gap.
  Slot PrefixOf(const Progress& progress) const;
  void Acknowledge(Progress& progress, Slot up_to, uint64_t more);
  void EndFlight(Progress& progress);
  // Sends what it may be sent.
  void Push(Progress& progress);
  void Send(const Progress& progress, const Open& open);
  int64_t ResendAfterNs(const Progress& progress, size_t bytes) const;
  void ResendLost(Progress& progress);
  void AdvanceChosen();
  bool AtBarrier() const;
  bool SkipsTheQueue() const;  // planted bug: a later slot's votes are enough

  Core& core_;
  Acceptor& acceptor_;
  Learner& learner_;
  Ballot ballot_;
  std::deque<Open> open_;  // slots chosen() + 1 … next_slot_ - 1
  size_t open_bytes_ = 0;
  Slot next_slot_ = 1;
  std::deque<Value> inherited_;     // of phase 1, waiting for the window; the own no-op is the last
  std::vector<Progress> progress_;  // of all peers
  Slot noop_slot_ = kNoSlot;
  bool noop_chosen_ = false;
  Slot barrier_slot_ = kNoSlot;  // a kConfig: nothing is proposed behind it until it is applied
  bool barrier_inherited_ = false;
  bool needs_new_phase1_ = false;
  // As of the last tick; and when the own disk last did something, or had nothing that was urgent.
  uint64_t durable_seq_ = 0;
  int64_t disk_moved_ns_ = 0;
};

}  // namespace clustron::paxos
