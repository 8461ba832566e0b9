#include "cluster/paxos/leader.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::paxos {

namespace {

// Of one peer in one tick; the rest follows in the next.
constexpr size_t kResendBytes_max = 1 << 20;
// retry_ns doubles this often: a slow link is not helped by more of the same.
constexpr uint32_t kResendDoublings_max = 4;

}  // namespace

void Leader::Start(Ballot ballot, std::vector<Value> inherited) {
  Stop();
  ballot_ = ballot;
  next_slot_ = learner_.chosen() + 1;
  for (NodeId node : core_.membership.peers()) progress_.push_back({node, 0});
  inherited_.assign(std::make_move_iterator(inherited.begin()),
                    std::make_move_iterator(inherited.end()));
  noop_slot_ = next_slot_ + inherited_.size();
  if (Planted(Bug::kNoOwnBallotNoop)) {
    noop_slot_ = std::max<Slot>(learner_.chosen(), 1);
    noop_chosen_ = true;
  } else {
    inherited_.push_back({EntryKind::kNoop, ballot_, nullptr});
  }
  Pump();
}

void Leader::Stop() {
  open_.clear();
  open_bytes_ = 0;
  inherited_.clear();
  progress_.clear();
  noop_slot_ = kNoSlot;
  noop_chosen_ = false;
  barrier_slot_ = kNoSlot;
  barrier_inherited_ = false;
  needs_new_phase1_ = false;
}

bool Leader::OnMembersChanged() {
  if (!open_.empty()) return false;
  progress_.clear();
  for (NodeId node : core_.membership.peers()) progress_.push_back({node, 0});
  return true;
}

bool Leader::AtBarrier() const {
  return barrier_slot_ != kNoSlot && learner_.applied() < barrier_slot_;
}

bool Leader::HasRoom() const {
  return open_.size() < core_.config.window_slots && open_bytes_ < core_.config.open_bytes_max &&
         !AtBarrier() && !needs_new_phase1_;
}

bool Leader::CanPropose() const { return inherited_.empty() && HasRoom(); }

bool Leader::CanProposeConfig() const { return CanPropose() && open_.empty() && noop_chosen_; }

Slot Leader::Propose(EntryKind kind, Payload payload) {
  CHECK(kind == EntryKind::kBatch || kind == EntryKind::kConfig);
  CHECK(kind == EntryKind::kConfig ? CanProposeConfig() : CanPropose());
  OpenSlot({kind, ballot_, std::move(payload)});
  return last_slot();
}

void Leader::OpenSlot(Value value) {
  const Slot slot = next_slot_++;
  if (value.kind == EntryKind::kConfig) {
    barrier_slot_ = slot;
    barrier_inherited_ = value.first_ballot != ballot_;
  }
  if (slot <= learner_.chosen()) {
    REACH("paxos.inherited_slot_chosen_meanwhile");
    return;
  }
  Open& open = open_.emplace_back();
  open.entry = {slot, ballot_, std::move(value)};
  open_bytes_ += BytesOf(open.entry.value.payload).size();
  open.proposed_ns = core_.now_ns;
  open.sent_ns = core_.now_ns;
  // To the others and to the own disk at once: whichever quorum is first.
  for (NodeId peer : core_.membership.peers()) {
    if (!core_.membership.IsVoter(peer)) continue;  // learners are told when it is chosen
    core_.outbox.Send(peer, Accept{open.entry, learner_.chosen()});
  }
  const Acceptor::Verdict verdict = acceptor_.Accept(open.entry, learner_.chosen());
  CHECK(verdict != Acceptor::Verdict::kLower);
  if (verdict == Acceptor::Verdict::kAccepted) {
    open.own_seq = core_.outbox.last_seq();
    if (Planted(Bug::kOwnVoteBeforeDurable)) open.votes |= core_.membership.self_bit();
  }
}

void Leader::Pump() {
  while (!inherited_.empty() && HasRoom()) {
    Value value = std::move(inherited_.front());
    inherited_.pop_front();
    OpenSlot(std::move(value));
  }
}

void Leader::OnAcceptOk(NodeId from, const AcceptOk& ok) {
  if (ok.ballot != ballot_) return;
  for (Progress& progress : progress_) {
    if (progress.node == from) progress.up_to = std::max(progress.up_to, ok.up_to);
  }
  const Votes bit = core_.membership.BitOf(from);
  for (Open& open : open_) {
    const Slot slot = open.entry.slot;
    if (slot > ok.up_to && slot - ok.up_to > 64) break;
    if (slot <= ok.up_to || (ok.more >> (slot - ok.up_to - 1) & 1) != 0) open.votes |= bit;
  }
  AdvanceChosen();
}

void Leader::OnOwnDurable() {
  for (Open& open : open_) {
    if (open.own_seq == 0) continue;
    if (!core_.outbox.IsDurable(open.own_seq)) break;
    open.votes |= core_.membership.self_bit();
  }
  AdvanceChosen();
}

void Leader::AdvanceChosen() {
  // Slots known as chosen above a gap come along when the gap closes.
  const auto decided = [this](const Open& open) {
    return open.entry.slot <= learner_.chosen() || core_.membership.IsQuorum2(open.votes);
  };
  bool any = false;
  while (!open_.empty() && (decided(open_.front()) || SkipsTheQueue())) {
    learner_.OnOwnQuorum(open_.front().entry);
    if (open_.front().entry.slot == noop_slot_) noop_chosen_ = true;
    open_bytes_ -= BytesOf(open_.front().entry.value.payload).size();
    open_.pop_front();
    any = true;
  }
  if (any) Pump();
}

bool Leader::SkipsTheQueue() const {
  if (!Planted(Bug::kChosenOutOfOrder)) return false;
  return std::any_of(open_.begin(), open_.end(),
                     [this](const Open& open) { return core_.membership.IsQuorum2(open.votes); });
}

void Leader::OnApplied() {
  if (barrier_slot_ == kNoSlot || AtBarrier()) return;
  barrier_slot_ = kNoSlot;
  if (barrier_inherited_) {
    REACH("paxos.inherited_config_applied");
    needs_new_phase1_ = true;
    return;
  }
  Pump();
}

int64_t Leader::ResendAfterNs(const Open& open) const {
  return (core_.config.retry_ns << std::min(open.resends, kResendDoublings_max)) +
         Core::TransferNs(BytesOf(open.entry.value.payload).size());
}

void Leader::Tick() {
  Slot reached = last_slot();  // by all: what is behind it stays due
  for (const PeerStatus& peer : core_.peers) {
    const Votes bit = core_.membership.BitOf(peer.node);
    if (bit == 0 || !core_.IsResponsive(peer)) continue;
    size_t bytes = 0;
    for (Open& open : open_) {
      const bool early = core_.now_ns - open.sent_ns < ResendAfterNs(open);
      if ((open.votes & bit) != 0 || early) continue;
      bytes += BytesOf(open.entry.value.payload).size();
      REACH("paxos.accept_sent_again");
      core_.outbox.Send(peer.node, Accept{open.entry, learner_.chosen()});
      if (bytes >= kResendBytes_max) {
        reached = std::min(reached, open.entry.slot);
        break;
      }
    }
  }
  for (Open& open : open_) {
    if (open.entry.slot > reached) break;
    if (core_.now_ns - open.sent_ns < ResendAfterNs(open)) continue;
    open.sent_ns = core_.now_ns;
    ++open.resends;
  }
}

bool Leader::HasEverything(NodeId peer) const {
  const PeerStatus* status = core_.Peer(peer);
  if (status != nullptr && status->chosen >= last_slot()) return true;
  for (const Progress& progress : progress_) {
    if (progress.node == peer) return progress.up_to >= last_slot();
  }
  return false;
}

bool Leader::Stalled() const {
  return !open_.empty() && core_.now_ns - open_.front().proposed_ns > core_.config.stall_ns;
}

}  // namespace clustron::paxos
