// From a parsed request to the place where it runs: at once (a local command, a read under the
// leader's lease, a write in the turn's inline entry), or in its session's queue. The only code
// that decides it. THREAD: core loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "cluster/node/node.h"
#include "commands/core/registry.h"
#include "server/config/config.h"
#include "server/dispatch/call_recorder.h"
#include "server/dispatch/late_replies.h"
#include "server/dispatch/open_transactions.h"
#include "server/dispatch/pause_gate.h"
#include "server/dispatch/read_gate.h"
#include "server/dispatch/refresh_table.h"
#include "server/dispatch/session_table.h"
#include "server/dispatch/turn.h"
#include "server/dispatch/write_gate.h"
#include "server/front/client_table.h"
#include "server/observe/stats.h"
#include "server/ops/outage.h"
#include "state/executor.h"

namespace clustron::server {

class Dispatcher {
 public:
  // What it works with; all outlive it.
  struct Around {
    const Config& config;
    const ClientTable& clients;
    const cluster::Node& node;
    state::Executor& executor;
    Stats& stats;
    Outage& outage;
    CallRecorder& recorder;
    ReadGate& reads;
    WriteGate& writes;
    LateReplies& late;
    PauseGate& pause;
    OpenTransactions& transactions;
    SessionTable& sessions;
  };
  explicit Dispatcher(const Around& around);

  // Runs the request, queues it, or refuses it. If CLIENT PAUSE holds the client afterwards, the
  // request has not been taken.
  void Dispatch(Session& session, commands::Args args, Turn& turn);
  // An error in the place of a request's reply.
  void ReplyError(Session& session, std::string_view error);

 private:
  // One command on its way.
  struct Call {
    Session& session;
    Turn& turn;
    const commands::CommandSpec& spec;
    commands::Args args;
    commands::Class cls;
    bool muted;
    // A write that may turn out to need no entry: the longest TTL that it may be logged with.
    std::optional<int64_t> ttl_max_ms{};
  };

  std::string NotKnownByAll(const commands::CommandSpec& spec, commands::Args args) const;
  const commands::CommandSpec* Admit(Session& session, commands::Args args);
  void QueueInMulti(Session& session, const commands::CommandSpec& spec, commands::Args args);
  void RunExec(const Call& exec);
  void Run(Call call);
  std::string_view OutageError(const Call& call);
  bool MayRunNow(const Call& call);
  void RunNow(const Call& call);
  void RunAside(const Call& call);
  bool RunHere(const Call& call, const Answer& answer);
  void AddLate(const Call& call);
  void Wait(const Call& call);
  void RunMade(const Call& call);
  void RunWrite(const Call& call, const Written& written);
  bool RunInline(const Call& call, const Written& written);
  std::optional<int64_t> Refreshes(const Call& call);
  state::Executor::Caller CallerOf(const Call& call) const;
  void ReplyQueued(Session& session);
  void Refuse(Session& session, const commands::CommandSpec& spec, std::string_view error);

  const Around around_;
  const commands::Registry& registry_;
  RefreshTable refreshes_;
};

}  // namespace clustron::server
