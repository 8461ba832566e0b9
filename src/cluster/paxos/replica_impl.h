// The inside of Replica: the roles and who may call whom. Internal to the folder; tests and
// invariants look in here.
#pragma once

#include <deque>
#include <string>

#include "cluster/paxos/acceptor.h"
#include "cluster/paxos/core.h"
#include "cluster/paxos/election.h"
#include "cluster/paxos/leader.h"
#include "cluster/paxos/learner.h"
#include "cluster/paxos/lease.h"
#include "cluster/paxos/phase1.h"
#include "cluster/paxos/replica.h"

namespace clustron::paxos {

// INVARIANT: role != kFollower implies acceptor.promised() == ballot.
struct Replica::Impl {
  Impl(const Config& config, const Recovered& recovered, Rng rng, int64_t now_ns);

  // --- Inputs
  void Tick();
  void Step(NodeId from, Message message);
  void OnDurable(uint64_t seq);
  void OnLinkUp(NodeId peer);
  void TakeReady(Ready* ready);
  uint64_t StartReadRound();
  void InstallSnapshot(Slot upto);
  void SetMembers(const Members& members);
  void Repair(const Accepted& chosen);

  void On(NodeId from, Heartbeat& m);
  std::optional<HeartbeatReply> AnswerWhileBusy(NodeId from, const Heartbeat& m);
  std::optional<Heartbeat> HeartbeatWhileBusy();
  void On(NodeId from, HeartbeatReply& m);
  void On(NodeId from, Prepare& m);
  void On(NodeId from, Promise& m);
  void On(NodeId from, Nack& m);
  void On(NodeId from, Accept& m);
  void On(NodeId from, AcceptOk& m);
  void On(NodeId from, Chosen& m);
  void On(NodeId from, CatchUpRequest& m);
  void On(NodeId from, CatchUpReply& m);
  void On(NodeId from, Release& m);

  // --- Transitions
  void BecomeFollower();
  void StartPhase1(Ballot released);
  void TryFinishPhase1();
  // A leader of this ballot is at work. REQUIRES: not below the promise.
  void Follow(Ballot leader_ballot);
  // Ends the own leadership, in words to everybody. `target`: who should take over.
  void Abdicate(NodeId target);

  // --- Helpers
  bool MayLead(Ballot released) const;
  bool Votes() const { return voting && core.membership.self_votes(); }
  void SetVoting(bool votes);
  // `from` leads with this ballot as far as we know: follow it, and promise it a lease.
  bool Recognizes(NodeId from, Ballot ballot) const;
  HeartbeatReply ReplyTo(const Heartbeat& m, bool leads);
  Heartbeat NextHeartbeat();
  // Met two values of one slot: does nothing any more, so that it can do no harm.
  bool halted() const { return !core.contradiction.empty(); }
  // `from` says that it leads, led or wants to lead under it.
  void NoteBallot(NodeId from, Ballot theirs);
  void NotePeer(NodeId from, Slot chosen, const std::string& peer_blob);
  void AfterLearning(Ballot highest);
  void LearnFromLeader(Ballot of_leader, Slot up_to);
  void EndElectionRound();
  void SendHeartbeats();
  void TickLeader();
  void TickTransfer();
  void FlushAccepted();
  void FlushChosen();
  void ConfirmReads();
  Ballot LeaderBallot() const { return role == Role::kLeader ? ballot : leader_ballot; }

  // A caller's clock that steps back is taken to stand still.
  void SetNow(int64_t now_ns) { core.now_ns = std::max(core.now_ns, now_ns); }

  Core core;
  Acceptor acceptor;
  Learner learner;
  Election election;
  LeaseGrant grant;
  LeaseHolder lease;
  Phase1 phase1;
  Leader leader;

  bool voting = true;  // unless the driver has said that this node has no vote
  Role role = Role::kFollower;
  Ballot ballot;         // the own one while candidate or leader
  Ballot leader_ballot;  // follower: of the leader it follows; zero: none
  std::string blob;

  // Probes number the heartbeats. They start at random, so that answers to an earlier process of
  // this node are not taken for answers to this one.
  uint64_t last_probe;
  int64_t heartbeat_due_ns = 0;
  int64_t last_tick_ns = 0;
  bool heartbeat_wanted = false;  // somebody waits for answers to fresh probes

  Ballot ack_ballot;             // of the last accept
  uint64_t last_accept_seq = 0;  // its record
  bool ack_due = false;
  Slot chosen_told = 0;  // leader: the others have been told

  NodeId transfer_to = kNoNode;
  int64_t transfer_deadline_ns = 0;

  struct ReadRound {
    uint64_t id;
    uint64_t probe;  // its first probe; 0: not sent yet
  };
  std::deque<ReadRound> reads;
  uint64_t last_read_id = 0;
  uint64_t read_confirmed = 0;

  // As of the last TakeReady: role, and ballot led or followed.
  Role told_role = Role::kFollower;
  Ballot told_ballot;
};

}  // namespace clustron::paxos
