#include "cluster/paxos/replica_impl.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::paxos {

namespace {

Ballot HighestBallot(const Recovered& recovered) {
  Ballot highest = recovered.promised;
  for (const Accepted& entry : recovered.accepted) highest = std::max(highest, entry.ballot);
  return highest;
}

// Nobody else can have had a lease from the only voter.
int64_t SilentUntil(const Config& config, const Recovered& recovered, int64_t now_ns) {
  const bool alone = config.members.voters.size() == 1;
  if (!recovered.restarted || alone || Planted(Bug::kLeaseSurvivesRestart)) return 0;
  if (Planted(Bug::kLongerLeaseForgotten)) return now_ns + config.lease_ns;
  return now_ns + std::max(config.lease_ns, recovered.longest_lease_ns);
}

}  // namespace

Replica::Impl::Impl(const Config& config, const Recovered& recovered, Rng rng, int64_t now_ns)
    : core(config, recovered.applied_up_to + 1, rng, now_ns),
      acceptor(&core, HighestBallot(recovered)),
      learner(&core, recovered),
      election(&core),
      grant(SilentUntil(config, recovered, now_ns)),
      lease(&core),
      phase1(&core, &learner),
      leader(&core, &acceptor, &learner),
      last_probe(core.rng.Next() >> 8) {
  CHECK(config.window_slots >= 1);
  CHECK(config.window_slots <= kWindowSlotsMax);
  CHECK(config.ahead_slots_max >= config.window_slots);
  CHECK(config.heartbeat_ns > 0 && config.heartbeat_ns <= config.round_ns);
  CHECK(config.lease_drift >= 0 && config.lease_drift < 0.5);
}

// --- Time ---

void Replica::Impl::Tick() {
  if (halted()) return;
  // Time in which this node itself did not run says nothing about the others: what they said is
  // still to be read. A round ends that much later.
  const int64_t present_max_ns = core.config.round_ns / 2;
  if (last_tick_ns != 0 && core.now_ns - last_tick_ns > present_max_ns) {
    REACH("paxos.own_absence_not_counted");
    election.Extend(core.now_ns - last_tick_ns - present_max_ns);
  }
  last_tick_ns = core.now_ns;
  if (core.membership.sole_voter() && role == Role::kFollower && MayLead({})) StartPhase1({});
  if (election.RoundDue()) EndElectionRound();
  if (role == Role::kCandidate) {
    phase1.Tick();
    if (phase1.TimedOut() && !core.membership.sole_voter()) {
      REACH("paxos.candidate_gives_up");
      phase1.GiveUp();
      BecomeFollower();
    } else {
      TryFinishPhase1();
    }
  }
  if (role == Role::kLeader) TickLeader();
  learner.Tick(LeaderBallot().node);
}

void Replica::Impl::EndElectionRound() {
  Election::Self self;
  self.role = role;
  self.ballot = ballot;
  self.promised = acceptor.promised();
  self.may_lead = MayLead({});
  self.last = acceptor.DurableUpTo(learner.chosen());
  switch (election.EndRound(self, last_probe + 1)) {
    case Election::Action::kNone:
      break;
    case Election::Action::kTakeOver:
    case Election::Action::kRaiseBallot:
      StartPhase1({});
      break;
    case Election::Action::kStepDown:
      Abdicate(kNoNode);
      break;
  }
  if (role == Role::kFollower && election.leaderless()) leader_ballot = {};
  if (role != Role::kLeader) SendHeartbeats();
}

void Replica::Impl::SendHeartbeats() {
  const Heartbeat heartbeat = NextHeartbeat();
  for (NodeId peer : core.membership.peers()) core.outbox.Send(peer, heartbeat);
  // An ordinary one serves the reads that have come before it as well.
  if (!reads.empty() && reads.back().probe == 0) reads.back().probe = heartbeat.probe;
  heartbeat_wanted = false;
}

// Read rounds that wait go with the next ordinary one.
std::optional<Heartbeat> Replica::Impl::HeartbeatWhileBusy() {
  if (halted() || role != Role::kLeader || core.now_ns < heartbeat_due_ns) return std::nullopt;
  return NextHeartbeat();
}

Heartbeat Replica::Impl::NextHeartbeat() {
  Heartbeat heartbeat;
  heartbeat.probe = ++last_probe;
  heartbeat.sent_ns = core.now_ns;
  heartbeat.ballot = role == Role::kLeader ? ballot : Ballot{};
  heartbeat.chosen = learner.chosen();
  heartbeat.blob = blob;
  heartbeat_due_ns = core.now_ns + core.config.heartbeat_ns;
  return heartbeat;
}

void Replica::Impl::TickLeader() {
  if (core.now_ns >= heartbeat_due_ns) SendHeartbeats();
  if (leader.needs_new_phase1()) {
    StartPhase1({});
    return;
  }
  leader.Tick();
  if (leader.Stalled()) {
    REACH("paxos.stalled_leader_steps_down");
    Abdicate(kNoNode);
    return;
  }
  TickTransfer();
}

void Replica::Impl::TickTransfer() {
  if (transfer_to == kNoNode) return;
  if (leader.idle() && leader.HasEverything(transfer_to)) {
    REACH("paxos.leadership_handed_over");
    Abdicate(transfer_to);
  } else if (core.now_ns >= transfer_deadline_ns) {
    REACH("paxos.hand_over_called_off");
    transfer_to = kNoNode;
  }
}

// --- Transitions ---

bool Replica::Impl::MayLead(Ballot released) const {
  return Votes() && !grant.Blocks(core.membership.self(), released, core.now_ns);
}

void Replica::Impl::BecomeFollower() {
  role = Role::kFollower;
  ballot = {};
  leader_ballot = {};
  leader.Stop();
  phase1.Stop();
  lease.Reset();
  reads.clear();
  transfer_to = kNoNode;
}

void Replica::Impl::StartPhase1(Ballot released) {
  BecomeFollower();
  role = Role::kCandidate;
  ballot = {election.NextRound(acceptor.promised()), core.membership.self()};
  if (PlantedBallotTwice() && released) ballot.round = acceptor.promised().round + 1;
  phase1.Start(ballot, released, acceptor.RaisePromise(ballot));
}

void Replica::Impl::TryFinishPhase1() {
  if (halted() || !phase1.Done()) return;
  std::vector<Value> inherited = phase1.TakeValues();
  if (halted()) return;
  phase1.Stop();
  role = Role::kLeader;
  chosen_told = 0;
  lease.Reset();
  election.OnLeading();
  leader.Start(ballot, std::move(inherited));
  SendHeartbeats();
}

void Replica::Impl::Follow(Ballot of_leader) {
  DCHECK(of_leader >= acceptor.promised());
  if (role != Role::kFollower) {
    REACH("paxos.deposed_by_later_ballot");
    BecomeFollower();
  }
  election.OnBallotSeen(of_leader);
  leader_ballot = of_leader;
}

void Replica::Impl::Abdicate(NodeId target) {
  const Release release{ballot, target};
  BecomeFollower();
  grant.Release(release.ballot);
  for (NodeId peer : core.membership.peers()) core.outbox.Send(peer, release);
  election.StandBack();
}

void Replica::Impl::SetVoting(bool votes) {
  if (voting == votes) return;
  voting = votes;
  if (voting) return;
  REACH("paxos.vote_taken_away");
  if (role == Role::kLeader) Abdicate(kNoNode);
  if (role == Role::kCandidate) BecomeFollower();
  core.outbox.DropHeld();
  ack_due = false;
}

void Replica::Impl::SetMembers(const Members& members) {
  if (members == core.membership.members()) return;
  // Quorum sizes given by hand are for the number of voters that they were given for.
  const bool same_count = members.voters.size() == core.membership.voter_count();
  if (!same_count) core.config.quorum1 = core.config.quorum2 = 0;
  core.membership =
      Membership(core.membership.self(), members, core.config.quorum1, core.config.quorum2);
  core.ResetPeers();
  if (role == Role::kCandidate) {
    REACH("paxos.members_changed_under_candidate");
    BecomeFollower();
    election.Hurry();
  }
  if (role != Role::kLeader) return;
  lease.Reset();
  if (!leader.OnMembersChanged() || !core.membership.self_votes()) Abdicate(kNoNode);
}

void Replica::Impl::InstallSnapshot(Slot upto) {
  // A leader knows everything chosen before its ballot; what is beyond was chosen without it.
  if (role == Role::kLeader && upto > learner.chosen()) BecomeFollower();
  learner.InstallSnapshot(upto);
  if (role == Role::kLeader) leader.OnApplied();
}

// --- Reads ---

uint64_t Replica::Impl::StartReadRound() {
  const uint64_t id = ++last_read_id;
  if (Planted(Bug::kReadIndexReused)) {
    reads.push_back({id, lease.quorum_probe()});
    return id;
  }
  // All that ask before the next probes leave share them.
  if (!reads.empty() && reads.back().probe == 0) {
    reads.back().id = id;
  } else {
    reads.push_back({id, 0});
  }
  heartbeat_wanted = true;
  return id;
}

void Replica::Impl::ConfirmReads() {
  while (!reads.empty() && reads.front().probe != 0 &&
         reads.front().probe <= lease.quorum_probe()) {
    read_confirmed = reads.front().id;
    reads.pop_front();
  }
}

// --- Output ---

void Replica::Impl::OnDurable(uint64_t seq) {
  if (halted()) return;
  const uint64_t before = core.outbox.durable_seq();
  core.outbox.OnDurable(seq);
  learner.TrimMemory();
  if (last_accept_seq > before && core.outbox.durable_seq() > before) ack_due = true;
  if (role == Role::kCandidate) {
    phase1.OnDurable();
    TryFinishPhase1();
  }
  if (role == Role::kLeader) {
    leader.OnOwnDurable();
    TickTransfer();
  }
}

void Replica::Impl::OnLinkUp(NodeId peer) {
  learner.OnLinkUp(peer);
  if (role == Role::kLeader) leader.OnLinkUp(peer);
}

void Replica::Impl::TakeReady(Ready* ready) {
  ready->Clear();
  if (halted()) {
    ready->contradiction = core.contradiction;
    return;
  }
  if (heartbeat_wanted) SendHeartbeats();
  if (role == Role::kLeader) {
    ConfirmReads();
    FlushChosen();
  }
  FlushAccepted();
  // Costs nothing beside records that go to disk anyway.
  if (core.outbox.HasRecords()) learner.WriteHint();
  core.outbox.MoveTo(ready);
  const Ballot now_ballot = role == Role::kFollower ? leader_ballot : ballot;
  ready->leadership_changed = told_role != role || told_ballot != now_ballot;
  told_role = role;
  told_ballot = now_ballot;
  ready->read_round_confirmed = std::exchange(read_confirmed, 0);
}

void Replica::Impl::FlushAccepted() {
  if (!ack_due) return;
  ack_due = false;
  if (ack_ballot.node == core.membership.self() || ack_ballot < acceptor.promised()) return;
  core.outbox.Send(ack_ballot.node, acceptor.DurableUnder(ack_ballot, learner.chosen()));
}

void Replica::Impl::FlushChosen() {
  if (learner.chosen() <= chosen_told) return;
  chosen_told = learner.chosen();
  // Small accepts that leave now take the news along; big ones would delay it.
  constexpr size_t kSmallBytes = 16 << 10;
  NodeId told[64];
  size_t told_count = 0;
  for (Outgoing& out : core.outbox.send()) {
    Accept* accept = std::get_if<Accept>(&out.message);
    if (accept == nullptr || accept->entry.ballot != ballot) continue;
    accept->chosen = chosen_told;
    const bool small = BytesOf(accept->entry.value.payload).size() <= kSmallBytes;
    const bool known = std::find(told, told + told_count, out.to) != told + told_count;
    if (small && !known && told_count < std::size(told)) told[told_count++] = out.to;
  }
  for (NodeId peer : core.membership.peers()) {
    if (std::find(told, told + told_count, peer) != told + told_count) continue;
    core.outbox.Send(peer, Chosen{ballot, chosen_told});
  }
}

}  // namespace clustron::paxos
