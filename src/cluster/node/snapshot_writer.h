// Writes this node's snapshots, a slice per loop turn, and lets go of the log behind the previous
// one. All nodes write one behind the same slots (an item in the log says so); BGSAVE and a disk
// that is low make this node write one alone.
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <memory>

#include "cluster/node/node_core.h"
#include "persist/snapshot_store.h"

namespace clustron::cluster {

// Whoever needs log that the snapshots would let go.
class LogKeeper {
 public:
  // The log is about to begin behind `slot`: behind which slot it has to instead, at the latest.
  virtual Slot KeepLogBehind(Slot slot) = 0;

 protected:
  ~LogKeeper() = default;
};

class SnapshotWriter {
 public:
  SnapshotWriter(NodeCore& core, persist::SnapshotStore& store, LogKeeper& keeper);

  bool running() const { return write_ != nullptr; }
  int64_t running_ns() const;  // since when; -1: there is none
  // Of the newest complete snapshot here; 0: there is none.
  Slot slot() const { return slot_; }
  // The log is kept from the one before on.
  Slot previous_slot() const { return previous_slot_; }
  bool wanted() const { return wanted_; }

  // One is written as soon as possible.
  void Want() { wanted_ = true; }
  // As leader: the log has become so long that all should write one.
  bool IsDue() const;
  void BeginIfWanted() {
    if (wanted_) Begin();
  }
  void Step();
  void Tick(int64_t now_ns);
  // Drops the one that is being written, if there is one.
  void Abort();
  // The state is another node's snapshot now, which is on disk here.
  void OnInstalled(const SnapshotName& name);
  // The one of this slot can't be read.
  void OnDamaged(Slot slot);

 private:
  struct Write {
    std::unique_ptr<SnapshotSource> source;
    Slot slot = 0;
    bool walking = true;  // else waiting for the disk
    uint64_t bytes = 0;
    uint64_t state_bytes = 0;  // in memory, when it began
    int64_t began_ns = 0;
  };
  void Begin();
  void Finish(Slot slot, const Status& status);
  void Compact();
  void RelieveDisk(int64_t now_ns);
  uint64_t NextBytes() const;

  NodeCore& core_;
  persist::SnapshotStore& store_;
  LogKeeper& keeper_;
  std::unique_ptr<Write> write_;
  bool wanted_ = false;
  Slot slot_ = 0;
  Slot previous_slot_ = 0;
  uint64_t bytes_ = 0;
  // Of the last one written here: what the state took in memory, so that the next one's size can be
  // told.
  uint64_t state_bytes_ = 0;
  int64_t not_before_ns_ = 0;
  bool failed_ = false;      // the last one
  int64_t relieved_ns_ = 0;  // when a full disk last made this node take one
};

}  // namespace clustron::cluster
