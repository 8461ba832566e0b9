#include "cluster/paxos/learner.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::paxos {

namespace {

// A "chosen" that overtakes its accept is ordinary; wait this long before asking.
constexpr int64_t kCatchUpDelay_ns = 15'000'000;

}  // namespace

Learner::Learner(Core* core, const Recovered& recovered)
    : core_(*core),
      chosen_(recovered.applied_up_to),
      applied_(recovered.applied_up_to),
      compacted_(recovered.compacted_up_to),
      chosen_elsewhere_(std::max(recovered.chosen_hint, recovered.applied_up_to)),
      hint_written_(recovered.chosen_hint) {
  CHECK(compacted_ <= applied_);
  for (Slot slot : recovered.unknown) {
    if (slot > applied_) core_.window.MarkUnknown(slot);
  }
  for (const Accepted& entry : recovered.accepted) {
    CHECK(entry.slot > applied_);
    const Cell* cell = core_.window.Find(entry.slot);
    if (cell != nullptr && cell->unknown) continue;
    core_.window.Store(entry, 0).chosen = entry.slot <= recovered.chosen_hint;
  }
  // What was once chosen here and has no record now is lost, not empty.
  for (Slot slot = applied_ + 1; slot <= recovered.chosen_hint; ++slot) {
    const Cell* cell = core_.window.Find(slot);
    if (cell != nullptr && (cell->accepted || cell->unknown)) continue;
    REACH("paxos.record_below_hint_missing");
    core_.window.MarkUnknown(slot);
  }
  RaiseChosen();
}

const Accepted* Learner::NextChosen() const {
  if (applied_ == chosen_) return nullptr;
  const Cell* cell = core_.window.Find(applied_ + 1);
  DCHECK(cell != nullptr && cell->chosen);
  return &cell->entry;
}

void Learner::Advance() {
  CHECK(applied_ < chosen_);
  ++applied_;
  TrimMemory();
}

bool Learner::ConfigPending() const {
  for (Slot slot = applied_ + 1; slot <= chosen_; ++slot) {
    if (core_.window.Find(slot)->entry.value.kind == EntryKind::kConfig) return true;
  }
  return false;
}

void Learner::OnChosen(Ballot ballot, Slot up_to) {
  OnPeerChosen(up_to);
  for (Slot slot = chosen_ + 1; slot <= up_to && slot < core_.window.end(); ++slot) {
    Cell* cell = core_.window.Find(slot);
    if (cell->accepted && cell->entry.ballot == ballot) cell->chosen = true;
  }
  RaiseChosen();
}

void Learner::OnOwnQuorum(const Accepted& entry) {
  CHECK(entry.slot <= chosen_ + 1);
  LearnValue(entry);
  CHECK(entry.slot <= chosen_ || !core_.contradiction.empty());
}

bool Learner::LearnValue(const Accepted& entry) {
  Cell* cell = core_.window.Find(entry.slot);
  const bool same =
      cell != nullptr && cell->accepted && (cell->chosen || cell->entry.ballot >= entry.ballot);
  if (same && cell->entry.value != entry.value && !Planted(Bug::kSecondValueTaken)) {
    core_.NoteContradiction(cell->entry, entry);
    return false;
  }
  if (entry.slot <= chosen_) return false;
  if (!same) {
    // Overwriting an older vote is safe: the slot is decided, and this is what any later phase 1
    // has to find.
    if (cell != nullptr && cell->unknown) REACH("paxos.unknown_slot_repaired");
    LogRecord record;
    record.type = LogRecord::Type::kAccept;
    record.accepted = entry;
    cell = &core_.window.Store(entry, core_.outbox.Persist(std::move(record)));
  }
  cell->chosen = true;
  OnPeerChosen(entry.slot);
  RaiseChosen();
  return !same;
}

void Learner::RaiseChosen() {
  while (true) {
    const Cell* cell = core_.window.Find(chosen_ + 1);
    if (cell == nullptr || !cell->chosen) return;
    ++chosen_;
  }
}

void Learner::InstallSnapshot(Slot upto) {
  if (upto <= applied_) return;
  REACH("paxos.snapshot_installed");
  chosen_ = std::max(chosen_, upto);
  applied_ = upto;
  compacted_ = std::max(compacted_, upto);
  OnPeerChosen(upto);
  core_.window.DropBelow(upto + 1);
  RaiseChosen();
  requested_ns_ = -1;
}

void Learner::TrimMemory() {
  // Nobody to serve: what is applied is of no more use here.
  const size_t bytes_max = core_.peers.empty() ? 0 : core_.config.window_bytes_max;
  LogWindow& window = core_.window;
  while (window.first() <= applied_ && window.bytes() > bytes_max &&
         core_.outbox.IsDurable(window.Find(window.first())->persist_seq)) {
    window.DropBelow(window.first() + 1);
  }
}

Slot Learner::OnCatchUpRequest(NodeId from, const CatchUpRequest& request) {
  const Slot last = std::min(request.last, chosen_);
  if (request.first > last) return kNoSlot;
  if (request.first < core_.window.first()) {
    REACH("paxos.catch_up_from_disk");
    core_.outbox.NeedCatchUp({from, request.first, last});
    return kNoSlot;
  }
  if (ServedLately(from, request.first)) {
    REACH("paxos.catch_up_already_on_its_way");
    SayOnItsWay(from);
    return kNoSlot;
  }
  CatchUpReply reply;
  reply.chosen = chosen_;
  reply.compacted = compacted_;
  size_t bytes = 0;
  for (Slot slot = request.first; slot <= last; ++slot) {
    const Accepted& entry = core_.window.Find(slot)->entry;
    const size_t size = sizeof(Accepted) + BytesOf(entry.value.payload).size();
    const bool full = bytes + size > core_.config.catch_up_bytes_max ||
                      reply.entries.size() == kMaxEntriesPerMessage;
    if (full && !reply.entries.empty()) break;
    bytes += size;
    reply.entries.push_back(entry);
  }
  std::erase_if(served_, [&](const Served& served) {
    return served.peer == from || served.until_ns <= core_.now_ns;
  });
  const Slot served = reply.entries.back().slot;
  served_.push_back({from, request.first, core_.now_ns + Core::TransferNs(bytes)});
  core_.outbox.Send(from, std::move(reply));
  return served;
}

void Learner::SayOnItsWay(NodeId peer) {
  core_.outbox.Send(peer, CatchUpReply{.chosen = chosen_, .compacted = compacted_, .entries = {}});
}

void Learner::OnLinkUp(NodeId peer) {
  std::erase_if(served_, [peer](const Served& served) { return served.peer == peer; });
}

bool Learner::ServedLately(NodeId peer, Slot first) const {
  return std::any_of(served_.begin(), served_.end(), [&](const Served& served) {
    return served.peer == peer && served.first == first && core_.now_ns < served.until_ns;
  });
}

Ballot Learner::OnCatchUpReply(NodeId from, const CatchUpReply& reply) {
  OnPeerChosen(reply.chosen);
  if (reply.entries.empty()) {
    if (requested_ns_ < 0) return {};
    requests_failed_ = 0;
    requested_ns_ = core_.now_ns;
    return {};
  }
  const Slot before = chosen_;
  Ballot highest;
  for (const Accepted& entry : reply.entries) {
    // Out of order over a lost reply: it would open a gap in memory without bound.
    if (entry.slot > chosen_ + core_.config.ahead_slots_max) break;
    if (core_.LogFull()) {
      REACH("paxos.catch_up_waits_for_own_disk");
      break;
    }
    if (LearnValue(entry)) highest = std::max(highest, entry.ballot);
  }
  if (chosen_ == before) return highest;
  requests_failed_ = 0;
  requested_ns_ = -1;
  if (chosen_ < reply.chosen && !core_.LogFull()) RequestFrom(from);
  return highest;
}

void Learner::Tick(NodeId prefer) {
  if (chosen_ > hint_written_ && core_.now_ns >= hint_due_ns_) {
    WriteHint();
    hint_due_ns_ = core_.now_ns + core_.config.retry_ns;
  }
  if (chosen_ >= chosen_elsewhere_) {
    behind_since_ns_ = -1;
    requested_ns_ = -1;
    requests_failed_ = 0;
    return;
  }
  // Entries that arrive in the ordinary way, only late, need no second copy.
  if (behind_since_ns_ < 0 || behind_at_ != chosen_) {
    behind_since_ns_ = core_.now_ns;
    behind_at_ = chosen_;
  }
  if (core_.now_ns - behind_since_ns_ < kCatchUpDelay_ns) return;
  if (core_.LogFull()) {
    requested_ns_ = -1;  // asks anew as soon as there is room
    return;
  }
  if (requested_ns_ >= 0) {
    const int64_t wait_ns = core_.config.retry_ns << std::min<size_t>(requests_failed_, 4);
    if (core_.now_ns - requested_ns_ < wait_ns) return;
    ++requests_failed_;
  }
  const NodeId peer = PickPeer(prefer);
  if (peer != kNoNode) RequestFrom(peer);
}

void Learner::RequestFrom(NodeId peer) {
  REACH("paxos.catch_up_requested");
  requested_ns_ = core_.now_ns;
  core_.outbox.Send(peer, CatchUpRequest{chosen_ + 1, kMaxSlot});
}

NodeId Learner::PickPeer(NodeId prefer) {
  const auto can_help = [this](const PeerStatus& peer) {
    return peer.chosen > chosen_ && core_.IsResponsive(peer);
  };
  if (requests_failed_ == 0) {
    const PeerStatus* peer = core_.Peer(prefer);
    if (peer != nullptr && can_help(*peer)) return prefer;
  }
  for (size_t i = 0; i < core_.peers.size(); ++i) {
    const PeerStatus& peer = core_.peers[(i + requests_failed_) % core_.peers.size()];
    if (can_help(peer)) return peer.node;
  }
  return kNoNode;
}

void Learner::WriteHint() {
  if (chosen_ == hint_written_) return;
  hint_written_ = chosen_;
  LogRecord record;
  record.type = LogRecord::Type::kChosen;
  record.slot = Planted(Bug::kHintBeyondChosen) ? core_.window.end() - 1 : chosen_;
  core_.outbox.Persist(std::move(record));
}

}  // namespace clustron::paxos
