// A node alone, below `always`: commands are applied while they are parsed, and what the turn's
// commands changed becomes an entry that the state has already.
//
// THREAD: core loop.
#pragma once

#include <cstddef>
#include <string>

#include "cluster/node/leader_view.h"
#include "cluster/node/node_core.h"
#include "cluster/node/proposer.h"
#include "cluster/node/pump.h"
#include "cluster/node/revision_reserve.h"
#include "cluster/node/snapshot_writer.h"
#include "cluster/node/write_path.h"

namespace clustron::cluster {

class InlinePath {
 public:
  struct Around {
    const LeaderView& leader_view;
    const RevisionReserve& reserve;
    const WritePath& writes;
    const Proposer& proposer;
    Pump& pump;
    SnapshotWriter& writer;
  };
  InlinePath(NodeCore& core, const Around& around) : core_(core), around_(around) {}

  // True while commands may be applied at parse time: alone, weak durability, leading, nothing in
  // flight.
  bool Ready() const;
  Slot NextSlot() const { return core_.replica.last_slot() + 1; }
  // What Commit gets may be read again: at a start, or by peers.
  bool IsRead() const { return core_.log.durability() != Durability::kMemory; }
  // The entry that the turn's inline items made; the state has it already. Written (not synced)
  // when this returns, unless the disk is full: see Unwritten.
  void Commit(std::string entry);
  // Below `always`: an entry with so many bytes of items would be written at once. Else a write
  // must not be begun: its entry would wait, and every reader of what it did with it.
  bool HasRoomFor(size_t bytes) {
    return !core_.config.weak_durability || core_.log.HasRoomFor(bytes);
  }
  // Entries that the state has already wait for room on the disk: nobody may be told of them.
  bool Unwritten() const {
    return core_.config.weak_durability && core_.replica.chosen_slot() < core_.state.applied_slot();
  }

 private:
  NodeCore& core_;
  const Around around_;
};

}  // namespace clustron::cluster
