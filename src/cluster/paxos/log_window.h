// The part of the log that is in memory: everything not yet applied, and recent applied entries for
// peers that are a little behind. Older ones are on disk with the driver.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cluster/paxos/types.h"

namespace clustron::paxos {

// One slot as this node knows it.
struct Cell {
  Accepted entry;            // meaningful if accepted
  uint64_t persist_seq = 0;  // its record; durable when OnDurable reached it
  bool accepted = false;
  bool chosen = false;   // entry is the chosen one. Only ever together with accepted.
  bool unknown = false;  // the record is damaged: we may have voted here and don't know for what
};

// A ring of cells for the slots [first, end). Cells in between may be empty (nothing accepted).
class LogWindow {
 public:
  explicit LogWindow(Slot first) : first_(first), end_(first) {}

  Slot first() const { return first_; }
  Slot end() const { return end_; }
  // Null outside [first, end).
  Cell* Find(Slot slot) { return Holds(slot) ? &At(slot) : nullptr; }
  const Cell* Find(Slot slot) const { return Holds(slot) ? &ring_[slot & mask_] : nullptr; }

  // Replaces what the slot holds; it is no longer unknown. REQUIRES: slot >= first().
  Cell& Store(const Accepted& entry, uint64_t persist_seq);
  // REQUIRES: slot >= first(), nothing accepted there.
  void MarkUnknown(Slot slot);
  // Forgets all slots below `slot`; may pass the end.
  void DropBelow(Slot slot);

  // Memory held, roughly: cells and payloads.
  size_t bytes() const { return bytes_; }
  size_t unknown_count() const { return unknown_count_; }

 private:
  bool Holds(Slot slot) const { return slot >= first_ && slot < end_; }
  Cell& At(Slot slot) { return ring_[slot & mask_]; }
  Cell& Extend(Slot slot);
  void Grow(size_t cells_min);

  Slot first_;
  Slot end_;
  size_t mask_ = 0;
  std::vector<Cell> ring_;  // size is a power of two, or 0 before the first entry
  size_t bytes_ = 0;
  size_t unknown_count_ = 0;
};

}  // namespace clustron::paxos
