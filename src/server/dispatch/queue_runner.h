// Answers what waits in the sessions' queues, from the front: replies that are finished, reads that
// are granted, and this node's own items as they are applied. THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/node/node.h"
#include "server/dispatch/call_recorder.h"
#include "server/dispatch/late_replies.h"
#include "server/dispatch/leader_calls.h"
#include "server/dispatch/open_transactions.h"
#include "server/dispatch/read_gate.h"
#include "server/dispatch/session_table.h"
#include "server/dispatch/write_gate.h"
#include "server/observe/stats.h"
#include "server/ops/outage.h"
#include "state/executor.h"

namespace clustron::server {

class QueueRunner {
 public:
  // What it works with; all outlive it.
  struct Around {
    const cluster::Node& node;
    state::Executor& executor;
    Stats& stats;
    Outage& outage;
    CallRecorder& recorder;
    ReadGate& reads;
    WriteGate& writes;
    LeaderCalls& calls;
    LateReplies& late;
    OpenTransactions& transactions;
    SessionTable& sessions;
  };
  explicit QueueRunner(const Around& around) : around_(around) {}

  // Answers what can be answered.
  void Drain(Session& session);

  // The session's first item is applied next: what waits before it is answered, and its own reply
  // begins. EndItem follows.
  state::OwnCall BeginItem(Session& session);
  // `waits`: not answered; its client waits for keys.
  void EndItem(Session& session, bool waits);
  // The session's first item will not be applied.
  void FailItem(Session& session, cluster::Failure failure);

 private:
  bool Step(Session& session);
  bool RunFront(Session& session);
  bool WaitsForTick(Session& session);
  bool MeetsLoad(const Pending& pending);
  state::Executor::Verdict Run(Session& session, Pending& pending);
  void Answer(Session& session, const Pending& front);
  void FailFront(Session& session, std::string_view error);
  void FailReadsBefore(Session& session, size_t end);

  const Around around_;
  server::Answer item_answer_;           // of the item being applied
  std::vector<std::string> item_rest_;   // the same: the call that goes on
  std::vector<std::string_view> views_;  // reused
};

}  // namespace clustron::server
