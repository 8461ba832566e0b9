// What a leader makes entries of: the items of all nodes, batched (batcher.h), with the clocks. An
// entry may also be wanted for its clocks alone (a tick).
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/node/batcher.h"
#include "cluster/node/leader_view.h"
#include "cluster/node/node_clock.h"
#include "cluster/node/node_core.h"
#include "cluster/node/revision_reserve.h"
#include "cluster/node/roster.h"

namespace clustron::cluster {

class ProposalListener {
 public:
  // An entry with the clocks of now is proposed for this slot.
  virtual void OnProposed(Slot slot) = 0;

 protected:
  ~ProposalListener() = default;
};

class Proposer final : public MessageHandler {
 public:
  Proposer(NodeCore& core, const LeaderView& leader_view, const NodeClock& clock,
           const Roster& roster, const RevisionReserve& reserve, ProposalListener& listener);

  // --- Items
  // kForward. Only what was meant for this leadership is taken: anything else is sent again by its
  // origin. It may come before the own no-op is applied, and waits for that.
  bool OnMessage(NodeId from, WireKind kind, std::string_view body) override;
  // Of this node's own clients.
  void AddFromHere(std::string_view item);
  // Of the server itself.
  void AddOwn(std::string_view item) { batcher_.AddOwn(item); }
  void AddOwnFirst(std::string_view item) { batcher_.AddOwnFirst(item); }
  // An item was applied that left a gap in its session.
  void OnGap(Session session, uint64_t next_sequence) { batcher_.Rewind(session, next_sequence); }
  bool Empty() const { return batcher_.Empty(); }
  // Another leader, or this node leads no more.
  void Reset() { batcher_.Reset(); }

  // --- Entries
  // A leadership begins here.
  void Begin();
  // An entry is wanted for its clocks.
  void WantTick() { tick_wanted_ = true; }
  // As many entries as may be open.
  void Propose();
  // What was proposed last in this leadership has clocks that are not older than now's: its slot.
  // Else kNoSlot.
  Slot SlotWithLiveClocks() const;

  // --- What goes with them
  // Of items of clients: the verdicts of this node, should it lead.
  uint8_t Verdicts() const;
  // Over maxmemory here.
  void SetOverMemory(bool over) { over_memory_ = over; }
  bool over_memory() const { return over_memory_; }
  // While set (CLIENT PAUSE), the entries that this node proposes leave in place what is due: it
  // counts as gone, but is there.
  void SetKeepDue(bool keep) { keep_due_ = keep; }
  // Of the entries that this node proposes: EntryFlag.
  uint16_t Flags() const {
    const uint16_t version = core_.state.feature_version();
    uint16_t flags = 0;
    if (keep_due_ && version >= kEntriesHaveFlags) flags |= kEntryKeepsDue;
    if (over_memory_ && version >= kBuildsStop) flags |= kEntryNoMemory;
    return flags;
  }

 private:
  bool OnForward(NodeId from, Ballot ballot, std::string_view items);

  NodeCore& core_;
  const LeaderView& leader_view_;
  const NodeClock& clock_;
  const Roster& roster_;
  const RevisionReserve& reserve_;
  ProposalListener& listener_;
  Batcher batcher_;
  bool tick_wanted_ = false;
  bool over_memory_ = false;
  bool keep_due_ = false;
  // The clocks of the entry that was proposed last in this leadership, and its slot. Elapsed must
  // not fall behind it; before feature version 2 neither must the wall.
  int64_t elapsed_ms_ = 0;
  int64_t wall_ms_ = 0;
  Slot slot_ = paxos::kNoSlot;
};

}  // namespace clustron::cluster
