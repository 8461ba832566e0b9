// Linearizable reads without a log write. The leader reads its own state at once while its lease is
// valid; elsewhere, and without a lease, all reads of one turn share a round (read_rounds.h). The
// leader answers a round with its chosen slot and its clocks, without a lease after a quorum round
// of its own.
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/node/leader_view.h"
#include "cluster/node/node_clock.h"
#include "cluster/node/node_core.h"
#include "cluster/node/read_rounds.h"

namespace clustron::cluster {

class ReadIndex final : public MessageHandler {
 public:
  ReadIndex(NodeCore& core, const LeaderView& leader_view, const NodeClock& clock);

  // True if this node's state may be read at once; *grant has the clocks for what is due.
  bool CanReadNow(ReadGrant* grant) const;
  // The read waits for host.ReadsReady(round >= returned).
  uint64_t Join() { return rounds_.Join(core_.NowNs()); }
  // Asks the leader for what was joined.
  void Ask();
  // Another leader: what is not answered is asked again.
  void OnLeaderChanged() { again_ = again_ || rounds_.Unanswered(); }
  void Deliver();
  void Expire(int64_t now_ns);

  // --- The leader's side
  // kReadAsk, kReadGrant. What the leader can't answer is dropped: the asker asks again.
  bool OnMessage(NodeId from, WireKind kind, std::string_view body) override;
  // The core's read rounds up to this one are confirmed.
  void OnRoundConfirmed(uint64_t round);
  void OnLeadingEnds() { waiting_.clear(); }
  // The replicated setting: nothing is to rest on the leader's lease.
  void SetQuorumReads(bool quorum) { quorum_reads_ = quorum; }
  // Leading for certain without asking anybody: alone, or by a valid lease where the cluster lets
  // it be used.
  bool LeadsByLease(int64_t now_ns) const {
    return core_.alone() || (!quorum_reads_ && core_.replica.LeaseValid(now_ns));
  }

 private:
  struct Waiting {  // for a quorum round
    NodeId from;
    uint64_t id;
    uint64_t read_round;
    Slot index;
  };
  void Serve(NodeId from, uint64_t id);
  void Grant(NodeId to, uint64_t id, Slot index);

  NodeCore& core_;
  const LeaderView& leader_view_;
  const NodeClock& clock_;
  ReadRounds rounds_;
  bool again_ = false;
  bool quorum_reads_ = false;
  std::vector<Waiting> waiting_;
};

}  // namespace clustron::cluster
