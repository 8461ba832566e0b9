#include "cluster/paxos/replica.h"

#include <utility>

#include "base/check.h"
#include "cluster/paxos/replica_impl.h"

namespace clustron::paxos {

Replica::Replica(const Config& config, Recovered recovered, Rng rng, int64_t now_ns)
    : impl_(std::make_unique<Impl>(config, recovered, rng, now_ns)) {}

Replica::~Replica() = default;

// --- Inputs ---

void Replica::Tick(int64_t now_ns) {
  impl_->SetNow(now_ns);
  impl_->Tick();
}

void Replica::Step(NodeId from, Message message, int64_t now_ns) {
  impl_->SetNow(now_ns);
  impl_->Step(from, std::move(message));
}

std::optional<HeartbeatReply> Replica::AnswerWhileBusy(NodeId from, const Heartbeat& heartbeat,
                                                       int64_t now_ns) {
  impl_->SetNow(now_ns);
  return impl_->AnswerWhileBusy(from, heartbeat);
}

std::optional<Heartbeat> Replica::HeartbeatWhileBusy(int64_t now_ns) {
  impl_->SetNow(now_ns);
  return impl_->HeartbeatWhileBusy();
}

void Replica::OnLinkUp(NodeId peer, int64_t now_ns) {
  impl_->SetNow(now_ns);
  impl_->OnLinkUp(peer);
}

void Replica::OnDurable(uint64_t persist_seq, int64_t now_ns) {
  impl_->SetNow(now_ns);
  impl_->OnDurable(persist_seq);
}

bool Replica::CanPropose() const {
  return role() == Role::kLeader && impl_->transfer_to == kNoNode && impl_->leader.CanPropose();
}

bool Replica::CanProposeConfig() const { return CanPropose() && impl_->leader.CanProposeConfig(); }

Slot Replica::Propose(EntryKind kind, Payload payload, int64_t now_ns) {
  CHECK(CanPropose());
  impl_->SetNow(now_ns);
  return impl_->leader.Propose(kind, std::move(payload));
}

// --- Outputs ---

void Replica::TakeReady(Ready* ready) { impl_->TakeReady(ready); }

const Accepted* Replica::NextChosen() const { return impl_->learner.NextChosen(); }

void Replica::Advance() {
  impl_->learner.Advance();
  if (role() == Role::kLeader) impl_->leader.OnApplied();
}

// --- Reads ---

int64_t Replica::lease_until_ns() const {
  return role() == Role::kLeader ? impl_->lease.until_ns() : 0;
}

uint64_t Replica::StartReadRound(int64_t now_ns) {
  CHECK(role() == Role::kLeader);
  CHECK(own_noop_chosen());
  impl_->SetNow(now_ns);
  return impl_->StartReadRound();
}

uint64_t Replica::AskAll(int64_t now_ns) {
  impl_->SetNow(now_ns);
  impl_->heartbeat_wanted = true;
  return impl_->last_probe;
}

// --- Control ---

void Replica::Compact(Slot upto) { impl_->learner.Compact(upto); }

void Replica::InstallSnapshot(Slot upto, int64_t now_ns) {
  impl_->SetNow(now_ns);
  impl_->InstallSnapshot(upto);
}

void Replica::Repair(const Accepted& chosen, int64_t now_ns) {
  impl_->SetNow(now_ns);
  impl_->Repair(chosen);
}

void Replica::StepDown(int64_t now_ns) {
  impl_->SetNow(now_ns);
  if (role() == Role::kLeader) impl_->Abdicate(kNoNode);
}

bool Replica::TransferLeadership(NodeId to, int64_t now_ns) {
  impl_->SetNow(now_ns);
  if (role() != Role::kLeader || to == self() || impl_->core.VoteOf(to) == 0) return false;
  impl_->transfer_to = to;
  impl_->transfer_deadline_ns = impl_->core.now_ns + 2 * impl_->core.config.round_ns;
  return true;
}

void Replica::SetMembers(const Members& members, int64_t now_ns) {
  impl_->SetNow(now_ns);
  impl_->SetMembers(members);
}

void Replica::SetVoting(bool voting, int64_t now_ns) {
  impl_->SetNow(now_ns);
  impl_->SetVoting(voting);
}

void Replica::SetPeerVote(NodeId peer, PeerVote vote) {
  if (PeerStatus* status = impl_->core.Peer(peer)) status->vote = vote;
}

void Replica::RaisePromise(Ballot ballot, int64_t now_ns) {
  impl_->SetNow(now_ns);
  if (ballot <= promised()) return;
  if (role() != Role::kFollower) impl_->BecomeFollower();
  impl_->leader_ballot = {};
  impl_->acceptor.RaisePromise(ballot);
}

void Replica::SetBlob(std::string blob) {
  CHECK(blob.size() <= kMaxBlobBytes);
  impl_->blob = std::move(blob);
}

// --- State ---

NodeId Replica::self() const { return impl_->core.membership.self(); }
Role Replica::role() const { return impl_->role; }
NodeId Replica::leader() const { return impl_->LeaderBallot().node; }
Ballot Replica::ballot() const {
  return role() == Role::kFollower ? impl_->leader_ballot : impl_->ballot;
}
Ballot Replica::promised() const { return impl_->acceptor.promised(); }
Slot Replica::durable_slot() const { return impl_->acceptor.DurableUpTo(impl_->learner.chosen()); }

Slot Replica::chosen_slot() const { return impl_->learner.chosen(); }
Slot Replica::applied_slot() const { return impl_->learner.applied(); }
Slot Replica::accepted_slot() const {
  Slot slot = impl_->learner.chosen();
  const auto there = [this](Slot next) {
    const Cell* cell = impl_->core.window.Find(next);
    return cell != nullptr && (cell->accepted || cell->unknown);
  };
  while (there(slot + 1)) ++slot;
  return slot;
}
uint64_t Replica::persisted_seq() const { return impl_->core.outbox.last_seq(); }
uint64_t Replica::durable_seq() const { return impl_->core.outbox.durable_seq(); }
bool Replica::log_full() const { return impl_->core.LogFull(); }
size_t Replica::undurable_bytes() const { return impl_->core.outbox.undurable_bytes(); }
bool Replica::voting() const { return impl_->voting; }
Slot Replica::compacted_slot() const { return impl_->learner.compacted(); }
Slot Replica::last_slot() const {
  const Slot stored = std::max(impl_->core.window.end() - 1, chosen_slot());
  return role() == Role::kLeader ? std::max(stored, impl_->leader.last_slot()) : stored;
}
Slot Replica::own_noop_slot() const {
  return role() == Role::kLeader ? impl_->leader.own_noop_slot() : kNoSlot;
}
const Accepted* Replica::ChosenInMemory(Slot slot) const {
  const Cell* cell = impl_->core.window.Find(slot);
  return cell != nullptr && cell->chosen ? &cell->entry : nullptr;
}
const Members& Replica::members() const { return impl_->core.membership.members(); }
Phase1Status Replica::phase1_status() const { return impl_->phase1.status(); }
const std::vector<PeerStatus>& Replica::peers() const { return impl_->core.peers; }
size_t Replica::window_bytes() const { return impl_->core.window.bytes(); }
size_t Replica::unknown_count() const { return impl_->core.window.unknown_count(); }

}  // namespace clustron::paxos
