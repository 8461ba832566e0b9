// Everything of the server but sockets, threads and peers' links: sessions, dispatch, execution,
// this node of the cluster. The server runs it on its loop; the simulator runs the same code.
//
//                 Session (one per client) ──┐
//   bytes ──Feed──▶ parser ─▶ Dispatch ──────┼─▶ local: at once, or in its place in the queue
//                                            ├─▶ read: at once under the leader's lease, else after
//                                            │         its read round
//                                            └─▶ write: Node (log) ─▶ Executor ─▶ reply
//                                                       or inline (alone, weak durability)
//
// THREAD: core loop. OWNS: sessions, executor, node, client table, subscriptions.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "cluster/node/node.h"
#include "commands/core/ports.h"
#include "commands/core/registry.h"
#include "server/config/config.h"
#include "server/dispatch/maintenance.h"
#include "server/dispatch/refresh_table.h"
#include "server/front/client_table.h"
#include "server/front/session.h"
#include "server/observe/notifications.h"
#include "server/observe/pubsub_hub.h"
#include "server/observe/stats.h"
#include "state/executor.h"

namespace clustron::server {

// The surroundings of an engine.
class EngineHost {
 public:
  virtual ~EngineHost() = default;
  // This node takes part in nothing any more, but its process stays. Once.
  virtual void Halted(cluster::HaltCause cause, const std::string& reason) = 0;
  // This node must stop at once.
  virtual void Fatal(const std::string& reason) = 0;
  // SHUTDOWN was asked for and everything is safe; ends the process.
  virtual void Stop() = 0;
  // Something that a person should know of.
  virtual void Warn(const std::string& line) = 0;
  // Messages to peers that their links had no room for.
  virtual uint64_t PeerMessagesLeftOut() const { return 0; }
  // Where clients reach a member; false: unknown.
  virtual bool AddressOf(cluster::NodeId node, std::string* host, int* port) const = 0;
};

class Engine final : public cluster::NodeHost,
                     public state::ApplySink,
                     public commands::ServerPort,
                     public commands::NodePort,
                     private commands::LeaderTimers,
                     private state::InnerCallCounter,
                     private store::Observer {
 public:
  Engine(const Clock& clock, Config& config, EngineHost& host, uint64_t cluster_seed);
  ~Engine() override;

  state::Executor& executor() { return executor_; }
  const state::Executor& executor() const { return executor_; }
  // Once the state is restored and the log is open.
  void SetNode(std::unique_ptr<cluster::Node> node);
  cluster::Node& node_ref() { return *node_; }
  const cluster::Node& node_ref() const { return *node_; }
  bool started() const { return node_ != nullptr; }
  void SetInfo(commands::InfoPort* info) { info_ = info; }
  // More than half of the voters, this node included, were heard of within three rounds.
  bool MajorityInSight() const;
  // See StepDamage; 0: none.
  cluster::Slot damaged_slot() const { return damage_error_.empty() ? 0 : damaged_slot_; }
  // Why this node is halted (cluster::Node::Halt); empty: it is not.
  const std::string& halt_reason() const { return halt_reason_; }
  ClientTable& client_table() { return client_table_; }
  PubsubHub& hub() { return hub_; }
  Stats& stats() { return stats_; }
  const SnapshotStats& snapshot_stats() const { return snapshots_; }
  bool failing_over() const { return failover_target_ != 0; }
  const Config& configuration() const { return config_; }
  // Why writes are refused at this node, or would be if it led: "disk", "memory", "no-leader" or
  // "".
  std::string_view RefusesWrites() const;
  uint64_t peer_messages_left_out() const { return host_.PeerMessagesLeftOut(); }

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
  bool WantsTurn() const { return upkeep_left_ || !look_.empty() || node_->has_work(); }

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
  void SessionChanged(cluster::Session session) override { executor_.SetOwnSession(session); }
  void HandingOver() override;
  void SnapshotDone(bool ok, int64_t took_ns) override;
  void Halted(cluster::HaltCause cause, const std::string& reason) override;
  void Fatal(const std::string& reason) override { host_.Fatal(reason); }

  // --- state::ApplySink ------------------------------------------------------------------------
  state::OwnCall BeginOwnItem(uint64_t sequence) override;
  void EndOwnItem(uint64_t sequence) override;

  // --- commands::ServerPort --------------------------------------------------------------------
  uint64_t Publish(std::string_view channel, std::string_view message, bool sharded,
                   bool local_only) override;
  void KeyMissed(int db, std::string_view key, bool announce) override;
  commands::ClientsPort& clients() override { return client_table_; }
  commands::ConfigPort& config() override { return config_; }
  commands::PubsubPort& pubsub() override { return hub_; }
  commands::InfoPort& info() override { return *info_; }
  commands::NodePort& node() override { return *this; }
  std::string_view password() const override;

  // --- commands::NodePort ----------------------------------------------------------------------
  commands::RoleView Role() const override;
  int64_t WallUs() const override;
  Status BeginFailover(const commands::FailoverRequest& request) override;
  Status AbortFailover() override;
  Status BeginSnapshot() override;
  bool SnapshotRunning() const override;
  bool LastSnapshotOk() const override { return snapshots_.last_ok; }
  int64_t LastSnapshotUnixS() const override { return snapshots_.last_unix_s; }
  Status BeginShutdown(const commands::ShutdownRequest& request) override;
  Status AbortShutdown() override;
  bool ShuttingDown() const override { return shutting_down_; }
  uint64_t LastWriteSlot(const commands::ClientPort& client) const override;
  uint64_t BeginDurabilityRound() override { return node_->parts().disk.BeginDurabilityRound(); }
  commands::Durability DurableAt(uint64_t slot, uint64_t round) override;

 private:
  friend class Session;
  using Pending = Session::Pending;

  struct CallWaiter {
    uint64_t call;
    Session* session;
  };

  // --- commands::LeaderTimers
  Touch KeepAlive(std::string_view lease_id, uint64_t grant_revision,
                  int64_t* remaining_ms) override;
  Touch Renew(int db, std::string_view lock, uint64_t token, int64_t ttl_ms,
              int64_t* remaining_ms) override;
  Touch Extend(const cluster::EndTimers::Key& key, uint64_t revision, int64_t ttl_ms,
               int64_t* remaining_ms);
  std::optional<int64_t> LeaseRemainingMs(std::string_view lease_id) override;
  std::optional<int64_t> LockRemainingMs(int db, std::string_view lock) override;

  // --- store::Observer: notifications, events on reserved channels
  void OnChange(const store::Change& change) override;
  void OnNotify(int db, std::string_view key, store::Event event) override;
  void OnFlush(int db, store::Revision revision) override;
  void OnSwap(int db_a, int db_b, store::Revision revision) override;
  void OnSetting() override;
  void ShowSettings();
  void OnLease(const store::LeaseEvent& event) override;
  void OnLock(const store::LockEvent& event) override;

  // Requests parsed ahead of their turn.
  static constexpr size_t kBatchMax = 16;
  struct Request {
    size_t first, count;  // in Batch::args
    size_t end;           // of its bytes in the input
    uint64_t key_hash;    // of its second word; 0: not known
  };
  struct Batch {
    std::vector<std::string_view> args;
    std::vector<Request> requests;
    size_t skip = 0;  // empty requests end here
    void Clear() {
      args.clear();
      requests.clear();
      skip = 0;
    }
    void Add(commands::Args words, size_t end) {
      requests.push_back({args.size(), words.size(), end, 0});
      args.insert(args.end(), words.begin(), words.end());
    }
  };

  static constexpr size_t kDiscardedBytes = 64;  // of a reply, for counters and the digest

  // engine_dispatch.cc
  void Prefetch(const Session& session, Batch& batch);
  size_t ParseAll(Session& session, std::string_view bytes);
  void Dispatch(Session& session, commands::Args args);
  // The row that serves the call, or null after an error reply.
  const commands::CommandSpec* Admit(Session& session, commands::Args args);
  bool ActsOnMulti(const commands::CommandSpec* spec) const;
  void DispatchExec(Session& session, const commands::CommandSpec& exec, bool muted);
  void Run(Session& session, const commands::CommandSpec& spec, commands::Args args,
           commands::Class cls, bool muted);
  bool HasRoomFor(commands::Args args);
  // A write as the log has it: of a refresh not always what the client sent.
  struct Written {
    const commands::CommandSpec* spec;
    commands::Args args;
  };
  void RunWrite(Session& session, const commands::CommandSpec& spec, const Written& written,
                bool muted);
  std::optional<int64_t> Refreshes(const Session& session, const commands::CommandSpec& spec,
                                   commands::Args args);
  void OpenInline(int64_t elapsed_ms, int64_t wall_ms);
  bool TryInline(Session& session, const commands::CommandSpec& spec, const Written& written,
                 bool muted);
  // What waits in a queue and looks at the state, while a snapshot takes its place.
  bool MeetsLoad(const Pending& pending);
  void ReplyError(Session& session, std::string_view error);
  void Refuse(Session& session, const commands::CommandSpec& spec, std::string_view error);
  state::Executor::Caller CallerOf(Session& session) const;

  // engine_stats.cc: INFO's counters, the slow log.
  void StartTiming() { timed_ns_ = clock_.MonotonicNs(); }
  Start BeginInner() override;
  void EndInner(const commands::Context& ctx, bool of_exec, const Start& start,
                std::string_view reply) override;
  void NoteSlow(const commands::CommandSpec& spec, commands::Args args, int64_t took_us,
                const Client& client);
  void NoteLeaderCall(const commands::CommandSpec& spec, std::string_view reply);
  // A command has run since the last of these calls; `reply` is what it wrote.
  void NoteCall(const Session& session, const commands::CommandSpec& spec, commands::Args args,
                std::string_view reply);
  // Lets the pushes out that came while the session's reply was being written.
  void EndAnswer(Session& session);

  // engine_queue.cc
  Pending& Enqueue(Session& session, Pending::Kind kind);
  resp::ReplyOutput* OutputOf(Session& session, bool muted) {
    if (muted) return &discarded_;
    return &session.out;
  }
  state::Executor::Verdict RunPending(Session& session, Pending& pending);
  void MakeWrite(Session& session, Pending& front, int64_t ttl_ms = 0);
  void CheckMemory();
  void StepPause();
  void TellState(int64_t now_ns);
  void SealInline();
  void TellOfMemory();
  void CheckDiskLowWater();
  // In the middle of a reply that grows.
  void OutputGrew(Session& session);
  void LimitMemory(Session& session);
  void NoteStall();
  void WarnOfStrangers(int64_t now_ns);
  void Drain(Session& session);
  void LookLater(Session& session);
  void FailReadsBefore(Session& session, size_t end);
  void StartCall(Session& session, Pending& pending);
  void PollLate(Session& session, Pending& pending);
  bool WaitsForTick(Session& session, Pending& front);
  void LookAtAnswers();
  void MarkDirty(Session& session);
  void Reap();
  void StepFailover(int64_t now_ns);
  Status AskForFailover(uint8_t kind, const commands::FailoverRequest& request);
  bool HandOver(cluster::NodeId to);
  void HandOverToAny();
  cluster::NodeId Successor() const;
  bool InSight(const paxos::PeerStatus& peer) const;
  void StepDamage(int64_t now_ns);
  // Why nothing that asks the cluster can be answered; empty: it can.
  std::string_view StandstillError() const {
    return halt_error_.empty() ? damage_error_ : halt_error_;
  }
  // Good until the next call.
  std::string_view ErrorOf(cluster::Failure failure);
  size_t VotersInSight() const;
  void NoteElection();
  void StepSetBack();
  void StepAnnouncement(int64_t now_ns);
  void StepShutdown(int64_t now_ns);
  size_t TellMoving(int64_t now_ns);
  bool Leaving(int64_t now_ns);
  void Stay();
  void TellWhoIsHere();
  static uint64_t MasterWriterId(const Client& client);

  const Clock& clock_;
  Config& config_;
  EngineHost& host_;
  const commands::Registry& registry_;
  // MULTI, EXEC, DISCARD, WATCH, QUIT, RESET.
  std::array<const commands::CommandSpec*, 6> multi_family_;
  ClientTable client_table_;
  PubsubHub hub_;
  Notifications notifications_;
  Maintenance maintenance_{client_table_};
  RefreshTable refreshes_;
  Stats stats_;
  state::Executor executor_;
  std::unique_ptr<cluster::Node> node_;
  commands::InfoPort* info_ = nullptr;

  // Sessions in the order of their ids would do; they are only looked up by pointer.
  std::unordered_set<Session*> sessions_;
  std::vector<Session*> dirty_;
  bool upkeep_left_ = false;
  std::vector<Session*> look_;    // their queues may have moved
  std::vector<Session*> closed_;  // without socket, waiting for their items
  struct RoundWaiter {
    uint64_t round;
    Session* session;
  };
  using RoundWaiters = Ring<RoundWaiter>;
  void LookAtWaiters(RoundWaiters& waiters, uint64_t round);
  RoundWaiters round_waiters_;
  RoundWaiters tick_waiters_;
  std::vector<CallWaiter> call_waiters_;
  std::vector<Session*> late_waiters_;
  uint64_t answers_seen_ = 0;  // of peers, when late waiters looked last
  std::vector<Session*> held_;
  bool keeps_due_ = false;  // the node was told so
  int64_t told_state_ns_ = 0;

  // Of the Feed at hand: whether reads may run at once, found out once.
  enum class ReadNow : uint8_t { kUnknown, kYes, kNo } read_now_ = ReadNow::kUnknown;
  cluster::ReadGrant grant_;  // of this Feed, or of the last round
  uint64_t ready_round_ = 0;
  uint64_t failed_round_ = 0;
  uint64_t ready_tick_ = 0;
  uint64_t failed_tick_ = 0;

  int64_t timed_ns_ = 0;         // when the last command was done
  struct Applying {              // this node's own item
    Session* session = nullptr;  // null: nobody waits
    uint64_t reply_at = 0;       // where its reply begins
  } applying_;
  Batch batch_;                          // of the Feed at hand
  uint64_t key_hash_ = 0;                // of the request being dispatched; 0: not known
  int64_t now_ms_ = 0;                   // at the Feed's beginning
  std::vector<std::string_view> views_;  // reused
  resp::ReplyPrefix discarded_{kDiscardedBytes};

  SnapshotStats snapshots_;
  bool shutting_down_ = false;
  commands::ShutdownRequest shutdown_;
  int64_t shutdown_deadline_ns_ = 0;
  uint64_t shutdown_seq_ = 0;               // of what clients are told of it
  int64_t leaving_since_ns_ = 0;            // 0: not, see Leaving
  int64_t asked_ns_ = 0;                    // the others who is there
  std::unordered_set<uint64_t> elsewhere_;  // their answers
  // A damaged slot that nobody in sight can tell, so that nobody may lead. The error is empty while
  // that may still pass.
  cluster::Slot damaged_slot_ = 0;
  int64_t damaged_since_ns_ = 0;
  int64_t damage_seen_ns_ = 0;
  std::string damage_error_;
  // A command has waited for a leader in vain, and no majority has been in sight since: the next
  // ones are answered at once.
  bool gave_up_ = false;
  paxos::Role noted_role_ = paxos::Role::kFollower;
  cluster::NodeId noted_leader_ = 0;
  std::string down_error_;  // ErrorOf's text
  std::string halt_reason_;
  std::string halt_error_;  // what commands are answered then
  cluster::NodeId failover_target_ = 0;
  int64_t failover_deadline_ns_ = 0;
  int64_t handed_over_ns_ = 0;    // when that was last tried
  bool takes_writes_ = true;      // see RoleView
  bool told_leaderless_ = false;  // in the log
  bool told_over_memory_ = false;
  int64_t leaderless_since_ns_ = 0;  // 0: it is not
  int64_t leader_since_ns_ = 0;      // see LeadershipChanged
  int64_t announced_ns_ = 0;
  int64_t sweep_ns_ = 0;
  uint64_t strangers_warned_ = 0;  // how many the log has told of
  int64_t strangers_warned_ns_ = 0;
  int64_t last_tick_ns_ = 0;
  uint64_t inner_errors_ = 0;  // of the command that is running
  int64_t disk_low_water_;     // as the log store has it
};

}  // namespace clustron::server
