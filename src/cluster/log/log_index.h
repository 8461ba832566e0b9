// Where the log's accepts lie: slot → record, and what each segment still holds. In memory only,
// rebuilt when the log is read. 24 bytes a slot.
//
// THREAD: one owner.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <vector>

#include "cluster/paxos/types.h"
#include "persist/wal_format.h"

namespace clustron::cluster {

class LogIndex {
 public:
  // The newest accept of this slot is here now. Slots lie close together, but for the jump over an
  // installed snapshot: then what was below it is forgotten.
  void Add(paxos::Slot slot, const persist::WalLocation& location);
  // A newer record than any known may have been lost: whatever was known of the slot is forgotten.
  void AddUnknown(paxos::Slot slot);
  // Slots from this one on were taken back.
  void Cut(paxos::Slot slot);
  // For each record in the order of the log; `slot` is an accept's, else 0.
  void NoteRecord(const persist::WalLocation& location, paxos::Slot slot);
  // The last record noted and the next one may have a damaged record of this slot beside them.
  void NoteDamage(paxos::Slot slot);

  // Null: no readable accept.
  const persist::WalLocation* Find(paxos::Slot slot) const;
  paxos::Slot first_slot_above(paxos::Slot floor) const;  // with an accept; 0: none
  paxos::Slot last_slot() const;                          // 0: none
  // Slots above `floor` that AddUnknown named and no later Add.
  std::vector<paxos::Slot> Unknown(paxos::Slot floor) const;

  // The lowest segment below `limit` that holds an accept above `floor`, or `limit`: segments
  // before it can go. None can while a slot above `floor` is unknown: what stands around the damage
  // is all that tells a later start of it.
  uint64_t FirstNeeded(paxos::Slot floor, uint64_t limit) const;
  // Segments before it are gone, and slots up to `floor` in a snapshot: nobody will make known
  // again what of them is unknown, and it keeps nothing here.
  void DropBefore(uint64_t segment, paxos::Slot floor);
  uint64_t bytes() const;  // of all segments, up to their last record
  // From the record of this slot, or of the next one there is, to the end; 0: there is none.
  uint64_t BytesFrom(paxos::Slot slot) const;

 private:
  struct Segment {
    uint64_t number = 0;
    paxos::Slot max_slot = 0;
    uint64_t bytes = 0;
  };

  std::deque<persist::WalLocation> slots_;  // of first_slot_ …; segment 0: none
  paxos::Slot first_slot_ = 0;
  std::set<paxos::Slot> unknown_;
  uint64_t first_segment_ = 1;
  std::deque<Segment> segments_;  // rising
  paxos::Slot damaged_slot_ = 0;  // to be noted with the next record too
};

}  // namespace clustron::cluster
