#include "server/dispatch/engine.h"

#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "server/dispatch/blocked_clients.h"
#include "server/dispatch/dispatcher.h"
#include "server/dispatch/late_replies.h"
#include "server/dispatch/leader_calls.h"
#include "server/dispatch/open_transactions.h"
#include "server/dispatch/pause_gate.h"
#include "server/dispatch/queue_runner.h"
#include "server/dispatch/read_gate.h"
#include "server/dispatch/request_reader.h"
#include "server/dispatch/server_ports.h"
#include "server/dispatch/session_table.h"
#include "server/dispatch/write_gate.h"
#include "server/ops/cluster_news.h"
#include "server/ops/damage_watch.h"
#include "server/ops/departure.h"
#include "server/ops/failover.h"
#include "server/ops/housekeeping.h"
#include "server/ops/leader_watch.h"
#include "server/ops/master_news.h"
#include "server/ops/node_control.h"
#include "server/ops/outage.h"

namespace clustron::server {

namespace {

constexpr int64_t kSweepNs = 100'000'000;
// Values freed in a turn while something waits to be freed: some 0.1 ms.
constexpr size_t kUpkeepPerTurn = 1000;
// A turn goes on while replies to what was applied in it bring new work, so often at most.
constexpr int kRoundsPerTurn = 8;

}  // namespace

// The parts that need the node, each with those that it works with. A part can only use what
// stands above it.
struct Engine::Parts {
  explicit Parts(Engine& e)
      : clock(e.clock_),
        config(e.config_),
        clients(e.client_table_),
        hub(e.hub_),
        stats(e.stats_),
        maintenance(e.maintenance_),
        recorder(e.recorder_),
        executor(e.executor_),
        node(*e.node_),
        host(e.host_),
        events(e.events_),
        watches(e.watches_),
        info(e.info_) {
    snapshots.last_unix_s = clock.WallMs() / 1000;  // COMPAT: before the first, the start
  }

  const Clock& clock;
  Config& config;
  ClientTable& clients;
  PubsubHub& hub;
  Stats& stats;
  Maintenance& maintenance;
  CallRecorder& recorder;
  state::Executor& executor;
  cluster::Node& node;
  EngineHost& host;
  StateEvents& events;
  WatchHub& watches;
  commands::InfoPort* const& info;

  // The operator's side.
  SnapshotStats snapshots;
  MasterNews master_news{hub};
  DamageWatch damage{node, host};
  Outage outage{clock, config, node, damage};
  LeaderWatch watch{clock, config, node, outage, master_news};
  Failover failover{clock, node};
  Departure departure{{.clock = clock,
                       .config = config,
                       .node = node,
                       .clients = clients,
                       .snapshots = snapshots,
                       .maintenance = maintenance,
                       .master_news = master_news,
                       .failover = failover,
                       .host = host}};
  ClusterNews news{{.clock = clock,
                    .node = node,
                    .clients = clients,
                    .hub = hub,
                    .maintenance = maintenance,
                    .failover = failover,
                    .departure = departure,
                    .host = host}};
  NodeControl control{{.clock = clock,
                       .config = config,
                       .node = node,
                       .clients = clients,
                       .snapshots = snapshots,
                       .executor = executor,
                       .outage = outage,
                       .damage = damage,
                       .watch = watch,
                       .failover = failover,
                       .departure = departure,
                       .host = host}};
  OpenTransactions transactions{clock, node, executor};
  ServerPorts ports{{.config = config,
                     .clients = clients,
                     .hub = hub,
                     .events = events,
                     .news = news,
                     .control = control,
                     .transactions = transactions,
                     .watches = watches,
                     .info = info}};
  Housekeeping housekeeping{clock, node, executor, outage, clients, stats};

  // The clients' side.
  SessionTable sessions{config, clients, hub, stats};
  PauseGate pause{clients, node, sessions};
  ReadGate reads{node, executor, sessions};
  WriteGate writes{config, node, executor};
  LateReplies late{clients, node, recorder, writes, sessions};
  BlockedClients blocked{{.clock = clock,
                          .clients = clients,
                          .node = node,
                          .executor = executor,
                          .stats = stats,
                          .outage = outage,
                          .recorder = recorder,
                          .sessions = sessions,
                          .departure = departure}};
  LeaderCalls calls{{.node = node,
                     .executor = executor,
                     .stats = stats,
                     .outage = outage,
                     .recorder = recorder,
                     .writes = writes,
                     .sessions = sessions}};
  QueueRunner queues{{.node = node,
                      .executor = executor,
                      .stats = stats,
                      .outage = outage,
                      .recorder = recorder,
                      .reads = reads,
                      .writes = writes,
                      .calls = calls,
                      .late = late,
                      .transactions = transactions,
                      .sessions = sessions}};
  Dispatcher dispatcher{{.config = config,
                         .clients = clients,
                         .node = node,
                         .executor = executor,
                         .stats = stats,
                         .outage = outage,
                         .recorder = recorder,
                         .reads = reads,
                         .writes = writes,
                         .late = late,
                         .pause = pause,
                         .transactions = transactions,
                         .sessions = sessions}};
  RequestReader reader{{.config = config,
                        .clients = clients,
                        .executor = executor,
                        .stats = stats,
                        .recorder = recorder,
                        .writes = writes,
                        .sessions = sessions,
                        .dispatcher = dispatcher}};
};

Engine::Engine(const Clock& clock, Config& config, EngineHost& host, uint64_t cluster_seed)
    : clock_(clock),
      config_(config),
      host_(host),
      client_table_(clock, config),
      recorder_(clock, config, stats_),
      executor_(cluster_seed),
      events_(config, executor_, hub_, stats_),
      watches_(clock, config, executor_, hub_) {
  executor_.news().SetDownstream(&events_);
  executor_.SetInnerCallCounter(&recorder_);
}

Engine::~Engine() = default;

void Engine::SetNode(std::unique_ptr<cluster::Node> node) {
  CHECK(node_ == nullptr);
  node_ = std::move(node);
  parts_ = std::make_unique<Parts>(*this);
  executor_.Attach(node_->session(), &node_->parts().lead, this, &parts_->ports);
  executor_.SetWaitSink(&parts_->blocked);
  node_->parts().calls.node.SetHandler(&parts_->transactions);
  events_.SetNode(*node_);
  watches_.SetNode(*node_);
}

commands::NodePort& Engine::node_port() { return parts_->control; }
commands::ServerPort& Engine::server_port() { return parts_->ports; }
NodeReport Engine::Report() const { return parts_->control.Report(); }

// --- Sessions ------------------------------------------------------------------------------------

Session* Engine::Open(Client::Address address, SessionSink* sink) {
  return parts_->sessions.Open(std::move(address), sink);
}

void Engine::Feed(Session& session, std::string_view bytes) { parts_->reader.Feed(session, bytes); }

void Engine::CheckOutput(Session& session) { parts_->sessions.CheckOutput(session); }

void Engine::CloseAtOnce(Client& client) {
  auto& session = static_cast<Session&>(client.link());
  session.CloseNow();
  if (session.sink != nullptr) session.sink->Flush(session);
}

void Engine::Close(Session* session) {
  Parts& parts = *parts_;
  parts.pause.Forget(session);
  parts.late.Forget(session);
  parts.reads.Forget(session);
  parts.calls.Forget(session);
  parts.blocked.Forget(session);
  parts.sessions.Close(session);
}

// --- Turns ---------------------------------------------------------------------------------------

void Engine::Tick() {
  Parts& parts = *parts_;
  parts.housekeeping.NoteStall();
  parts.writes.CheckMemory();
  parts.writes.CheckDiskLowWater();
  node_->Tick();
  parts.watch.NoteElection();
  parts.outage.Step();
  const int64_t now = clock_.MonotonicNs();
  parts.late.Tick();
  parts.pause.Step();
  parts.blocked.Step();
  watches_.Step();
  if (now - swept_ns_ >= kSweepNs) Sweep(now);
}

void Engine::Sweep(int64_t now_ns) {
  Parts& parts = *parts_;
  swept_ns_ = now_ns;
  parts.housekeeping.Sweep(now_ns);
  parts.transactions.Sweep();
  parts.writes.TellOfMemory();
  parts.housekeeping.TellState(now_ns);
  stats_.Sample(client_table_.NowMs());
  parts.watch.Step(now_ns);
  maintenance_.Step(client_table_.NowMs());
  parts.damage.Step(now_ns);
  parts.failover.Step(now_ns);
  parts.departure.Step(now_ns);
}

void Engine::EndOfTurn() {
  if (parts_ == nullptr) return;
  Parts& parts = *parts_;
  parts.pause.Step();
  parts.late.LookAtAnswers();
  for (int round = 0; round == 0 || (round < kRoundsPerTurn && !node_->backlog()); ++round) {
    parts.writes.SealInline();
    node_->EndOfTurn();
    parts.transactions.ServeWaiting();
    const std::vector<Session*> ready = parts.sessions.TakeReady();
    if (ready.empty()) break;
    for (Session* session : ready) {
      if (session->sink == nullptr) continue;
      parts.queues.Drain(*session);
      // What stopped the parser may be over.
      if (session->WantsInput() && !session->input.empty()) parts.reader.Feed(*session, {});
    }
  }
  parts.writes.SealInline();
  watches_.Drain();
  upkeep_left_ = executor_.Upkeep(kUpkeepPerTurn);
  // The disk has filled up under an entry (WriteGate asks before, so others were faster): what may
  // show it waits until it is written. PING and the like go on.
  parts.sessions.FlushDirty(node_->parts().inline_path.Unwritten());
  // What the kernel has not taken is theirs.
  if (client_table_.MemoryLimit() != 0) stats_.evicted_clients += client_table_.Evict();
  parts.sessions.Reap();
}

bool Engine::WantsTurn() const {
  return upkeep_left_ || parts_->sessions.any_ready() || node_->has_work();
}

// --- cluster::NodeHost ---------------------------------------------------------------------------

void Engine::FailWrite(cluster::ItemOwner& owner, cluster::Failure failure) {
  parts_->queues.FailItem(static_cast<Session&>(owner), failure);
}

void Engine::ReadsReady(uint64_t round, bool ok, const cluster::ReadGrant& grant) {
  parts_->reads.RoundReady(round, ok, grant);
}

void Engine::TicksReady(uint64_t tick, bool ok) { parts_->reads.TickReady(tick, ok); }

std::optional<std::string> Engine::RunLeaderCall(std::string_view body) {
  return parts_->calls.Run(body);
}

void Engine::LeaderAnswer(uint64_t call, std::optional<std::string_view> answer,
                          cluster::Failure failure) {
  parts_->calls.Finish(call, answer, failure);
}

void Engine::InlineTick() { parts_->writes.InlineTick(); }

void Engine::Published(std::string_view body) { parts_->news.Hear(body); }

void Engine::SessionChanged(cluster::Session session) {
  executor_.SetOwnSession(session);
  if (parts_ != nullptr) parts_->blocked.OnNewSession();
}

void Engine::LeadershipChanged() {
  parts_->watch.LeadershipChanged();
  maintenance_.EndHandOver();
  parts_->damage.Forget();
}

void Engine::HandingOver() { parts_->news.TellHandOver(); }

void Engine::SnapshotDone(bool ok, int64_t took_ns) {
  SnapshotStats& snapshots = parts_->snapshots;
  snapshots.last_ok = ok;
  Log(LogLevel::kVerbose, "a snapshot was {} within {} ms", ok ? "written" : "given up",
      took_ns / 1'000'000);
  if (!ok) return;
  executor_.SnapshotSaved();
  ++snapshots.written;
  snapshots.last_unix_s = clock_.WallMs() / 1000;
  snapshots.last_took_s = took_ns / 1'000'000'000;
}

void Engine::Halted(cluster::HaltCause cause, const std::string& reason) {
  parts_->outage.NoteHalted(reason);
  host_.Halted(cause, reason);
}

// --- state::ApplySink ----------------------------------------------------------------------------

state::OwnCall Engine::BeginOwnItem(uint64_t sequence) {
  CHECK(applying_ == nullptr);
  applying_ = static_cast<Session*>(node_->parts().writes.Take(sequence));
  return applying_ == nullptr ? state::OwnCall{} : parts_->queues.BeginItem(*applying_);
}

void Engine::EndOwnItem(uint64_t sequence, bool waits) {
  Session* session = std::exchange(applying_, nullptr);
  if (session != nullptr) parts_->queues.EndItem(*session, waits);
  if (waits) parts_->blocked.Add(session, sequence);
}

state::WaitSink& Engine::wait_sink() { return parts_->blocked; }

}  // namespace clustron::server
