#include "cluster/paxos/leader.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::paxos {

namespace {

// What is sent at first after a loss.
constexpr size_t kResendBytes_max = 1 << 20;
// retry_ns doubles this often: a slow link is not helped by more of the same.
constexpr uint32_t kResendDoublings_max = 4;
// Of an accept besides its payload, in memory and on the wire.
constexpr size_t kAcceptBytes = 128;
// A peer whose disk or link is so much slower than Core::TransferNs is not taken for lost yet.
constexpr int64_t kSlownessMax = 4;
// No accept is waited for longer before it is sent again, however slow the way is.
constexpr int64_t kLateNsMax = 5'000'000'000;

}  // namespace

void Leader::Start(Ballot ballot, std::vector<Value> inherited) {
  Stop();
  ballot_ = ballot;
  next_slot_ = learner_.chosen() + 1;
  disk_moved_ns_ = core_.now_ns;
  ResetProgress();
  inherited_.assign(std::make_move_iterator(inherited.begin()),
                    std::make_move_iterator(inherited.end()));
  noop_slot_ = next_slot_ + inherited_.size();
  if (Planted(Bug::kNoOwnBallotNoop)) {
    noop_slot_ = std::max<Slot>(learner_.chosen(), 1);
    noop_chosen_ = true;
  } else {
    inherited_.push_back({EntryKind::kNoop, ballot_, NoopPayload()});
  }
  Pump();
}

Payload Leader::NoopPayload() const {
  auto bytes = std::make_shared<std::string>();
  Writer(bytes.get()).U64(Mix64(core_.config.life ^ Mix64(ballot_.round)));
  return bytes;
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
  ResetProgress();
  return true;
}

void Leader::ResetProgress() {
  progress_.clear();
  for (NodeId node : core_.membership.peers()) {
    Progress& progress = progress_.emplace_back();
    progress.node = node;
    if (core_.membership.IsVoter(node)) progress.bit = core_.membership.BitOf(node);
    progress.next = next_slot_;
    progress.flight_bytes_max = core_.config.flight_bytes_max;
  }
}

Leader::Progress* Leader::Find(NodeId node) {
  for (Progress& progress : progress_) {
    if (progress.node == node) return &progress;
  }
  return nullptr;
}

bool Leader::AtBarrier() const {
  return barrier_slot_ != kNoSlot && learner_.applied() < barrier_slot_;
}

bool Leader::HasRoom() const {
  return open_.size() < core_.config.window_slots && open_bytes_ < core_.config.open_bytes_max &&
         !AtBarrier() && !needs_new_phase1_ && !core_.LogFull();
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
  // To the others and to the own disk at once: whichever quorum is first.
  for (Progress& progress : progress_) Push(progress);
  const Acceptor::Verdict verdict = acceptor_.Accept(open.entry, learner_.chosen());
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

// --- What is on its way to the peers ---

Slot Leader::PrefixOf(const Progress& progress) const {
  const PeerStatus* peer = core_.Peer(progress.node);
  return std::max(progress.up_to, peer == nullptr ? 0 : peer->chosen);
}

void Leader::Send(const Progress& progress, const Open& open) {
  core_.outbox.Send(progress.node, Accept{open.entry, learner_.chosen()});
}

void Leader::Push(Progress& progress) {
  // Who doesn't vote takes no accepts: it pulls what is chosen.
  if (progress.bit == 0 || core_.VoteOf(progress.node) == 0) return;
  const Slot prefix = PrefixOf(progress);
  if (progress.next < first_open()) {
    if (progress.lags && prefix + 1 < first_open()) {
      REACH("paxos.peer_lags_and_pulls");
      return;
    }
    progress.lags = false;
    progress.next = first_open();
  }
  for (; progress.next <= last_slot(); ++progress.next) {
    const Open& open = open_[progress.next - first_open()];
    if ((open.votes & progress.bit) != 0) continue;
    const size_t bytes = BytesOf(open.entry.value.payload).size() + kAcceptBytes;
    const bool full = progress.flight_bytes + bytes > progress.flight_bytes_max;
    if (full && !progress.flight.empty() && !Planted(Bug::kPushedToWhoLags)) {
      REACH("paxos.flight_full");
      return;
    }
    if (progress.next > prefix + core_.config.ahead_slots_max) return;
    if (progress.flight.empty()) progress.moved_ns = core_.now_ns;
    progress.flight.push_back({progress.next, bytes, core_.now_ns});
    progress.flight_bytes += bytes;
    Send(progress, open);
  }
}

void Leader::Acknowledge(Progress& progress, Slot up_to, uint64_t more) {
  progress.up_to = std::max(progress.up_to, up_to);
  const Slot highest = more == 0 ? up_to : up_to + static_cast<Slot>(std::bit_width(more));
  progress.highest = std::max(progress.highest, highest);
  int64_t took_ns = -1;
  const auto has = [&](const Flight& flight) {
    const bool acknowledged =
        flight.slot <= progress.up_to ||
        (flight.slot > up_to && flight.slot <= highest && (more >> (flight.slot - up_to - 1) & 1));
    if (acknowledged) progress.flight_bytes -= flight.bytes;
    if (acknowledged && flight.slot >= progress.fresh) took_ns = core_.now_ns - flight.sent_ns;
    return acknowledged;
  };
  size_t count = progress.flight.size();
  while (!progress.flight.empty() && has(progress.flight.front())) progress.flight.pop_front();
  if (more != 0) std::erase_if(progress.flight, has);
  if (progress.flight.size() == count) return;
  progress.moved_ns = core_.now_ns;
  if (took_ns >= 0) {
    progress.way.Measure(took_ns);
    progress.resends = 0;
  }
  progress.flight_bytes_max =
      std::min(core_.config.flight_bytes_max, 2 * progress.flight_bytes_max);
}

void Leader::EndFlight(Progress& progress) {
  progress.flight.clear();
  progress.flight_bytes = 0;
  progress.fresh = std::max(progress.fresh, progress.next);
  progress.next = std::min(progress.next, first_open());
}

void Leader::OnPeerHeard(NodeId from) {
  Progress* progress = Find(from);
  if (progress == nullptr || progress->bit == 0) return;
  Acknowledge(*progress, PrefixOf(*progress), 0);
  Push(*progress);
}

void Leader::OnLinkUp(NodeId peer) {
  Progress* progress = Find(peer);
  if (progress == nullptr) return;
  EndFlight(*progress);
  progress->flight_bytes_max = core_.config.flight_bytes_max;
  progress->resends = 0;
  progress->way = {};
  Push(*progress);
}

bool Leader::OnItsWay(NodeId peer, Slot slot) const {
  if (core_.VoteOf(peer) == 0) return false;
  for (const Progress& progress : progress_) {
    if (progress.node != peer) continue;
    // Links keep the order: what is behind it was acknowledged, it was not.
    if (slot < progress.highest) return false;
    return std::any_of(progress.flight.begin(), progress.flight.end(),
                       [slot](const Flight& flight) { return flight.slot == slot; });
  }
  return false;
}

void Leader::OnPulledAll(NodeId peer) {
  Progress* progress = Find(peer);
  if (progress == nullptr || progress->next >= first_open()) return;
  progress->lags = false;
  progress->next = first_open();
  Push(*progress);
}

void Leader::OnAcceptOk(NodeId from, const AcceptOk& ok) {
  if (ok.ballot != ballot_) return;
  Progress* progress = Find(from);
  if (progress != nullptr) Acknowledge(*progress, ok.up_to, ok.more);
  const Votes bit = core_.membership.BitOf(from);
  for (Open& open : open_) {
    const Slot slot = open.entry.slot;
    if (slot > ok.up_to && slot - ok.up_to > 64) break;
    if (slot <= ok.up_to || (ok.more >> (slot - ok.up_to - 1) & 1) != 0) open.votes |= bit;
  }
  AdvanceChosen();
  if (progress != nullptr) Push(*progress);
}

void Leader::OnOwnDurable() {
  for (Open& open : open_) {
    if (open.own_seq == 0) continue;
    if (!core_.outbox.IsDurable(open.own_seq)) break;
    open.votes |= core_.membership.self_bit();
  }
  AdvanceChosen();
  Pump();
}

void Leader::AdvanceChosen() {
  // Slots known as chosen above a gap come along when the gap closes.
  const auto decided = [this](const Open& open) {
    return open.entry.slot <= learner_.chosen() || core_.membership.IsQuorum2(open.votes);
  };
  bool any = false;
  while (!open_.empty() && (decided(open_.front()) || SkipsTheQueue())) {
    learner_.OnOwnQuorum(open_.front().entry);
    for (Progress& progress : progress_) {
      const bool missed =
          progress.next <= open_.front().entry.slot && (open_.front().votes & progress.bit) == 0;
      if (missed) progress.lags = true;
    }
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

void Leader::WayTime::Measure(int64_t took_ns) {
  if (mean_ns_ == 0) {
    mean_ns_ = took_ns;
    deviation_ns_ = took_ns / 2;
    return;
  }
  deviation_ns_ += (std::abs(took_ns - mean_ns_) - deviation_ns_) / 4;
  mean_ns_ += (took_ns - mean_ns_) / 8;
}

int64_t Leader::ResendAfterNs(const Progress& progress, size_t bytes) const {
  const int64_t late_ns = std::max(core_.config.retry_ns, progress.way.LateNs());
  return std::min(kLateNsMax, late_ns << std::min(progress.resends, kResendDoublings_max)) +
         kSlownessMax * Core::TransferNs(bytes);
}

// What stands before an acknowledged slot was lost, or ignored.
void Leader::ResendLost(Progress& progress) {
  std::erase_if(progress.flight, [&](Flight& flight) {
    const bool lost = flight.slot < progress.highest &&
                      core_.now_ns - flight.sent_ns >= ResendAfterNs(progress, flight.bytes);
    if (!lost) return false;
    if (flight.slot < first_open()) {  // it pulls that
      progress.flight_bytes -= flight.bytes;
      return true;
    }
    REACH("paxos.lost_accept_sent_again");
    flight.sent_ns = progress.moved_ns = core_.now_ns;
    progress.fresh = std::max(progress.fresh, flight.slot + 1);
    Send(progress, open_[flight.slot - first_open()]);
    return false;
  });
}

void Leader::Tick() {
  if (!core_.LogFull() || core_.outbox.durable_seq() != durable_seq_) disk_moved_ns_ = core_.now_ns;
  durable_seq_ = core_.outbox.durable_seq();
  for (Progress& progress : progress_) {
    const PeerStatus* peer = core_.Peer(progress.node);
    if (progress.bit == 0 || peer == nullptr || !core_.IsResponsive(*peer)) continue;
    Acknowledge(progress, PrefixOf(progress), 0);
    ResendLost(progress);
    const bool silent =
        !progress.flight.empty() &&
        core_.now_ns - progress.moved_ns >= ResendAfterNs(progress, progress.flight_bytes);
    if (silent) {
      REACH("paxos.accept_sent_again");
      EndFlight(progress);
      ++progress.resends;
      progress.flight_bytes_max = std::min(progress.flight_bytes_max, kResendBytes_max);
    }
    Push(progress);
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
  const int64_t stall_ns = core_.config.stall_ns;
  // A single entry may be so big that a disk at work has nothing to tell for longer.
  const int64_t disk_ns = std::max(stall_ns, Core::TransferNs(core_.outbox.undurable_bytes()));
  return (!open_.empty() && core_.now_ns - open_.front().proposed_ns > stall_ns) ||
         (core_.LogFull() && core_.now_ns - disk_moved_ns_ > disk_ns);
}

}  // namespace clustron::paxos
