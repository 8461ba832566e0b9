#include "cluster/node/snapshot_writer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::cluster {

namespace {

constexpr size_t kSliceBytes = 128 * 1024;      // of the walk, at a time
constexpr int64_t kSliceNs = 1'500'000;         // of the walk, per loop turn
constexpr size_t kBacklogBytesMax = 16 << 20;   // not yet written by the worker
constexpr int64_t kFailedNs = 1'000'000'000;    // between a snapshot that failed and the next one
constexpr int64_t kRelieveNs = 500'000'000;     // between snapshots that are to make room
constexpr uint64_t kOverheadBytes = 64 * 1024;  // of one, besides the state

}  // namespace

SnapshotWriter::SnapshotWriter(NodeCore& core, persist::SnapshotStore& store, LogKeeper& keeper)
    : core_(core), store_(store), keeper_(keeper) {
  const auto& list = store_.list();
  if (!list.empty()) {
    slot_ = list.front().slot;
    bytes_ = list.front().bytes;
  }
  if (list.size() > 1) previous_slot_ = list[1].slot;
}

int64_t SnapshotWriter::running_ns() const {
  return write_ == nullptr ? -1 : core_.NowNs() - write_->began_ns;
}

bool SnapshotWriter::IsDue() const {
  if (write_ != nullptr || core_.NowNs() < not_before_ns_) return false;
  // Older log is there only for what is not on disk yet, or in case the newest snapshot gets lost:
  // another one would not make it less.
  const uint64_t limit = std::max(core_.config.snapshot_log_bytes_min, bytes_);
  return core_.log.BytesBehind(slot_) > limit;
}

void SnapshotWriter::Begin() {
  if (core_.restoring) return;  // behind it
  wanted_ = false;
  if (write_ != nullptr || store_.writing()) {
    REACH("snapshot wanted while one is being written");
    return;
  }
  write_ = std::make_unique<Write>();
  write_->began_ns = core_.NowNs();
  write_->state_bytes = core_.state.SizeBytes();
  write_->source = core_.state.BeginSnapshot();
  CHECK(write_->source->slot() == core_.state.applied_slot());
  write_->slot = write_->source->slot() + (Planted(Bug::kSnapshotSlotOffByOne) ? 1 : 0);
  store_.BeginWrite(write_->slot);
}

void SnapshotWriter::Step() {
  if (write_ == nullptr || !write_->walking) return;
  if (store_.backlog_bytes() > kBacklogBytesMax) return;
  const int64_t until = core_.NowNs() + kSliceNs;
  SnapshotSource::Progress progress;
  do {
    std::string bytes;
    progress = write_->source->Step(kSliceBytes, &bytes);
    if (progress == SnapshotSource::Progress::kAborted) {
      REACH("snapshot dropped: too much changed meanwhile");
      store_.AbortWrite();
      Finish(0, Fail(Errc::kLimit, "too much changed while it was written"));
      return;
    }
    write_->bytes += bytes.size();
    if (!bytes.empty()) store_.Append(std::move(bytes));
  } while (progress == SnapshotSource::Progress::kMore && core_.NowNs() < until &&
           store_.backlog_bytes() <= kBacklogBytesMax);
  if (progress == SnapshotSource::Progress::kMore) return;
  write_->walking = false;
  write_->source.reset();
  const Slot slot = write_->slot;
  store_.FinishWrite([this, slot](Status status, bool fatal) {
    if (core_.halted) return;  // the log before it stays
    if (fatal) {
      core_.host.Fatal("snapshot: " + status.error().detail);
      return;
    }
    Finish(slot, status);
  });
}

void SnapshotWriter::Finish(Slot slot, const Status& status) {
  const bool ok = status.has_value();
  // Said once: it is tried again every second.
  if (!ok && !failed_) {
    Log(LogLevel::kWarning, "a snapshot could not be written: {}", status.error().detail);
  } else if (ok && failed_) {
    Log(LogLevel::kNotice, "snapshots can be written again");
  }
  failed_ = !ok;
  const uint64_t bytes = write_ == nullptr ? 0 : write_->bytes;
  const uint64_t state_bytes = write_ == nullptr ? 0 : write_->state_bytes;
  const int64_t took_ns = write_ == nullptr ? 0 : core_.NowNs() - write_->began_ns;
  write_.reset();
  if (ok && slot > slot_) {
    previous_slot_ = slot_;
    slot_ = slot;
    bytes_ = bytes;
    state_bytes_ = state_bytes;
    Compact();
  }
  if (!ok) not_before_ns_ = core_.NowNs() + kFailedNs;
  core_.host.SnapshotDone(ok, took_ns);
}

// Keeps the log from the previous snapshot on: if the newest turns out damaged, that one and the
// log bring the state back. Also what others still need of it.
void SnapshotWriter::Compact() {
  if (previous_slot_ == 0) return;
  CHECK(previous_slot_ < slot_);
  const Slot keep = keeper_.KeepLogBehind(previous_slot_);
  CHECK(keep <= previous_slot_);
  core_.log.CompactTo(keep + (Planted(Bug::kLogCutEarly) ? 8 : 0));
  core_.state.ForgetDigestsBelow(keep);
  core_.replica.Compact(keep);
}

void SnapshotWriter::Abort() {
  store_.AbortWrite();
  write_.reset();
}

void SnapshotWriter::OnInstalled(const SnapshotName& name) {
  CHECK(write_ == nullptr);
  previous_slot_ = slot_;
  slot_ = name.slot;
  bytes_ = name.bytes;
}

void SnapshotWriter::OnDamaged(Slot slot) {
  CHECK(slot == slot_);
  slot_ = std::exchange(previous_slot_, 0);
  wanted_ = true;
}

uint64_t SnapshotWriter::NextBytes() const {
  uint64_t size = core_.state.SizeBytes();
  // Small keys take less there than in memory, big values the same.
  if (state_bytes_ > 0) {
    const double ratio = static_cast<double>(bytes_) / static_cast<double>(state_bytes_);
    size = static_cast<uint64_t>(static_cast<double>(size) * std::clamp(ratio, 0.5, 1.0));
  }
  return size + kOverheadBytes;
}

// What fills a disk that is low is the log, and snapshots of what was. Both can go once the state
// as it is now, which may have become small, is on disk twice: the log is kept from the last
// snapshot but one on. The others need not take part: it is about this node's disk.
void SnapshotWriter::RelieveDisk(int64_t now_ns) {
  if (!core_.log.disk_low() || write_ != nullptr || store_.writing() || core_.restoring ||
      now_ns < not_before_ns_ || now_ns - relieved_ns_ < kRelieveNs)
    return;
  const uint64_t size = NextBytes();
  uint64_t held = core_.log.log_bytes();
  for (const persist::SnapshotInfo& info : store_.list()) held += info.bytes;
  const bool helps = held > 2 * size + held / 4 && core_.state.applied_slot() > slot_;
  if (!helps || core_.log.free_bytes() < size + size / 4) return;
  REACH("snapshot to make room on a full disk");
  relieved_ns_ = now_ns;
  wanted_ = true;
}

void SnapshotWriter::Tick(int64_t now_ns) {
  core_.log.SetSnapshotRoom(NextBytes());
  RelieveDisk(now_ns);
}

}  // namespace clustron::cluster
