// What a replica does with each message.
#include <algorithm>
#include <utility>
#include <variant>

#include "base/reach.h"
#include "cluster/paxos/replica_impl.h"

namespace clustron::paxos {

namespace {

// Of someone without a vote: takes out what only a voter can say. False: nothing is left.
bool StripVote(Message* message) {
  if (auto* heartbeat = std::get_if<Heartbeat>(message)) {
    heartbeat->ballot = {};
    return true;
  }
  if (auto* reply = std::get_if<HeartbeatReply>(message)) {
    reply->granted = false;
    return true;
  }
  return std::holds_alternative<CatchUpRequest>(*message) ||
         std::holds_alternative<CatchUpReply>(*message);
}

}  // namespace

void Replica::Impl::Step(NodeId from, Message message) {
  if (halted() || from == core.membership.self() || from == kNoNode) return;
  if (const PeerStatus* peer = core.Peer(from);
      peer != nullptr && peer->vote == PeerVote::kIgnored) {
    if (!StripVote(&message)) return;
  }
  std::visit([this, from](auto& m) { On(from, m); }, message);
}

// Own ballots are above all that were heard of, whatever becomes of the message.
void Replica::Impl::NoteBallot(NodeId from, Ballot theirs) {
  if (theirs.node == from && core.membership.IsVoter(from)) election.OnBallotSeen(theirs);
}

// --- Heartbeats ---

void Replica::Impl::NotePeer(NodeId from, Slot chosen, const std::string& peer_blob) {
  PeerStatus* peer = core.Peer(from);
  if (peer == nullptr) return;
  peer->chosen = std::max(peer->chosen, chosen);
  peer->blob = peer_blob;
  learner.OnPeerChosen(chosen);
}

bool Replica::Impl::Recognizes(NodeId from, Ballot of_leader) const {
  return of_leader && of_leader.node == from && core.VoteOf(from) != 0 &&
         of_leader >= acceptor.promised() && of_leader >= leader_ballot &&
         !grant.IsReleased(of_leader);
}

void Replica::Impl::LearnFromLeader(Ballot of_leader, Slot up_to) {
  if (PeerStatus* peer = core.Peer(of_leader.node)) peer->chosen = std::max(peer->chosen, up_to);
  // A leader counts votes itself. What a past leader says late may be about slots that this one is
  // about to propose again.
  if (role == Role::kLeader) {
    learner.OnPeerChosen(std::min(up_to, learner.chosen()));
  } else {
    learner.OnChosen(of_leader, up_to);
  }
}

void Replica::Impl::On(NodeId from, Heartbeat& m) {
  NotePeer(from, m.chosen, m.blob);
  NoteBallot(from, m.ballot);
  const bool leads = Recognizes(from, m.ballot);
  if (leads) Follow(m.ballot);
  if (m.ballot && m.ballot.node == from) LearnFromLeader(m.ballot, m.chosen);
  core.outbox.Send(from, ReplyTo(m, leads));
}

// Nothing but the lease changes: it doesn't matter what this node is in the middle of.
std::optional<HeartbeatReply> Replica::Impl::AnswerWhileBusy(NodeId from, const Heartbeat& m) {
  if (halted() || core.Peer(from) == nullptr) return std::nullopt;
  const bool leads = Recognizes(from, m.ballot);
  if (leads && (role != Role::kFollower || leader_ballot != m.ballot)) return std::nullopt;
  return ReplyTo(m, leads);
}

// `leads`: the sender is followed, and gets its lease.
HeartbeatReply Replica::Impl::ReplyTo(const Heartbeat& m, bool leads) {
  HeartbeatReply reply;
  if (leads && voting && grant.Grant(m.ballot, core.now_ns + core.config.lease_ns)) {
    reply.granted = true;
    reply.lease_ns = core.config.lease_ns;
  }
  reply.probe = m.probe;
  reply.sent_ns = m.sent_ns;
  reply.ballot = m.ballot;
  reply.promised = acceptor.promised();
  reply.leader = LeaderBallot();
  reply.happy = election.happy();
  reply.chosen = learner.chosen();
  reply.durable = acceptor.DurableUpTo(learner.chosen());
  reply.blob = blob;
  return reply;
}

void Replica::Impl::On(NodeId from, HeartbeatReply& m) {
  PeerStatus* peer = core.Peer(from);
  if (peer == nullptr || m.probe > last_probe || m.sent_ns > core.now_ns) return;
  NotePeer(from, m.chosen, m.blob);
  peer->heard_ns = core.now_ns;
  peer->durable = m.durable;
  if (m.probe > peer->answered_probe) {
    peer->answered_probe = m.probe;
    peer->safe = std::min(m.durable, m.chosen);
  }
  election.OnReply(from, m);
  if (role == Role::kLeader) leader.OnPeerHeard(from);
  const bool mine = role == Role::kLeader && m.ballot == ballot;
  if (!mine || !m.granted || m.promised > ballot || !core.membership.IsVoter(from)) return;
  lease.OnAck(from, m.probe, m.sent_ns, m.lease_ns);
  ConfirmReads();
}

// --- Phase 1 ---

void Replica::Impl::On(NodeId from, Prepare& m) {
  if (m.ballot.node != from || !core.membership.IsVoter(from) || !Votes()) {
    return;
  }
  election.OnBallotSeen(m.ballot);
  if (m.ballot < acceptor.promised()) {
    core.outbox.Send(from, Nack{m.ballot, acceptor.promised()});
    return;
  }
  if (m.ballot > acceptor.promised()) {
    const bool leading = role == Role::kLeader && core.now_ns < lease.until_ns();
    if (leading || grant.Blocks(from, m.released, core.now_ns)) {
      REACH("paxos.phase1_refused_for_lease");
      core.outbox.Send(from, Nack{m.ballot, acceptor.promised()});
      return;
    }
    if (role != Role::kFollower) BecomeFollower();
    leader_ballot = {};
    acceptor.RaisePromise(m.ballot);
    election.GiveWay();
  }
  acceptor.Report(from, m.ballot, m.first, learner.chosen(), learner.compacted());
}

void Replica::Impl::On(NodeId from, Promise& m) {
  if (role != Role::kCandidate || m.ballot != ballot) return;
  learner.OnPeerChosen(m.chosen);
  if (PeerStatus* peer = core.Peer(from)) {
    peer->chosen = std::max(peer->chosen, m.chosen);
    peer->heard_ns = core.now_ns;
  }
  phase1.OnPromise(from, std::move(m));
  TryFinishPhase1();
}

void Replica::Impl::On(NodeId, Nack& m) {
  election.OnBallotSeen(m.promised);
  if (role != Role::kCandidate || m.ballot != ballot || m.promised <= ballot) return;
  REACH("paxos.candidate_outbid");
  BecomeFollower();
  election.Hurry();
}

// --- Phase 2 ---

void Replica::Impl::On(NodeId from, Accept& m) {
  const Ballot of_leader = m.entry.ballot;
  if (of_leader.node != from || !core.membership.IsVoter(from)) return;
  NoteBallot(from, of_leader);
  if (of_leader < acceptor.promised()) {
    core.outbox.Send(from, Nack{of_leader, acceptor.promised()});
    return;
  }
  if (Recognizes(from, of_leader)) Follow(of_leader);
  if (Votes() && role == Role::kFollower) {
    const Acceptor::Verdict verdict = acceptor.Accept(m.entry, learner.chosen());
    if (verdict == Acceptor::Verdict::kAccepted) last_accept_seq = core.outbox.last_seq();
    if (verdict == Acceptor::Verdict::kHad) ack_due = true;
    if (verdict == Acceptor::Verdict::kContradiction) return;
    if (verdict != Acceptor::Verdict::kIgnored) ack_ballot = of_leader;
  }
  LearnFromLeader(of_leader, m.chosen);
}

void Replica::Impl::On(NodeId from, AcceptOk& m) {
  if (role != Role::kLeader) return;
  leader.OnAcceptOk(from, m);
  TickTransfer();
}

void Replica::Impl::On(NodeId from, Chosen& m) {
  if (m.ballot.node != from || !core.membership.IsVoter(from)) return;
  NoteBallot(from, m.ballot);
  if (Recognizes(from, m.ballot)) Follow(m.ballot);
  LearnFromLeader(m.ballot, m.up_to);
}

// --- Catching up, handing over ---

void Replica::Impl::On(NodeId from, CatchUpRequest& m) {
  if (role == Role::kLeader && leader.OnItsWay(from, m.first)) {
    REACH("paxos.catch_up_wants_what_is_on_its_way");
    learner.SayOnItsWay(from);
    return;
  }
  const Slot served = learner.OnCatchUpRequest(from, m);
  if (role == Role::kLeader && served != kNoSlot && served == learner.chosen())
    leader.OnPulledAll(from);
}

void Replica::Impl::On(NodeId from, CatchUpReply& m) {
  // A leader has everything that was chosen before it, and decides the rest itself.
  if (role == Role::kLeader || !core.membership.IsMember(from)) return;
  if (PeerStatus* peer = core.Peer(from)) peer->chosen = std::max(peer->chosen, m.chosen);
  AfterLearning(learner.OnCatchUpReply(from, m));
  if (role == Role::kCandidate) TryFinishPhase1();
}

// The records written imply the promise of their ballots, so it is kept from now on: whoever leads
// or wants to under an earlier one has been outbid.
void Replica::Impl::AfterLearning(Ballot highest) {
  if (highest <= acceptor.promised()) return;
  acceptor.OnLearned(highest);
  election.OnBallotSeen(highest);
  if (role != Role::kFollower) BecomeFollower();
  if (leader_ballot < highest) leader_ballot = {};
}

void Replica::Impl::Repair(const Accepted& chosen) {
  // A leader settles its open slots itself.
  if (role == Role::kLeader) return;
  if (learner.LearnValue(chosen)) AfterLearning(chosen.ballot);
}

void Replica::Impl::On(NodeId from, Release& m) {
  if (m.ballot.node != from) return;
  NoteBallot(from, m.ballot);
  if (grant.IsReleased(m.ballot)) return;
  grant.Release(m.ballot);
  if (m.ballot < acceptor.promised() || role != Role::kFollower) return;
  if (leader_ballot == m.ballot) leader_ballot = {};
  if (m.target == core.membership.self() && MayLead(m.ballot)) {
    REACH("paxos.takes_over_as_asked");
    StartPhase1(m.ballot);
  } else if (m.target != kNoNode) {
    election.GiveWay();
  } else {
    election.Hurry();
  }
}

}  // namespace clustron::paxos
