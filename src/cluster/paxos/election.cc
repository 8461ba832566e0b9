#include "cluster/paxos/election.h"

#include <algorithm>

#include "base/reach.h"

namespace clustron::paxos {

namespace {

// A better log than ours is worth this many rounds of waiting, not more: its owner may be one that
// no quorum reaches.
constexpr int kRoundsForBetterLog = 2;
// A node that rejoined with a later promise is not worth a new ballot until this is sure to be no
// race with a late answer.
constexpr int kStalePromiseRounds = 2;

}  // namespace

Election::Election(Core* core) : core_(*core), round_end_ns_(core->now_ns) {}

void Election::OnReply(NodeId from, const HeartbeatReply& reply) {
  OnBallotSeen(reply.promised);
  OnBallotSeen(reply.leader);
  if (reply.probe < round_probe_ || !core_.membership.IsVoter(from)) return;
  for (Answer& answer : answers_) {
    if (answer.node != from) continue;
    if (reply.probe >= answer.reply.probe) answer.reply = reply;
    return;
  }
  answers_.push_back({from, reply});
}

uint64_t Election::NextRound(Ballot promised) const {
  return std::max(round_seen_, promised.round) + 1;
}

void Election::Hurry() { bad_rounds_ = static_cast<int>(core_.config.bad_rounds_max) - 1; }

Election::Action Election::EndRound(const Self& self, uint64_t next_probe) {
  Action action = Action::kNone;
  if (self.role == Role::kLeader) {
    happy_ = JudgeLeader(self, &action);
  } else {
    happy_ = FollowsHappyLeader(self);
  }
  bad_rounds_ = happy_ ? 0 : bad_rounds_ + 1;
  if (self.role == Role::kLeader && bad_rounds_ >= static_cast<int>(core_.config.bad_rounds_max)) {
    REACH("paxos.leader_without_quorum_steps_down");
    action = Action::kStepDown;
  }
  if (self.role == Role::kFollower && bad_rounds_ >= Patience(self) && MayTakeOver(self)) {
    action = Action::kTakeOver;
  }
  answers_.clear();
  round_probe_ = next_probe;
  const int64_t fifth = core_.config.round_ns / 5;
  round_end_ns_ = core_.now_ns + core_.rng.Between(4 * fifth, 6 * fifth);
  return action;
}

bool Election::JudgeLeader(const Self& self, Action* action) {
  Votes followers = core_.membership.self_bit();
  bool stale_promise = false;
  for (const Answer& answer : answers_) {
    if (answer.reply.leader > self.ballot && answer.reply.happy) {
      REACH("paxos.leader_sees_later_leader");
      *action = Action::kStepDown;
      return false;
    }
    if (answer.reply.promised <= self.ballot) {
      followers |= core_.VoteOf(answer.node);
    } else {
      stale_promise = true;
    }
  }
  stale_promise_rounds_ = stale_promise ? stale_promise_rounds_ + 1 : 0;
  const bool quorum = core_.membership.IsQuorum2(followers);
  if (stale_promise && stale_promise_rounds_ >= kStalePromiseRounds) {
    REACH("paxos.leader_raises_ballot");
    stale_promise_rounds_ = 0;
    *action = Action::kRaiseBallot;
  }
  return quorum;
}

bool Election::FollowsHappyLeader(const Self& self) const {
  for (const Answer& answer : answers_) {
    const bool leads = answer.reply.leader && answer.reply.leader.node == answer.node;
    if (leads && answer.reply.happy && answer.reply.leader >= self.promised) return true;
  }
  return false;
}

bool Election::MayTakeOver(const Self& self) const {
  if (!self.may_lead) return false;
  for (const Answer& answer : answers_) {
    if (answer.reply.happy) return false;
  }
  const Votes heard = Heard();
  return core_.membership.IsQuorum1(heard) && core_.membership.IsQuorum2(heard);
}

Votes Election::Heard() const {
  Votes heard = core_.membership.self_bit();
  for (const Answer& answer : answers_) heard |= core_.VoteOf(answer.node);
  return heard;
}

int Election::Patience(const Self& self) const {
  // A group that never had a leader has none to wait for.
  bool untouched = !self.promised;
  bool better_log = false;
  for (const Answer& answer : answers_) {
    untouched = untouched && !answer.reply.promised;
    better_log = better_log || answer.reply.durable > self.last + core_.config.window_slots;
  }
  if (untouched) return 1;
  const int rounds = static_cast<int>(core_.config.bad_rounds_max);
  return better_log ? rounds + kRoundsForBetterLog : rounds;
}

}  // namespace clustron::paxos
