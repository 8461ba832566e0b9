// Entries that somebody waits for because of their clocks. All who ask in one turn share a round
// (read_rounds.h); the leader answers when an entry with clocks not older than the question is
// applied there, and tells its slot.
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/node/leader_view.h"
#include "cluster/node/node_core.h"
#include "cluster/node/proposer.h"
#include "cluster/node/read_rounds.h"

namespace clustron::cluster {

class TickIndex final : public MessageHandler, public ProposalListener {
 public:
  TickIndex(NodeCore& core, const LeaderView& leader_view, Proposer& proposer);

  // The caller waits for host.TicksReady(tick >= returned). What that entry left in place may be
  // read, whatever its clocks turn out to be.
  uint64_t Join() { return rounds_.Join(core_.NowNs()); }
  // Asks the leader for what was joined.
  void Ask();
  // Another leader: what is not answered is asked again.
  void OnLeaderChanged() { again_ = again_ || rounds_.Unanswered(); }
  void Deliver();
  void Expire(int64_t now_ns);

  // --- The leader's side
  // kTickAsk, kTickGrant. What the leader can't serve is dropped: the asker asks again.
  bool OnMessage(NodeId from, WireKind kind, std::string_view body) override;
  void OnProposed(Slot slot) override;
  // Answers those whose entry is applied here: then the slot is chosen, and will be applied where
  // it is waited for.
  void Grant();
  void OnLeadingEnds() { waiting_.clear(); }

 private:
  struct Waiting {
    NodeId from;
    uint64_t id;
    Slot slot;  // of an entry proposed since; kNoSlot: none is yet
  };
  void Serve(NodeId from, uint64_t id);

  NodeCore& core_;
  const LeaderView& leader_view_;
  Proposer& proposer_;
  ReadRounds rounds_;
  bool again_ = false;
  std::vector<Waiting> waiting_;
};

}  // namespace clustron::cluster
