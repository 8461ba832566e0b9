// Below `always` the log itself may lose its end: so that no revision and no token is given twice,
// a durable bound is kept well ahead of the revisions in use (LogStore::PersistReserve). And where
// an operator accepts a loss (member_watch.h), the first leader leaves out so many numbers that
// what is lost can't have had more.
//
// THREAD: core loop.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "cluster/node/node_core.h"

namespace clustron::cluster {

class RevisionReserve {
 public:
  // What a loss may have had at most: some 19 hours of a million revisions a second.
  static constexpr uint64_t kLossMax = uint64_t{1} << 36;
  // Key revisions have 48 bits (key_record.h): half of them are not for this. A thousand times may
  // be left out, then nothing is.
  static constexpr uint64_t kLeftOutMax = uint64_t{1} << 47;
  // So much must have been left out behind a loss that was accepted at this revision.
  static uint64_t LeftOutFrom(uint64_t revision) {
    return std::min(revision + kLossMax, kLeftOutMax);
  }

  explicit RevisionReserve(NodeCore& core) : core_(core) {}

  // All that a turn or the entries in flight may take is below the durable bound.
  bool Suffices() const;
  // Moves the bound on, if that is time.
  void Extend();
  // A leadership begins here: the item that keeps numbers from being given again that were given
  // out before the start; empty: none is needed.
  std::string TakeItem();
  // A loss was accepted, and a leadership is the first behind it: the item that leaves out what may
  // have been given in what is lost. Twice kLossMax: this node's state may be behind another's.
  std::string TakeLossItem();

 private:
  uint64_t Used() const;

  NodeCore& core_;
  uint64_t asked_ = 0;     // to be durable
  uint64_t left_out_ = 0;  // behind a loss: the next ones are above it
  uint64_t durable_ = 0;   // no number up to this one will be given again after a crash
};

}  // namespace clustron::cluster
