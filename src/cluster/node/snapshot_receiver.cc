#include "cluster/node/snapshot_receiver.h"

#include <algorithm>
#include <utility>

#include "base/breather.h"
#include "base/check.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::cluster {

namespace {

constexpr int64_t kCheckSliceNs = 1'500'000;      // per loop turn
constexpr int64_t kRestoreSliceNs = 8'000'000;    // per loop turn
constexpr int64_t kSenderGoneNs = 2'000'000'000;  // then another one's offer is taken
constexpr int64_t kGiveUpNs = 30'000'000'000;     // a transfer without any progress

}  // namespace

SnapshotReceiver::SnapshotReceiver(NodeCore& core, persist::SnapshotStore& store,
                                   const Around& around)
    : core_(core), store_(store), around_(around), loaded_slot_(around.writer.slot()) {}

bool SnapshotReceiver::OnMessage(NodeId from, WireKind kind, std::string_view body) {
  SnapshotName name;
  if (kind == WireKind::kSnapshotOffer) {
    if (!ReadSnapshotOffer(body, &name)) return false;
    OnOffer(from, name);
    return true;
  }
  CHECK(kind == WireKind::kSnapshotChunk);
  persist::SnapshotChunk chunk;
  if (!ReadSnapshotChunk(body, &name, &chunk)) return false;
  OnChunk(from, name, chunk);
  return true;
}

void SnapshotReceiver::Ack(NodeId to, const SnapshotName& name, uint64_t offset) {
  core_.transport.Send(to, Urgency::kBulk, WireSnapshotAck(name, offset));
}

// --- Receiving -----------------------------------------------------------------------------------

void SnapshotReceiver::OnOffer(NodeId from, const SnapshotName& name) {
  // What it would replace may be the only copy of what was acknowledged.
  if (core_.restoring || around_.digests.Differs(from) || around_.digests.HasOtherLog(from)) return;
  // Its bytes would come again and again. Another slot's or another node's may be good.
  if (name == refused_) return;
  if (name.slot <= core_.state.applied_slot()) {
    Ack(from, name, name.bytes);  // not needed
    return;
  }
  if (receive_ != nullptr) {
    const bool alive = core_.NowNs() - receive_->progress_ns < kSenderGoneNs;
    // One at a time; the other side will offer again.
    if (receive_->finishing || (receive_->from != from && alive)) return;
  }
  Result<uint64_t> offset = store_.BeginReceive({name.slot, name.bytes}, name.file_id);
  if (!offset) return;
  receive_ = std::make_unique<Transfer>();
  receive_->from = from;
  receive_->name = name;
  receive_->progress_ns = core_.NowNs();
  if (*offset == name.bytes) {
    BeginCheck();
    return;
  }
  Ack(from, name, *offset);
}

void SnapshotReceiver::OnChunk(NodeId from, const SnapshotName& name,
                               const persist::SnapshotChunk& chunk) {
  if (receive_ == nullptr || receive_->finishing || receive_->from != from ||
      receive_->name.file_id != name.file_id)
    return;
  const Status status = store_.Receive(chunk);
  const uint64_t offset = store_.receive_offset();
  if (status) receive_->progress_ns = core_.NowNs();
  if (offset == name.bytes) {
    BeginCheck();
    return;
  }
  Ack(from, name, offset);
}

void SnapshotReceiver::BeginCheck() {
  CHECK(!receive_->finishing);
  receive_->finishing = true;
  store_.OpenReceived([this](Result<std::unique_ptr<persist::File>> file) {
    CHECK(receive_ != nullptr);  // only this ends it while it is finishing
    if (!file) {
      Ack(receive_->from, receive_->name, 0);
      receive_.reset();
      return;
    }
    receive_->file = *std::move(file);
    receive_->check = core_.state.BeginCheck(*receive_->file, receive_->name.slot);
  });
}

void SnapshotReceiver::Step() {
  StepRestore();
  StepCheck();
}

// Beside the ordinary work: the node serves its clients meanwhile.
void SnapshotReceiver::StepCheck() {
  if (!checking()) return;
  const Result<bool> done = StepSlice(*receive_->check, kCheckSliceNs);
  if (!done) {
    Refuse(done.error());
  } else if (*done) {
    receive_->check.reset();
    receive_->file.reset();
    Install(receive_->from, receive_->name);
  } else {
    REACH("snapshot checked in slices");
  }
}

void SnapshotReceiver::Refuse(const Error& error) {
  REACH("snapshot of a peer refused");
  const std::unique_ptr<Transfer> refused = std::move(receive_);
  refused_ = refused->name;
  ++refused_count_;
  Log(LogLevel::kWarning,
      "node {}'s snapshot at slot {} is refused, and this node keeps its own state: {}",
      refused->from, refused->name.slot, error.detail);
  store_.AbortReceive();
}

void SnapshotReceiver::Install(NodeId from, const SnapshotName& name) {
  store_.FinishReceive([this, from, name](Status status, bool fatal) {
    if (core_.halted) return;
    if (fatal) {
      core_.host.Fatal("snapshot: " + status.error().detail);
      return;
    }
    if (status && name.slot > core_.state.applied_slot()) {
      BeginRestore(from, name);
      return;
    }
    receive_.reset();
    Ack(from, name, status ? name.bytes : 0);
  });
}

void SnapshotReceiver::Tick(int64_t now_ns) {
  if (receive_ != nullptr && !receive_->finishing && now_ns - receive_->progress_ns > kGiveUpNs)
    receive_.reset();
}

// --- Loading -------------------------------------------------------------------------------------

void SnapshotReceiver::BeginRestore(NodeId from, const SnapshotName& name) {
  CHECK(restore_ == nullptr);
  auto sender = store_.OpenSender(name.slot);
  if (!sender) {
    core_.host.Fatal("snapshot: " + sender.error().detail);
    return;
  }
  REACH("snapshot of a peer installed");
  // Its source walks a state that is about to go.
  if (around_.writer.running()) around_.writer.Abort();
  core_.restoring = true;
  restore_ = std::make_unique<Restore>();
  restore_->from = from;
  restore_->name = name;
  restore_->file = *std::move(sender);
  restore_->load = core_.state.BeginRestore(*restore_->file->file);
  restore_->began_ns = core_.NowNs();
  Log(LogLevel::kNotice,
      "too far behind for the log: loading node {}'s snapshot at slot {}, {} bytes", from,
      name.slot, name.bytes);
  around_.leader_view.Look();
}

void SnapshotReceiver::StepRestore() {
  if (restore_ == nullptr) return;
  const Result<bool> done = StepSlice(*restore_->load, kRestoreSliceNs);
  if (!done) {
    core_.host.Fatal("snapshot: " + done.error().detail);
  } else if (*done) {
    FinishRestore();
  } else {
    REACH("snapshot loaded in slices");
  }
}

// What of a snapshot's keys is read within a turn. True: all.
Result<bool> SnapshotReceiver::StepSlice(SnapshotRestore& read, int64_t slice_ns) {
  constexpr size_t kStepKeys = 64;
  const int64_t until = core_.NowNs() + slice_ns;
  size_t left = core_.config.restore_keys_per_turn;
  do {
    const size_t step = std::min(left, kStepKeys);
    left -= step;
    ASSIGN_OR_RETURN(const bool all, read.Step(step));
    if (all) return true;
    Breathe();
  } while (left > 0 && core_.NowNs() < until);
  return false;
}

void SnapshotReceiver::FinishRestore() {
  const std::unique_ptr<Restore> restored = std::move(restore_);
  core_.restoring = false;
  const SnapshotName& name = restored->name;
  receive_.reset();
  around_.digests.ForgetState();
  CHECK(core_.state.applied_slot() == name.slot || Planted(Bug::kSnapshotSlotOffByOne));
  around_.writer.OnInstalled(name);
  loaded_slot_ = name.slot;
  // What the log has of these slots may be votes for what was never chosen. The floor says so on
  // disk before the log can call them chosen: a start that can't read the file then gives up.
  core_.log.CompactTo(name.slot, true);
  core_.replica.InstallSnapshot(name.slot, core_.NowNs());
  around_.clock.GoOnFromState();
  around_.writes.SkipApplied();
  Log(LogLevel::kNotice, "the snapshot at slot {} is loaded, in {} ms", name.slot,
      (core_.NowNs() - restored->began_ns) / 1'000'000);
  Ack(restored->from, name, name.bytes);
  around_.digests.CompareLogs();
}

}  // namespace clustron::cluster
