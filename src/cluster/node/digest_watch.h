// Are the others' states the same as this one? Heartbeats and their answers carry the last digest;
// whoever has kept that slot compares, and tells the other when they differ (divergence.h says who
// is wrong). A leader looks for peers that have more than it ever proposed: they belong to another
// log, whatever their digests say. And introductions say which leaders wrote the peers' logs.
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string_view>

#include "cluster/node/divergence.h"
#include "cluster/node/leader_view.h"
#include "cluster/node/node_core.h"
#include "cluster/node/roster.h"
#include "cluster/wire/leaderships.h"

namespace clustron::cluster {

class DigestWatch final : public MessageHandler {
 public:
  DigestWatch(NodeCore& core, const LeaderView& leader_view, const Roster& roster,
              HaltSwitch& halt);

  // Some peer's state differs from this one's, from no later slot on; 0: none is known.
  Slot diverged_slot() const { return diverged_slot_; }
  // Nothing of such a peer is taken: what it has would replace what may be the only copy here.
  bool HasOtherLog(NodeId peer) const { return other_logs_.contains(peer); }
  // Nor a snapshot of such a one.
  bool Differs(NodeId peer) const { return divergence_.Differs(peer); }
  // What a peer's last heartbeat, or its answer to one, says of its state. Only of the life that
  // the peer has introduced: an older one's words may still be around. False: nothing.
  bool NewsOf(const paxos::PeerStatus& peer, StateNews* news) const;

  // Every 100 ms or so.
  void Tick(int64_t now_ns);
  // What a peer introduced itself with: its boot counter.
  void OnPeerStarted(NodeId peer, uint64_t boot);
  // A peer's introduction comes before anything else of it, so nothing of another log is learned.
  void OnIntroduced(NodeId peer, const Introduction& said);
  // kDigestAsk, kDigest, kBeyond
  bool OnMessage(NodeId from, WireKind kind, std::string_view body) override;
  // The core's read rounds up to this one are confirmed.
  void OnRoundConfirmed(uint64_t round);
  void OnLeadingEnds() { beyond_round_ = 0; }
  // What was known of differences was about another state.
  void ForgetState() { divergence_ = {}; }
  // Compares what introductions said with this state's own log.
  void CompareLogs();

 private:
  // Which leaders wrote a peer's log.
  struct ToldLog {
    Slot applied = 0;
    Leaderships leaderships;
  };
  bool ContradictedByLogs() const;
  void OnClaim(NodeId peer, Slot slot, uint64_t digest);
  bool OnBeyond(NodeId from, std::string_view body);
  void SendDigest(NodeId to, Slot slot);
  void TellNews();
  void LookBeyond(int64_t now_ns);
  void JudgeBeyond();
  void Judge();
  void Alarm(const std::set<NodeId>& wrong, Slot slot);

  NodeCore& core_;
  const LeaderView& leader_view_;
  const Roster& roster_;
  HaltSwitch& halt_;
  Divergence divergence_;
  int64_t asked_ns_ = 0;
  Slot diverged_slot_ = 0;  // an alarm, in INFO
  // As leader: peers that claimed more than was proposed when the read round began that is to show
  // that this is the leader still.
  std::map<NodeId, Slot> beyond_;
  Slot beyond_last_ = 0;
  uint64_t beyond_round_ = 0;
  std::set<NodeId> beyond_shown_;  // of whom that was shown, until they start anew
  std::map<NodeId, ToldLog> told_logs_;
  std::map<NodeId, Slot> other_logs_;  // whose log is another one: from where on, at least
  std::set<NodeId> alarmed_;           // whose states are said to differ
  std::map<NodeId, uint64_t> boots_;   // of peers
};

}  // namespace clustron::cluster
