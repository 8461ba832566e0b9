// One member of the cluster: the consensus core, its log, the replicated state and this node's own
// session, put together from parts with a duty each (node_parts.h). In here is what happens in
// which order. A node knows nothing of sockets, threads or RESP, so the simulator runs it as it is.
//
// The transport calls: OnMessage, OnPeerUp, OnPeerDown as things happen.
// The owner calls:     Tick (every 10 ms) and the parts' client calls as things happen; EndOfTurn
//                      once after each turn of its loop, before replies are written.
// The node calls:      Transport for messages to other nodes, NodeHost for all else that leaves it.
//
// What happens when (docs/architecture.md tells it as a story):
//   WritePath::Submit (numbered) → [forward to the leader] → Proposer → Replica::Propose
//   → LogStore and peers at once (Pump) → chosen → StateMachine::Apply on every node
//   → WritePath::Take on the node that has the client, which replies.
//
// THREAD: core loop. OWNS: its parts; borrows log, state machine, transport, host.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/node/node_parts.h"

namespace clustron::cluster {

class Node final : public TransportListener,
                   private LeaderViewListener,
                   private PumpListener,
                   private HaltSwitch {
 public:
  // `log` is open, `state` is at the newest snapshot plus the entries that the log knows to be
  // chosen (server/process/boot.h).
  Node(const NodeConfig& config, const Clock& clock, LogStore& log, StateMachine& state,
       persist::SnapshotStore& snapshots, Transport& transport, NodeHost& host,
       paxos::Recovered recovered);

  NodeParts& parts() { return parts_; }
  const NodeParts& parts() const { return parts_; }

  // --- Events --------------------------------------------------------------------------------

  // TransportListener. While busy only heartbeats are answered.
  bool OnMessage(NodeId from, std::string message) override;
  bool OnMessageWhileBusy(NodeId from, std::string_view message) override;
  void OnPeerUp(NodeId peer) override;
  void OnPeerDown(NodeId peer) override;
  void TickWhileBusy();
  void Tick();
  void EndOfTurn();

  // --- Control and state ---------------------------------------------------------------------

  // Stops everything but failing the clients that wait: no vote, no message, no record, no entry
  // applied. What the disk and the state hold stays as it is. `reason`: for people.
  void Halt(HaltCause cause, const std::string& reason) override;
  bool halted() const { return parts_.core.halted; }
  void Publish(std::string_view body);  // to all other nodes
  NodeId self() const { return parts_.core.self(); }
  NodeId leader() const { return halted() ? paxos::kNoNode : replica().leader(); }
  bool leading() const { return parts_.leader.leading(); }  // leader with its own no-op applied
  bool leader_in_sight() const { return parts_.leader.in_sight(); }
  bool alone() const { return parts_.core.alone(); }
  Session session() const { return origin().session(); }
  Ballot ballot() const { return replica().ballot(); }
  const paxos::Replica& replica() const { return parts_.core.replica; }
  const LogStore& log() const { return parts_.core.log; }
  const Origin& origin() const { return parts_.writes.origin(); }
  const Roster& roster() const { return parts_.roster; }
  // Who they are, as the state says; what this node knows of their lives: roster().watch().
  const AppliedMembers& members() const { return parts_.core.members; }
  int64_t NowNs() const { return parts_.core.NowNs(); }
  // The state is being replaced by a snapshot: it may not be looked at.
  bool restoring() const { return parts_.core.restoring; }
  // See Pump.
  bool backlog() const { return parts_.pump.backlog(); }
  // The next turn goes on with something. A halted node goes on with nothing.
  bool has_work() const { return !halted() && (backlog() || parts_.snapshot_receiver.busy()); }
  // Alone: leading, and all that its log had and what its state begins with is applied. With peers
  // there is no such moment to wait for.
  bool Settled() const;

 private:
  // LeaderViewListener
  void OnLeadingBegins() override;
  void OnLeadingEnds() override;
  void OnLeaderChanged() override;
  // PumpListener
  void OnRoundConfirmed(uint64_t round) override;
  void OnEntriesApplied() override { parts_.calls.leader.Retry(); }

  // What a member says that is no introduction is taken.
  bool Takes(NodeId from) const;
  bool OnPaxos(NodeId from, std::string message, std::string_view body);
  MessageHandler* HandlerOf(WireKind kind);
  void SendToAll(Urgency urgency, const std::string& message);
  void ExpireClients(int64_t now_ns);

  NodeParts parts_;
};

}  // namespace clustron::cluster
