// Which entry is being applied, for the last words of a process that dies of it: an entry that
// needs more memory than there is needs it again at each start, and the way out is to name it.
// THREAD: core loop.
#pragma once

#include "cluster/paxos/types.h"

namespace clustron::state {

class ApplyingEntry {
 public:
  ApplyingEntry(paxos::Slot slot, const paxos::Value& value);
  ~ApplyingEntry();
  ApplyingEntry(const ApplyingEntry&) = delete;
  ApplyingEntry& operator=(const ApplyingEntry&) = delete;
};

// From now on a failed allocation ends the process with a text that names the entry at hand, if
// there is one, and the way past it.
void NameEntryWhenMemoryEnds();

}  // namespace clustron::state
