// Node's snapshot work in progress; only node*.cc include this.
#pragma once

#include "cluster/node/node.h"

namespace clustron::cluster {

// Being written here.
struct Node::SnapshotWrite {
  std::unique_ptr<SnapshotSource> source;
  Slot slot = 0;
  bool walking = true;  // else waiting for the disk
  uint64_t bytes = 0;
  uint64_t state_bytes = 0;  // in memory, when it began
  int64_t began_ns = 0;
};

// On its way to a peer: a few chunks in flight, acknowledged by offset.
struct Node::SnapshotSend {
  std::unique_ptr<persist::SnapshotStore::Sender> sender;
  SnapshotName name;
  uint64_t acked = 0;
  uint64_t sent = 0;
  bool started = false;  // the peer has said from where
  bool checked = false;  // whether it is what was written here
  int64_t progress_ns = 0;
  int64_t retry_ns = 0;
};

// Being loaded here, a slice per turn.
struct Node::Restore {
  NodeId from = 0;
  SnapshotName name;
  std::unique_ptr<persist::SnapshotStore::Sender> file;
  std::unique_ptr<SnapshotRestore> load;
  int64_t began_ns = 0;
};

// On its way here. When all of it has come it is read once without being loaded: a member's frames
// may be wrong in any way, and the own state is let go for a good one only.
struct Node::SnapshotReceive {
  NodeId from = 0;
  SnapshotName name;
  bool finishing = false;
  std::unique_ptr<persist::File> file;
  std::unique_ptr<SnapshotRestore> check;
  int64_t progress_ns = 0;
};

}  // namespace clustron::cluster
