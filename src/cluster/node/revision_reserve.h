// Below `always` the log itself may lose its end: so that no revision and no token is given twice,
// a durable bound is kept well ahead of the revisions in use (LogStore::PersistReserve).
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>

#include "cluster/node/node_core.h"

namespace clustron::cluster {

class RevisionReserve {
 public:
  explicit RevisionReserve(NodeCore& core) : core_(core) {}

  // All that a turn or the entries in flight may take is below the durable bound.
  bool Suffices() const;
  // Moves the bound on, if that is time.
  void Extend();
  // A leadership begins here: the item that keeps numbers from being given again that were given
  // out before the start; empty: none is needed.
  std::string TakeItem();

 private:
  uint64_t Used() const;

  NodeCore& core_;
  uint64_t asked_ = 0;    // to be durable
  uint64_t durable_ = 0;  // no number up to this one will be given again after a crash
};

}  // namespace clustron::cluster
