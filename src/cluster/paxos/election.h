// Who should lead: ballot leader election by quorum connectivity, after OmniPaxos (Ng, Haridi,
// Carbone, EuroSys 2023).
//
// Every node polls every voter once a round, and each answer says what the answerer follows and
// whether it is *happy*: a leader is happy if a quorum answers it, any other node if its leader
// answered and is happy. A node takes over only if it has been unhappy for some rounds, hears a
// quorum, and everybody it hears is unhappy too. So
//   - a node that lost only its link to the leader does not disturb it, nor does one that rejoins;
//   - a node that a quorum can reach gets to lead, whatever its log: phase 1 brings it the rest;
//   - an answer proves both directions of a link, so one-way links count as cut.
// Ballots settle only races; they never make a node more electable.
#pragma once

#include "cluster/paxos/core.h"

namespace clustron::paxos {

class Election {
 public:
  enum class Action {
    kNone,
    kTakeOver,
    kStepDown,     // leader: no quorum answers, or another leader of a higher ballot has one
    kRaiseBallot,  // leader: a peer can't follow because of a promise to someone who failed
  };
  // What the replica knows of itself at the end of a round.
  struct Self {
    Role role = Role::kFollower;
    Ballot ballot;  // leader, candidate: the own one
    Ballot promised;
    bool may_lead = false;  // votes, and no lease or silence forbids it
    Slot last = 0;          // highest slot durable without a gap
  };

  explicit Election(Core* core);

  // True once at the start of each round: the replica polls everybody, with probes from `probe` on.
  bool RoundDue() const { return core_.now_ns >= round_end_ns_; }
  // The round ends so much later.
  void Extend(int64_t ns) { round_end_ns_ += ns; }
  // Judges the round that ends and starts the next.
  Action EndRound(const Self& self, uint64_t next_probe);
  void OnReply(NodeId from, const HeartbeatReply& reply);

  bool happy() const { return happy_; }
  // No good leader for so long that the one known so far is to be forgotten.
  bool leaderless() const { return bad_rounds_ >= static_cast<int>(core_.config.bad_rounds_max); }
  // Above every ballot heard of.
  uint64_t NextRound(Ballot promised) const;
  void OnBallotSeen(Ballot ballot) { round_seen_ = std::max(round_seen_, ballot.round); }

  void OnLeading() {
    happy_ = true;
    bad_rounds_ = 0;
  }
  // Another candidate is at work: leave it time for it.
  void GiveWay() { bad_rounds_ = 0; }
  // No use in waiting: one bad round is enough.
  void Hurry();
  // After leading: the others first.
  void StandBack() { bad_rounds_ = -static_cast<int>(core_.config.bad_rounds_max); }

 private:
  struct Answer {
    NodeId node = kNoNode;
    HeartbeatReply reply;
  };
  bool JudgeLeader(const Self& self, Action* action);
  bool FollowsHappyLeader(const Self& self) const;
  bool MayTakeOver(const Self& self) const;
  Votes Heard() const;
  int Patience(const Self& self) const;

  Core& core_;
  int64_t round_end_ns_;
  uint64_t round_probe_ = 0;     // answers to older probes belong to earlier rounds
  std::vector<Answer> answers_;  // of voters in this round, the newest of each
  bool happy_ = false;
  int bad_rounds_ = 0;  // in a row; negative: stands back
  int stale_promise_rounds_ = 0;
  uint64_t round_seen_ = 0;
};

}  // namespace clustron::paxos
