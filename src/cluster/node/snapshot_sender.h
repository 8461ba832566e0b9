// Sends this node's newest snapshot to peers that need log which is gone: a few chunks in flight,
// acknowledged by offset. The log behind what a peer loads is kept meanwhile: without it the peer
// would need the next snapshot, and never come to an end where much is written.
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "cluster/node/node_core.h"
#include "cluster/node/snapshot_writer.h"
#include "persist/snapshot_store.h"

namespace clustron::cluster {

class SnapshotSender final : public MessageHandler, public LogKeeper {
 public:
  SnapshotSender(NodeCore& core, persist::SnapshotStore& store, SnapshotWriter& writer)
      : core_(core), store_(store), writer_(writer) {}

  // The peer needs what the log has no more.
  void Start(NodeId peer);
  // kSnapshotAck
  bool OnMessage(NodeId from, WireKind kind, std::string_view body) override;
  void Tick(int64_t now_ns);
  Slot KeepLogBehind(Slot slot) override;

 private:
  struct Transfer {
    std::unique_ptr<persist::SnapshotStore::Sender> sender;
    SnapshotName name;
    uint64_t acked = 0;
    uint64_t sent = 0;
    bool started = false;  // the peer has said from where
    bool checked = false;  // whether it is what was written here
    int64_t progress_ns = 0;
    int64_t retry_ns = 0;
  };
  // Who was offered a snapshot and has not come up to what the log goes back to.
  struct CatchingUp {
    Slot slot = 0;  // of the snapshot
    int64_t progress_ns = 0;
    bool has_all = false;  // and loads it
  };
  void OnAck(NodeId from, const SnapshotName& name, uint64_t offset);
  void SendChunks(NodeId peer, Transfer& send);
  void CheckOwn(Slot slot);
  bool StillCatchesUp(NodeId node, Slot slot) const;

  NodeCore& core_;
  persist::SnapshotStore& store_;
  SnapshotWriter& writer_;
  std::map<NodeId, std::unique_ptr<Transfer>> sends_;
  std::map<NodeId, CatchingUp> catching_up_;
};

}  // namespace clustron::cluster
