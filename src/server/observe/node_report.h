// What INFO asks of this node as its operator sees it, and whom INFO asks. THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/node/node.h"
#include "commands/core/ports.h"
#include "server/observe/stats.h"

namespace clustron::state {
class Executor;
}

namespace clustron::server {

class ClientTable;
class PubsubHub;

struct NodeReport {
  std::string halt_reason;         // empty: the node is not halted
  cluster::Slot damaged_slot = 0;  // that nobody in sight can tell; 0: none
  // Why writes are refused at this node, or would be if it led: "disk", "memory", "no-leader" or
  // "".
  std::string_view refuses_writes;
  bool failing_over = false;
  // More than half of the voters, this node included, were heard of within three rounds.
  bool majority_in_sight = false;
  SnapshotStats snapshots;
  uint64_t peer_messages_left_out = 0;
};

class InfoHost {
 public:
  virtual ~InfoHost() = default;
  virtual const state::Executor& executor() const = 0;
  virtual const cluster::Node& node() const = 0;
  virtual const ClientTable& client_table() const = 0;
  virtual const PubsubHub& hub() const = 0;
  virtual Stats& stats() = 0;
  virtual commands::NodePort& node_port() = 0;
  virtual NodeReport Report() const = 0;
};

}  // namespace clustron::server
