// Node: snapshots. Every node writes one behind the same slots (an item in the log says so), a
// slice per loop turn; the log before the previous one is let go; a peer that needs what is gone
// gets the file in chunks.
#include "cluster/node/node_snapshot.h"

#include <algorithm>
#include <utility>

#include "base/breather.h"
#include "base/check.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::cluster {

namespace {

constexpr size_t kSliceBytes = 128 * 1024;        // of the walk, at a time
constexpr int64_t kSliceNs = 1'500'000;           // of the walk, or of a check, per loop turn
constexpr int64_t kRestoreSliceNs = 8'000'000;    // of loading a peer's snapshot, per loop turn
constexpr size_t kBacklogBytesMax = 16 << 20;     // not yet written by the worker
constexpr uint64_t kInFlightBytes = 1 << 20;      // to a peer, unacknowledged
constexpr int64_t kRetryNs = 500'000'000;         // offer or chunk without an answer
constexpr int64_t kFailedNs = 1'000'000'000;      // between a snapshot that failed and the next one
constexpr int64_t kSenderGoneNs = 2'000'000'000;  // then another one's offer is taken
constexpr int64_t kRelieveNs = 500'000'000;       // between snapshots that are to make room
constexpr uint64_t kSnapshotOverheadBytes = 64 * 1024;  // of one, besides the state
constexpr int64_t kGiveUpNs = 30'000'000'000;           // a transfer without any progress
constexpr int64_t kLoadNs = 600'000'000'000;            // what a peer may take to load all of it

}  // namespace

int64_t Node::snapshot_running_ns() const {
  return snapshot_ == nullptr ? -1 : NowNs() - snapshot_->began_ns;
}

bool Node::checking_snapshot() const {
  return snapshot_receive_ != nullptr && snapshot_receive_->check != nullptr;
}

// --- Writing -------------------------------------------------------------------------------------

void Node::MaybeWantSnapshot() {
  if (snapshot_proposed_ || snapshot_ != nullptr || NowNs() < snapshot_not_before_ns_) return;
  // Older log is there only for what is not on disk yet, or in case the newest snapshot gets lost:
  // another one would not make it less.
  const uint64_t limit = std::max(config_.snapshot_log_bytes_min, snapshot_bytes_);
  if (log_.BytesBehind(snapshot_slot_) <= limit) return;
  snapshot_proposed_ = true;
  std::string item;
  AppendItem({.kind = ItemKind::kSnapshot}, {}, &item);
  batcher_.AddOwn(item);
}

void Node::OnSnapshotWanted() {
  snapshot_proposed_ = false;
  snapshot_wanted_ = true;
}

void Node::BeginSnapshot() {
  if (restore_ != nullptr) return;  // behind it
  snapshot_wanted_ = false;
  if (snapshot_ != nullptr || snapshots_.writing()) {
    REACH("snapshot wanted while one is being written");
    return;
  }
  snapshot_ = std::make_unique<SnapshotWrite>();
  snapshot_->began_ns = NowNs();
  snapshot_->state_bytes = state_.SizeBytes();
  snapshot_->source = state_.BeginSnapshot();
  snapshot_->slot = snapshot_->source->slot() + (Planted(Bug::kSnapshotSlotOffByOne) ? 1 : 0);
  snapshots_.BeginWrite(snapshot_->slot);
}

void Node::StepSnapshot() {
  if (snapshot_ == nullptr || !snapshot_->walking) return;
  if (snapshots_.backlog_bytes() > kBacklogBytesMax) return;
  const int64_t until = NowNs() + kSliceNs;
  SnapshotSource::Progress progress;
  do {
    std::string bytes;
    progress = snapshot_->source->Step(kSliceBytes, &bytes);
    if (progress == SnapshotSource::Progress::kAborted) {
      REACH("snapshot dropped: too much changed meanwhile");
      snapshots_.AbortWrite();
      FinishSnapshotWrite(0, Fail(Errc::kLimit, "too much changed while it was written"));
      return;
    }
    snapshot_->bytes += bytes.size();
    if (!bytes.empty()) snapshots_.Append(std::move(bytes));
  } while (progress == SnapshotSource::Progress::kMore && NowNs() < until &&
           snapshots_.backlog_bytes() <= kBacklogBytesMax);
  if (progress == SnapshotSource::Progress::kMore) return;
  snapshot_->walking = false;
  snapshot_->source.reset();
  const Slot slot = snapshot_->slot;
  snapshots_.FinishWrite([this, slot](Status status, bool fatal) {
    if (halted_) return;  // the log before it stays
    if (fatal) {
      host_.Fatal("snapshot: " + status.error().detail);
      return;
    }
    FinishSnapshotWrite(slot, status);
  });
}

void Node::FinishSnapshotWrite(Slot slot, const Status& status) {
  const bool ok = status.has_value();
  // Said once: it is tried again every second.
  if (!ok && !snapshot_failed_) {
    Log(LogLevel::kWarning, "a snapshot could not be written: {}", status.error().detail);
  } else if (ok && snapshot_failed_) {
    Log(LogLevel::kNotice, "snapshots can be written again");
  }
  snapshot_failed_ = !ok;
  const uint64_t bytes = snapshot_ == nullptr ? 0 : snapshot_->bytes;
  const uint64_t state_bytes = snapshot_ == nullptr ? 0 : snapshot_->state_bytes;
  const int64_t took_ns = snapshot_ == nullptr ? 0 : NowNs() - snapshot_->began_ns;
  snapshot_.reset();
  if (ok && slot > snapshot_slot_) {
    previous_snapshot_slot_ = snapshot_slot_;
    snapshot_slot_ = slot;
    snapshot_bytes_ = bytes;
    snapshot_state_bytes_ = state_bytes;
    Compact();
  }
  if (!ok) snapshot_not_before_ns_ = NowNs() + kFailedNs;
  host_.SnapshotDone(ok, took_ns);
}

// Keeps the log from the previous snapshot on: if the newest turns out damaged, that one and the
// log bring the state back. Also what stands behind a snapshot that a peer is loading: without it
// the peer would need the next one, and never come to an end where much is written.
void Node::Compact() {
  if (previous_snapshot_slot_ == 0) return;
  Slot keep = previous_snapshot_slot_;
  std::erase_if(catching_up_, [&](const auto& peer) { return !StillCatchesUp(peer.first); });
  for (const auto& [node, peer] : catching_up_) {
    if (peer.slot < keep) REACH("log kept for a peer that loads a snapshot");
    keep = std::min(keep, peer.slot);
  }
  log_.CompactTo(keep + (Planted(Bug::kLogCutEarly) ? 8 : 0));
  state_.ForgetDigestsBelow(keep);
  replica_.Compact(keep);
}

bool Node::StillCatchesUp(NodeId node) {
  const CatchingUp& peer = catching_up_.at(node);
  // A full disk can't wait for others. Who loads says nothing until all of it is loaded.
  const int64_t patience_ns = peer.has_all ? kLoadNs : kGiveUpNs;
  if (log_.disk_low() || NowNs() - peer.progress_ns > patience_ns) return false;
  for (const paxos::PeerStatus& status : replica_.peers())
    if (status.node == node) return status.chosen < previous_snapshot_slot_;
  return false;
}

// --- Sending -------------------------------------------------------------------------------------

void Node::StartSnapshotSend(NodeId peer) {
  if (snapshot_sends_.contains(peer)) return;
  if (snapshot_slot_ == 0) {
    // Nothing to send yet (a log that begins behind slot 1 without a snapshot can't be).
    snapshot_wanted_ = true;
    return;
  }
  auto sender = snapshots_.OpenSender(snapshot_slot_);
  if (!sender) return;
  REACH("snapshot offered to a peer");
  auto send = std::make_unique<SnapshotSend>();
  send->sender = *std::move(sender);
  send->name = {send->sender->info.slot, send->sender->info.bytes, send->sender->file_id};
  send->progress_ns = NowNs();
  catching_up_[peer] = {.slot = send->name.slot, .progress_ns = NowNs()};
  transport_.Send(peer, Urgency::kBulk, WireSnapshotOffer(send->name));
  snapshot_sends_.emplace(peer, std::move(send));
}

void Node::OnSnapshotAck(NodeId from, const SnapshotName& name, uint64_t offset) {
  const auto it = snapshot_sends_.find(from);
  if (it == snapshot_sends_.end()) return;
  SnapshotSend& send = *it->second;
  if (name.slot != send.name.slot || name.file_id != send.name.file_id || offset > send.name.bytes)
    return;
  const int64_t now = NowNs();
  // All of it has left, and is wanted from its beginning: it may have arrived as it is here.
  const bool in_vain = send.started && offset == 0 && send.sent == send.name.bytes;
  if (in_vain && !std::exchange(send.checked, true)) CheckSentSnapshot(send.name.slot);
  if (!send.started || offset > send.acked) send.progress_ns = now;
  if (const auto peer = catching_up_.find(from); peer != catching_up_.end()) {
    peer->second.progress_ns = now;
    peer->second.has_all = offset == send.name.bytes;
  }
  if (!send.started || offset < send.acked) send.sent = offset;  // begins, or asks again
  send.started = true;
  send.acked = offset;
  send.sent = std::max(send.sent, offset);
  if (offset == send.name.bytes) {
    snapshot_sends_.erase(it);
    return;
  }
  SendSnapshotChunks(from, send);
}

void Node::SendSnapshotChunks(NodeId peer, SnapshotSend& send) {
  while (send.sent < send.name.bytes && send.sent - send.acked < kInFlightBytes) {
    auto chunk = persist::SnapshotStore::ReadChunk(*send.sender, send.sent);
    if (!chunk || chunk->bytes.empty()) {
      CheckSentSnapshot(send.name.slot);
      snapshot_sends_.erase(peer);
      return;
    }
    send.sent += chunk->bytes.size();
    transport_.Send(peer, Urgency::kBulk, WireSnapshotChunk(send.name, *chunk));
  }
}

// A damaged one would be offered, sent and thrown away for ever.
void Node::CheckSentSnapshot(Slot slot) {
  REACH("own snapshot checked because a peer can't use it");
  snapshots_.Check(slot, [this, slot](const Status& status) {
    const bool damaged = !status && status.error().code == Errc::kCorruption;
    if (halted_ || !damaged || slot != snapshot_slot_) return;
    REACH("own snapshot found damaged while it was sent");
    Log(LogLevel::kWarning,
        "this node's snapshot at slot {} is damaged on its disk: it is not offered any more, and "
        "another one is written: {}",
        slot, status.error().detail);
    std::erase_if(snapshot_sends_,
                  [slot](const auto& send) { return send.second->name.slot == slot; });
    snapshot_slot_ = std::exchange(previous_snapshot_slot_, 0);
    snapshot_wanted_ = true;
  });
}

uint64_t Node::NextSnapshotBytes() const {
  uint64_t size = state_.SizeBytes();
  // Small keys take less there than in memory, big values the same.
  if (snapshot_state_bytes_ > 0) {
    const double ratio =
        static_cast<double>(snapshot_bytes_) / static_cast<double>(snapshot_state_bytes_);
    size = static_cast<uint64_t>(static_cast<double>(size) * std::clamp(ratio, 0.5, 1.0));
  }
  return size + kSnapshotOverheadBytes;
}

// What fills a disk that is low is the log, and snapshots of what was. Both can go once the state
// as it is now, which may have become small, is on disk twice: the log is kept from the last
// snapshot but one on. The others need not take part: it is about this node's disk.
void Node::RelieveDisk(int64_t now_ns) {
  if (!log_.disk_low() || snapshot_ != nullptr || snapshots_.writing() || restore_ != nullptr ||
      now_ns < snapshot_not_before_ns_ || now_ns - relieved_ns_ < kRelieveNs)
    return;
  const uint64_t size = NextSnapshotBytes();
  uint64_t held = log_.log_bytes();
  for (const persist::SnapshotInfo& info : snapshots_.list()) held += info.bytes;
  const bool helps = held > 2 * size + held / 4 && state_.applied_slot() > snapshot_slot_;
  if (!helps || log_.free_bytes() < size + size / 4) return;
  REACH("snapshot to make room on a full disk");
  relieved_ns_ = now_ns;
  snapshot_wanted_ = true;
}

void Node::TickSnapshots(int64_t now_ns) {
  log_.SetSnapshotRoom(NextSnapshotBytes());
  RelieveDisk(now_ns);
  for (auto it = snapshot_sends_.begin(); it != snapshot_sends_.end();) {
    const NodeId peer = it->first;
    SnapshotSend& send = *it->second;
    if (now_ns - send.progress_ns > kGiveUpNs) {
      REACH("snapshot transfer given up");
      it = snapshot_sends_.erase(it);
      continue;
    }
    ++it;
    if (now_ns - send.progress_ns < kRetryNs || now_ns - send.retry_ns < kRetryNs) continue;
    // The other may know nothing of this transfer any more (what it got was damaged, or could not
    // be written): its answer says where to go on.
    send.retry_ns = now_ns;
    send.sent = send.acked;
    transport_.Send(peer, Urgency::kBulk, WireSnapshotOffer(send.name));
  }
  if (snapshot_receive_ != nullptr && !snapshot_receive_->finishing &&
      now_ns - snapshot_receive_->progress_ns > kGiveUpNs)
    snapshot_receive_.reset();
}

// --- Receiving -----------------------------------------------------------------------------------

void Node::OnSnapshotOffer(NodeId from, const SnapshotName& name) {
  // What it would replace may be the only copy of what was acknowledged.
  if (restore_ != nullptr || divergence_.Differs(from) || HasOtherLog(from)) return;
  // Its bytes would come again and again. Another slot's or another node's may be good.
  if (name == refused_snapshot_) return;
  if (name.slot <= state_.applied_slot()) {
    transport_.Send(from, Urgency::kBulk, WireSnapshotAck(name, name.bytes));  // not needed
    return;
  }
  if (snapshot_receive_ != nullptr) {
    const bool alive = NowNs() - snapshot_receive_->progress_ns < kSenderGoneNs;
    // One at a time; the other side will offer again.
    if (snapshot_receive_->finishing || (snapshot_receive_->from != from && alive)) return;
  }
  Result<uint64_t> offset = snapshots_.BeginReceive({name.slot, name.bytes}, name.file_id);
  if (!offset) return;
  snapshot_receive_ = std::make_unique<SnapshotReceive>();
  snapshot_receive_->from = from;
  snapshot_receive_->name = name;
  snapshot_receive_->progress_ns = NowNs();
  if (*offset == name.bytes) {
    CheckReceivedSnapshot();
    return;
  }
  transport_.Send(from, Urgency::kBulk, WireSnapshotAck(name, *offset));
}

void Node::OnSnapshotChunk(NodeId from, const SnapshotName& name,
                           const persist::SnapshotChunk& chunk) {
  if (snapshot_receive_ == nullptr || snapshot_receive_->finishing ||
      snapshot_receive_->from != from || snapshot_receive_->name.file_id != name.file_id)
    return;
  const Status status = snapshots_.Receive(chunk);
  const uint64_t offset = snapshots_.receive_offset();
  if (status) snapshot_receive_->progress_ns = NowNs();
  if (offset == name.bytes) {
    CheckReceivedSnapshot();
    return;
  }
  transport_.Send(from, Urgency::kBulk, WireSnapshotAck(name, offset));
}

void Node::CheckReceivedSnapshot() {
  SnapshotReceive& receive = *snapshot_receive_;
  receive.finishing = true;
  snapshots_.OpenReceived([this](Result<std::unique_ptr<persist::File>> file) {
    SnapshotReceive& received = *snapshot_receive_;  // only this ends it while it is finishing
    if (!file) {
      transport_.Send(received.from, Urgency::kBulk, WireSnapshotAck(received.name, 0));
      snapshot_receive_.reset();
      return;
    }
    received.file = *std::move(file);
    received.check = state_.BeginCheck(*received.file, received.name.slot);
  });
}

// Beside the ordinary work: the node serves its clients meanwhile.
void Node::StepSnapshotCheck() {
  if (!checking_snapshot()) return;
  const Result<bool> done = StepSlice(*snapshot_receive_->check, kSliceNs);
  if (!done) {
    RefuseSnapshot(done.error());
  } else if (*done) {
    snapshot_receive_->check.reset();
    snapshot_receive_->file.reset();
    InstallReceivedSnapshot(snapshot_receive_->from, snapshot_receive_->name);
  } else {
    REACH("snapshot checked in slices");
  }
}

void Node::RefuseSnapshot(const Error& error) {
  REACH("snapshot of a peer refused");
  const std::unique_ptr<SnapshotReceive> refused = std::move(snapshot_receive_);
  refused_snapshot_ = refused->name;
  ++snapshots_refused_;
  Log(LogLevel::kWarning,
      "node {}'s snapshot at slot {} is refused, and this node keeps its own state: {}",
      refused->from, refused->name.slot, error.detail);
  snapshots_.AbortReceive();
}

void Node::InstallReceivedSnapshot(NodeId from, const SnapshotName& name) {
  snapshots_.FinishReceive([this, from, name](Status status, bool fatal) {
    if (halted_) return;
    if (fatal) {
      host_.Fatal("snapshot: " + status.error().detail);
      return;
    }
    if (status && name.slot > state_.applied_slot()) {
      BeginRestore(from, name);
      return;
    }
    snapshot_receive_.reset();
    transport_.Send(from, Urgency::kBulk, WireSnapshotAck(name, status ? name.bytes : 0));
  });
}

// --- Loading -------------------------------------------------------------------------------------

// Applying waits meanwhile, and so do this node's clients; its votes and its log do not.
void Node::BeginRestore(NodeId from, const SnapshotName& name) {
  auto sender = snapshots_.OpenSender(name.slot);
  if (!sender) {
    host_.Fatal("snapshot: " + sender.error().detail);
    return;
  }
  REACH("snapshot of a peer installed");
  if (snapshot_ != nullptr) {  // its source walks a state that is about to go
    snapshots_.AbortWrite();
    snapshot_.reset();
  }
  restore_ = std::make_unique<Restore>();
  restore_->from = from;
  restore_->name = name;
  restore_->file = *std::move(sender);
  restore_->load = state_.BeginRestore(*restore_->file->file);
  restore_->began_ns = NowNs();
  Log(LogLevel::kNotice,
      "too far behind for the log: loading node {}'s snapshot at slot {}, {} bytes", from,
      name.slot, name.bytes);
  LookAtLeadership();
}

void Node::StepRestore() {
  if (restore_ == nullptr) return;
  const Result<bool> done = StepSlice(*restore_->load, kRestoreSliceNs);
  if (!done) {
    host_.Fatal("snapshot: " + done.error().detail);
  } else if (*done) {
    FinishRestore();
  } else {
    REACH("snapshot loaded in slices");
  }
}

// What of a snapshot's keys is read within a turn. True: all.
Result<bool> Node::StepSlice(SnapshotRestore& read, int64_t slice_ns) {
  constexpr size_t kStepKeys = 64;
  const int64_t until = NowNs() + slice_ns;
  size_t left = config_.restore_keys_per_turn;
  do {
    const size_t step = std::min(left, kStepKeys);
    left -= step;
    ASSIGN_OR_RETURN(const bool all, read.Step(step));
    if (all) return true;
    Breathe();
  } while (left > 0 && NowNs() < until);
  return false;
}

void Node::FinishRestore() {
  const std::unique_ptr<Restore> restored = std::move(restore_);
  const SnapshotName& name = restored->name;
  snapshot_receive_.reset();
  divergence_ = {};  // it was about another state
  CHECK(state_.applied_slot() == name.slot || Planted(Bug::kSnapshotSlotOffByOne));
  previous_snapshot_slot_ = snapshot_slot_;
  snapshot_slot_ = name.slot;
  snapshot_bytes_ = name.bytes;
  loaded_slot_ = name.slot;
  // What the log has of these slots may be votes for what was never chosen. The floor says so on
  // disk before the log can call them chosen: a start that can't read the file then gives up.
  log_.CompactTo(name.slot, true);
  replica_.InstallSnapshot(name.slot, NowNs());
  cluster_clock_.Continue(state_.elapsed_ms(), NowNs());
  std::vector<ItemOwner*> uncertain;
  origin_.SkipTo(state_.NextSequence(origin_.session()), &uncertain);
  for (ItemOwner* owner : uncertain) host_.FailWrite(*owner, Failure::kUncertain);
  Log(LogLevel::kNotice, "the snapshot at slot {} is loaded, in {} ms", name.slot,
      (NowNs() - restored->began_ns) / 1'000'000);
  transport_.Send(restored->from, Urgency::kBulk, WireSnapshotAck(name, name.bytes));
  CompareLogs();
}

}  // namespace clustron::cluster
