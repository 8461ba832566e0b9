// Takes a peer's snapshot when this node is too far behind for the log: chunk by chunk onto the
// disk; then it is read once without being loaded, for a member's frames may be wrong in any way
// and the own state is let go for a good one only; then it takes the state's place, a slice per
// loop turn. While it is loaded, applying waits, and so do this node's clients; its votes and its
// log do not.
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <memory>

#include "cluster/node/digest_watch.h"
#include "cluster/node/leader_view.h"
#include "cluster/node/node_clock.h"
#include "cluster/node/node_core.h"
#include "cluster/node/snapshot_writer.h"
#include "cluster/node/write_path.h"
#include "persist/snapshot_store.h"

namespace clustron::cluster {

class SnapshotReceiver final : public MessageHandler {
 public:
  // What knows of the state that a snapshot takes the place of.
  struct Around {
    SnapshotWriter& writer;
    DigestWatch& digests;
    NodeClock& clock;
    WritePath& writes;
    LeaderView& leader_view;
  };
  SnapshotReceiver(NodeCore& core, persist::SnapshotStore& store, const Around& around);

  // The snapshot that this state began with, own or a peer's: the log speaks for later slots only.
  Slot loaded_slot() const { return loaded_slot_; }
  // Of peers, that were whole and could not be loaded, since the start.
  uint64_t refused() const { return refused_count_; }
  // One is being read or loaded: the next turn goes on with it.
  bool busy() const { return restore_ != nullptr || checking(); }

  // kSnapshotOffer, kSnapshotChunk
  bool OnMessage(NodeId from, WireKind kind, std::string_view body) override;
  // Each turn: a slice of what is being loaded, and of what is being checked.
  void Step();
  void Tick(int64_t now_ns);

 private:
  // On its way here.
  struct Transfer {
    NodeId from = 0;
    SnapshotName name;
    bool finishing = false;
    std::unique_ptr<persist::File> file;
    std::unique_ptr<SnapshotRestore> check;
    int64_t progress_ns = 0;
  };
  // Being loaded.
  struct Restore {
    NodeId from = 0;
    SnapshotName name;
    std::unique_ptr<persist::SnapshotStore::Sender> file;
    std::unique_ptr<SnapshotRestore> load;
    int64_t began_ns = 0;
  };
  // It is being read, to see whether it may be loaded.
  bool checking() const { return receive_ != nullptr && receive_->check != nullptr; }
  void OnOffer(NodeId from, const SnapshotName& name);
  void OnChunk(NodeId from, const SnapshotName& name, const persist::SnapshotChunk& chunk);
  void Ack(NodeId to, const SnapshotName& name, uint64_t offset);
  void BeginCheck();
  void StepCheck();
  void Refuse(const Error& error);
  void Install(NodeId from, const SnapshotName& name);
  void BeginRestore(NodeId from, const SnapshotName& name);
  void StepRestore();
  void FinishRestore();
  Result<bool> StepSlice(SnapshotRestore& read, int64_t slice_ns);

  NodeCore& core_;
  persist::SnapshotStore& store_;
  const Around around_;
  Slot loaded_slot_ = 0;
  std::unique_ptr<Transfer> receive_;
  std::unique_ptr<Restore> restore_;
  SnapshotName refused_;  // the last one
  uint64_t refused_count_ = 0;
};

}  // namespace clustron::cluster
