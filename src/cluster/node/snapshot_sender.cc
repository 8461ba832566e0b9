#include "cluster/node/snapshot_sender.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/reach.h"

namespace clustron::cluster {

namespace {

constexpr uint64_t kInFlightBytes = 1 << 20;   // to a peer, unacknowledged
constexpr int64_t kRetryNs = 500'000'000;      // offer or chunk without an answer
constexpr int64_t kGiveUpNs = 30'000'000'000;  // a transfer without any progress
constexpr int64_t kLoadNs = 600'000'000'000;   // what a peer may take to load all of it

}  // namespace

void SnapshotSender::Start(NodeId peer) {
  if (sends_.contains(peer)) return;
  if (writer_.slot() == 0) {
    // Nothing to send yet (a log that begins behind slot 1 without a snapshot can't be).
    writer_.Want();
    return;
  }
  auto sender = store_.OpenSender(writer_.slot());
  if (!sender) return;
  REACH("snapshot offered to a peer");
  auto send = std::make_unique<Transfer>();
  send->sender = *std::move(sender);
  send->name = {send->sender->info.slot, send->sender->info.bytes, send->sender->file_id};
  CHECK(send->name.slot == writer_.slot());
  send->progress_ns = core_.NowNs();
  catching_up_[peer] = {.slot = send->name.slot, .progress_ns = core_.NowNs()};
  core_.transport.Send(peer, Urgency::kBulk, WireSnapshotOffer(send->name));
  sends_.emplace(peer, std::move(send));
}

bool SnapshotSender::OnMessage(NodeId from, WireKind kind, std::string_view body) {
  CHECK(kind == WireKind::kSnapshotAck);
  SnapshotName name;
  uint64_t offset;
  if (!ReadSnapshotAck(body, &name, &offset)) return false;
  OnAck(from, name, offset);
  return true;
}

void SnapshotSender::OnAck(NodeId from, const SnapshotName& name, uint64_t offset) {
  const auto it = sends_.find(from);
  if (it == sends_.end()) return;
  Transfer& send = *it->second;
  if (name.slot != send.name.slot || name.file_id != send.name.file_id || offset > send.name.bytes)
    return;
  const int64_t now = core_.NowNs();
  // All of it has left, and is wanted from its beginning: it may have arrived as it is here.
  const bool in_vain = send.started && offset == 0 && send.sent == send.name.bytes;
  if (in_vain && !std::exchange(send.checked, true)) CheckOwn(send.name.slot);
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
    sends_.erase(it);
    return;
  }
  SendChunks(from, send);
}

void SnapshotSender::SendChunks(NodeId peer, Transfer& send) {
  CHECK(send.started);
  while (send.sent < send.name.bytes && send.sent - send.acked < kInFlightBytes) {
    auto chunk = persist::SnapshotStore::ReadChunk(*send.sender, send.sent);
    if (!chunk || chunk->bytes.empty()) {
      CheckOwn(send.name.slot);
      sends_.erase(peer);
      return;
    }
    send.sent += chunk->bytes.size();
    core_.transport.Send(peer, Urgency::kBulk, WireSnapshotChunk(send.name, *chunk));
  }
}

// A damaged one would be offered, sent and thrown away for ever.
void SnapshotSender::CheckOwn(Slot slot) {
  REACH("own snapshot checked because a peer can't use it");
  store_.Check(slot, [this, slot](const Status& status) {
    const bool damaged = !status && status.error().code == Errc::kCorruption;
    if (core_.halted || !damaged || slot != writer_.slot()) return;
    REACH("own snapshot found damaged while it was sent");
    Log(LogLevel::kWarning,
        "this node's snapshot at slot {} is damaged on its disk: it is not offered any more, and "
        "another one is written: {}",
        slot, status.error().detail);
    std::erase_if(sends_, [slot](const auto& send) { return send.second->name.slot == slot; });
    writer_.OnDamaged(slot);
  });
}

Slot SnapshotSender::KeepLogBehind(Slot slot) {
  Slot keep = slot;
  std::erase_if(catching_up_, [&](const auto& peer) { return !StillCatchesUp(peer.first, slot); });
  for (const auto& [node, peer] : catching_up_) {
    if (peer.slot < keep) REACH("log kept for a peer that loads a snapshot");
    keep = std::min(keep, peer.slot);
  }
  return keep;
}

// Whether the node has not come up to what the log would go back to.
bool SnapshotSender::StillCatchesUp(NodeId node, Slot slot) const {
  const CatchingUp& peer = catching_up_.at(node);
  // A full disk can't wait for others. Who loads says nothing until all of it is loaded.
  const int64_t patience_ns = peer.has_all ? kLoadNs : kGiveUpNs;
  if (core_.log.disk_low() || core_.NowNs() - peer.progress_ns > patience_ns) return false;
  for (const paxos::PeerStatus& status : core_.replica.peers())
    if (status.node == node) return status.chosen < slot;
  return false;
}

void SnapshotSender::Tick(int64_t now_ns) {
  for (auto it = sends_.begin(); it != sends_.end();) {
    const NodeId peer = it->first;
    Transfer& send = *it->second;
    if (now_ns - send.progress_ns > kGiveUpNs) {
      REACH("snapshot transfer given up");
      it = sends_.erase(it);
      continue;
    }
    ++it;
    if (now_ns - send.progress_ns < kRetryNs || now_ns - send.retry_ns < kRetryNs) continue;
    // The other may know nothing of this transfer any more (what it got was damaged, or could not
    // be written): its answer says where to go on.
    send.retry_ns = now_ns;
    send.sent = send.acked;
    core_.transport.Send(peer, Urgency::kBulk, WireSnapshotOffer(send.name));
  }
}

}  // namespace clustron::cluster
