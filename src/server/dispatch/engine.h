// Everything of the server but sockets, threads and peers' links: sessions, dispatch, execution,
// this node of the cluster. The server runs it on its loop; the simulator runs the same code.
//
//                        Session (one per client) ──┐
//   bytes ──Feed──▶ RequestReader ─▶ Dispatcher ────┼─▶ local: at once, or in its place in the
//   queue
//                                                   ├─▶ read (ReadGate): at once under the leader's
//                                                   │         lease, else after its read round
//                                                   └─▶ write (WriteGate): Node (log) ─▶ Executor
//                                                             ─▶ reply, or inline (alone, weak
//                                                             durability)
//
// The engine itself owns the parts, and passes on to them what the node and the loop tell. Which
// part works with which others is said in one place: Engine::Parts (engine.cc).
//
// THREAD: core loop. OWNS: sessions, executor, node, client table, subscriptions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "cluster/node/node.h"
#include "commands/core/ports.h"
#include "server/config/config.h"
#include "server/dispatch/call_recorder.h"
#include "server/front/client_table.h"
#include "server/front/session.h"
#include "server/observe/node_report.h"
#include "server/observe/pubsub_hub.h"
#include "server/observe/state_events.h"
#include "server/observe/stats.h"
#include "server/observe/watch_hub.h"
#include "server/ops/engine_host.h"
#include "server/ops/maintenance.h"
#include "state/executor.h"

namespace clustron::server {

class Engine final : public cluster::NodeHost, public state::ApplySink, public InfoHost {
 public:
  Engine(const Clock& clock, Config& config, EngineHost& host, uint64_t cluster_seed);
  ~Engine() override;

  // Once the state is restored and the log is open. Before that nothing but executor() and
  // configuration() may be called.
  void SetNode(std::unique_ptr<cluster::Node> node);
  void SetInfo(commands::InfoPort* info) { info_ = info; }

  state::Executor& executor() { return executor_; }
  const state::Executor& executor() const override { return executor_; }
  cluster::Node& node() { return *node_; }
  const cluster::Node& node() const override { return *node_; }
  const Config& configuration() const { return config_; }
  ClientTable& client_table() { return client_table_; }
  const ClientTable& client_table() const override { return client_table_; }
  const PubsubHub& hub() const override { return hub_; }
  Stats& stats() override { return stats_; }
  // This node and this server, as commands see them.
  commands::NodePort& node_port() override;
  commands::ServerPort& server_port();
  NodeReport Report() const override;

  // --- Sessions --------------------------------------------------------------------------------

  Session* Open(Client::Address address, SessionSink* sink);
  // Bytes that arrived. Afterwards look at close_now(): a protocol error may have ended it.
  void Feed(Session& session, std::string_view bytes);
  // Closes a session whose output is over its hard limit. Call before it is sent.
  void CheckOutput(Session& session);
  // Ends a client's connection now, not at the turn's end. Not from within its own Feed.
  void CloseAtOnce(Client& client);
  // The socket is gone. The session lives on until its items have been applied.
  void Close(Session* session);

  // --- Events ----------------------------------------------------------------------------------

  void Tick();       // every 10 ms
  void EndOfTurn();  // flushes the dirty sessions' output at its end
  // There is work that goes a slice per turn: the next turn should come at once.
  bool WantsTurn() const;

  // --- cluster::NodeHost -----------------------------------------------------------------------
  void FailWrite(cluster::ItemOwner& owner, cluster::Failure failure) override;
  void ReadsReady(uint64_t round, bool ok, const cluster::ReadGrant& grant) override;
  void TicksReady(uint64_t tick, bool ok) override;
  std::optional<std::string> RunLeaderCall(std::string_view body) override;
  void LeaderAnswer(uint64_t call, std::optional<std::string_view> answer,
                    cluster::Failure failure) override;
  void InlineTick() override;
  void Published(std::string_view body) override;
  void LeadershipChanged() override;
  void SessionChanged(cluster::Session session) override;
  void HandingOver() override;
  void SnapshotDone(bool ok, int64_t took_ns) override;
  void Halted(cluster::HaltCause cause, const std::string& reason) override;
  void Fatal(const std::string& reason) override { host_.Fatal(reason); }

  // Told by apply of this node's clients that wait.
  state::WaitSink& wait_sink();

  // --- state::ApplySink ------------------------------------------------------------------------
  state::OwnCall BeginOwnItem(uint64_t sequence) override;
  void EndOwnItem(uint64_t sequence, bool waits) override;

 private:
  struct Parts;

  void Sweep(int64_t now_ns);

  const Clock& clock_;
  Config& config_;
  EngineHost& host_;
  ClientTable client_table_;
  PubsubHub hub_;
  Stats stats_;
  Maintenance maintenance_{client_table_};
  CallRecorder recorder_;
  state::Executor executor_;
  StateEvents events_;
  WatchHub watches_;
  commands::InfoPort* info_ = nullptr;
  std::unique_ptr<cluster::Node> node_;
  std::unique_ptr<Parts> parts_;  // what needs the node
  Session* applying_ = nullptr;   // whose item is being applied; null: nobody waits for its reply
  bool upkeep_left_ = false;
  int64_t swept_ns_ = 0;
};

}  // namespace clustron::server
