// Looks at who waits for keys (store/tables/wait_table.h) while the simulation runs, from outside:
//   - in no state is there a waiter that could have what it waits for;
//   - no waiter is to be served any more whose process is gone, a few seconds later, where there
//   has
//     been a leader all the time that could have said so.
// It also keeps when nothing at all was wrong with the cluster.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "tests/sim/report.h"
#include "tests/sim/sim_node.h"

namespace clustron::sim {

class WaitWatch {
 public:
  // How long a cluster with a leader may take to find out that a client is gone.
  static constexpr int64_t kGoneNsMax = 3 * kSecond;

  using Nodes = std::vector<std::unique_ptr<SimNode>>;
  WaitWatch(EventLoop* loop, Report* report, SimNetwork* network, const Nodes* nodes)
      : loop_(*loop), report_(*report), network_(*network), nodes_(*nodes) {}

  // Some hundred times a second.
  void Look();
  // For all of this time one node led without pause, and all that run followed it closely.
  bool Steady(int64_t from_ns, int64_t to_ns) const;
  // Who waits where no client asks for anything any more: nobody, but for those of processes that
  // are gone, which are not served.
  bool Settled() const;
  void CheckSettled();

 private:
  // Whether one has caught up, not long ago, with what there was then.
  struct Pace {
    uint64_t target = 0;
    int64_t reached_ns = 0;
    bool Keeps(uint64_t has, uint64_t there_is, int64_t now_ns);
  };
  using Owner = std::pair<uint32_t, uint32_t>;  // node, boot

  const SimNode* Leader() const;
  void LookAtTicket(const SimNode& node, const store::Store& state, const store::Wait& wait);
  void LookAtLocks(const SimNode& node, const store::Store& state);
  void LookAtStates();
  void LookForGone(const SimNode& leader);
  bool InReach(const SimNode& node, const SimNode& leader) const;
  void EndSteadiness();

  EventLoop& loop_;
  Report& report_;
  SimNetwork& network_;
  const Nodes& nodes_;
  uint64_t looks_ = 0;
  int leader_ = -1;
  int64_t leads_since_ns_ = 0;  // steadily
  std::map<int, Pace> paces_;
  int64_t steady_since_ns_ = -1;                     // -1: it is not steady
  std::vector<std::pair<int64_t, int64_t>> steady_;  // times that are over
  std::map<Owner, int64_t> seen_ns_;  // when a process was last in its leader's reach
};

}  // namespace clustron::sim
