// What an operator is told from time to time: clients that were closed, stalls of the loop, the
// state of this node at the log's debug level. THREAD: core loop.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "cluster/node/node.h"
#include "server/front/client_table.h"
#include "server/observe/stats.h"
#include "server/ops/outage.h"
#include "state/executor.h"

namespace clustron::server {

class Housekeeping {
 public:
  // All outlive it.
  Housekeeping(const Clock& clock, const cluster::Node& node, const state::Executor& executor,
               const Outage& outage, ClientTable& clients, Stats& stats)
      : clock_(clock),
        node_(node),
        executor_(executor),
        outage_(outage),
        clients_(clients),
        stats_(stats) {}

  // Notes how long the loop was away since the last tick. Call with each tick.
  void NoteStall();
  // Closes clients over their limits. Call about ten times a second.
  void Sweep(int64_t now_ns);
  // Call about ten times a second.
  void TellState(int64_t now_ns);

 private:
  void WarnOfStrangers(int64_t now_ns);

  const Clock& clock_;
  const cluster::Node& node_;
  const state::Executor& executor_;
  const Outage& outage_;
  ClientTable& clients_;
  Stats& stats_;
  int64_t last_tick_ns_ = 0;
  int64_t told_state_ns_ = 0;
  uint64_t strangers_warned_ = 0;  // how many the log has told of
  int64_t strangers_warned_ns_ = 0;
};

}  // namespace clustron::server
