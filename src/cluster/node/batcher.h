// The leader's side of batching: items of all nodes, in the order of their sessions, become
// entries. What arrives in one loop turn makes one entry, closed early at 256 KB or 1,024 items; a
// bigger item is an entry alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/ring.h"
#include "cluster/log/entry.h"

namespace clustron::cluster {

class Batcher {
 public:
  // Each origin keeps what it has under way within its window (origin.h), so this is never reached
  // by members that do. Beyond it nothing is taken, and comes again later.
  static constexpr size_t kWaitingBytesMax = 1 << 30;

  explicit Batcher(size_t waiting_bytes_max = kWaitingBytesMax)
      : waiting_bytes_max_(waiting_bytes_max) {}

  // Forgets everything: a leadership begins or ends.
  void Reset();

  // Takes a session's item if it is the next one of this leadership (the first to come from a
  // session under it may have any number: the state decides at apply). False: a duplicate, a gap,
  // or full; its origin will send it again.
  bool Add(const ItemHeader& header, std::string_view item, uint8_t flags);
  // An item of the server itself.
  void AddOwn(std::string_view item);
  // Likewise, in front of whatever waits: an entry of their own. More than an entry has room for is
  // not taken.
  void AddOwnFirst(std::string_view item);
  // An item was applied that left a gap, the state expects `next` from its session: what was taken
  // beyond does not count, and is taken again from there on. Further items of the run with the gap
  // say the same when they are applied, after the new run has begun: those change nothing.
  void Rewind(Session session, uint64_t next);
  // The state expects `next` from its session: nothing below it will come again. So a rewind that
  // was about a gap in an entry of an earlier leadership (what was taken since had then already
  // filled it) does not wait for what is over.
  void Advance(Session session, uint64_t next);

  bool Empty() const { return first_.count == 0 && closed_.empty() && open_.count == 0; }
  // The oldest batch; clocks and feature version are `header`'s. REQUIRES: !Empty().
  std::string Take(EntryHeader header);
  size_t bytes() const { return bytes_; }

 private:
  struct Batch {
    std::string bytes;  // begins with room for the header
    uint32_t count = 0;
  };
  struct Next {
    uint32_t boot;
    uint64_t sequence;
    uint64_t rewound = 0;  // a run was begun anew here
  };
  // Returns the item's offset in the open batch.
  size_t Append(std::string_view item);
  void Close();

  const size_t waiting_bytes_max_;
  Batch first_;
  Ring<Batch> closed_;
  Batch open_;
  size_t bytes_ = 0;
  // By node. Only looked up, never walked: its order doesn't matter.
  std::unordered_map<uint32_t, Next> next_;
};

}  // namespace clustron::cluster
