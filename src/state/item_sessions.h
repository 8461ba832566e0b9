// Which item of each node's session is the next: the exactly-once rule of apply. Replicated state.
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <map>

#include "base/coding.h"
#include "base/result.h"
#include "cluster/log/entry.h"

namespace clustron::state {

class ItemSessions {
 public:
  enum class Found : uint8_t {
    kNext,       // it is its turn
    kDuplicate,  // it was applied before
    kGap,        // one before it is missing
    kOlderBoot,  // of a process that a later one of its node has followed
  };
  // An item comes; if it is its turn, the one behind it is next. *begins: it is of a later process
  // than all before it of its node.
  Found Take(const cluster::ItemHeader& header, bool* begins);
  // The number that the session's next item must have; 0: a later boot is known.
  uint64_t Next(const cluster::Session& session) const;
  // Of the node's newest session; 0: it has none.
  uint32_t LatestBoot(uint32_t node) const;
  // The node's membership has ended.
  void Forget(uint32_t node) { by_node_.erase(node); }

  // count (varint), then node, boot (4 bytes each), next (8)
  void Encode(Writer* out) const;
  void Decode(Reader* in);

 private:
  struct State {
    uint32_t boot = 0;
    uint64_t next = 1;
  };
  std::map<uint32_t, State> by_node_;
};

}  // namespace clustron::state
