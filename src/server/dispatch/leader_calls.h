// Commands of class kLeader (LEASE KEEPALIVE, LOCK RENEW …): asked from a session's queue, run in
// the leader's memory, answered in the session's place. THREAD: core loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/node/node.h"
#include "commands/core/registry.h"
#include "server/dispatch/call_recorder.h"
#include "server/dispatch/leader_timers.h"
#include "server/dispatch/session_table.h"
#include "server/dispatch/write_gate.h"
#include "server/observe/stats.h"
#include "server/ops/outage.h"
#include "state/executor.h"

namespace clustron::server {

class LeaderCalls {
 public:
  // What it works with; all outlive it.
  struct Around {
    cluster::Node& node;
    state::Executor& executor;
    Stats& stats;
    Outage& outage;
    CallRecorder& recorder;
    WriteGate& writes;
    SessionTable& sessions;
  };
  explicit LeaderCalls(const Around& around)
      : around_(around), timers_(around.node, around.stats) {}

  // The session's front asks the leader.
  void Start(Session& session);
  // At the leader: see cluster::NodeHost::RunLeaderCall. `body`: from a member, who may say
  // anything.
  std::optional<std::string> Run(std::string_view body);
  // The answer to a call of this node; nullopt: none came in time.
  void Finish(uint64_t call, std::optional<std::string_view> answer, cluster::Failure failure);
  // The session is being closed.
  void Forget(const Session* session);

 private:
  struct Waiter {
    uint64_t call;
    Session* session;
  };

  const Around around_;
  LeaderTimers timers_;
  std::vector<Waiter> waiters_;
  std::vector<std::string_view> views_;  // reused
};

}  // namespace clustron::server
