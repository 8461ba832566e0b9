#include "tests/sim/sim_node.h"

#include <algorithm>
#include <utility>

#include "base/planted_bugs.h"
#include "cluster/membership/formation.h"
#include "cluster/node/node_messages.h"
#include "persist/identity.h"
#include "server/process/boot.h"

namespace clustron::sim {

namespace {

constexpr int64_t kTickNs = 10 * kMillisecond;
constexpr uint16_t kUnknownCommand = 60'000;
constexpr std::string_view kPoisonOnTheWire = "\x60\xea";

}  // namespace

struct SimNode::Connection final : server::SessionSink {
  SimNode* owner = nullptr;
  uint64_t id = 0;
  server::Session* session = nullptr;
  bool ending = false;

  void Flush(server::Session& s) override {
    if (!owner->fatal_.empty() || owner->fs_.stopped()) return;  // it is dead already
    if (s.shows_state()) owner->CheckWritten();
    if (!s.close_now() && !s.out.empty()) owner->carrier_.ToClient(id, s.out.TakeAll());
    if (s.close_after_flush() || s.close_now()) ending = true;
  }
  size_t unsent_bytes() const override { return owner->carrier_.Untaken(id); }
};

// From a start to a crash.
struct SimNode::Process final : state::ApplySink, state::WaitSink, state::ApplyTracer {
  SimNode* owner;
  History* history;
  // Destroyed in the opposite order: the engine first.
  SimTaskRunner wal_tasks;
  SimTaskRunner snapshot_tasks;
  server::Config config;
  server::Storage storage;
  std::unique_ptr<server::Engine> engine;
  paxos::Invariants invariants;
  std::map<uint64_t, std::unique_ptr<Connection>> connections;
  // Closed by their clients before they were open here: a pause that goes on turns the two around.
  std::set<uint64_t> closed_early;
  bool turn_filed = false;
  resp::ReplyOutput* reply = nullptr;
  uint64_t reply_begin = 0;
  paxos::Slot traced_slot = 0;
  paxos::Slot logged_slot = 0;  // weak durability: handed to the history

  Process(SimNode* node, EventLoop* loop)
      : owner(node),
        history(node->around_.history),
        wal_tasks(loop, node, &node->disk_),
        snapshot_tasks(loop, node, &node->disk_) {}

  cluster::Node& node() { return engine->node(); }

  // server::ApplyTracer
  void OnApplied(cluster::Slot slot, const paxos::Value& value, uint64_t digest) override {
    traced_slot = slot;
    if (owner->disturbed_) return;
    history->OnApplied(owner->index_, slot, value, digest);
    owner->CheckIndexes(slot, engine->executor().store());
  }

  // Between the executor and the engine: replies are noted down.
  state::OwnCall BeginOwnItem(uint64_t sequence) override {
    const state::OwnCall call = engine->BeginOwnItem(sequence);
    reply = call.out;
    reply_begin = reply == nullptr ? 0 : reply->size();
    return call;
  }
  void EndOwnItem(uint64_t sequence, bool waits) override {
    if (!waits) NoteReply(sequence);
    reply = nullptr;
    engine->EndOwnItem(sequence, waits);
  }
  state::OwnCall BeginServed(uint64_t id) override {
    const state::OwnCall call = engine->wait_sink().BeginServed(id);
    reply = call.out;
    reply_begin = reply == nullptr ? 0 : reply->size();
    return call;
  }
  void EndServed(uint64_t id, state::WaitOutcome outcome) override {
    if (outcome != state::WaitOutcome::kWaitsOn) NoteReply(id);
    reply = nullptr;
    engine->wait_sink().EndServed(id, outcome);
  }
  void WaitersParked() override { engine->wait_sink().WaitersParked(); }
  void WaitersReplaced() override { engine->wait_sink().WaitersReplaced(); }
  void NoteReply(uint64_t sequence) {
    if (reply == nullptr || owner->disturbed_) return;
    history->OnReply(node().session(), sequence, reply->View(reply_begin));
  }
};

SimNode::SimNode(const Surroundings& around, ClientCarrier* carrier, int index, double drift,
                 int64_t wall_offset_ms)
    : around_(around),
      carrier_(*carrier),
      index_(index),
      clock_(around.loop, drift, around.loop->rng().Between(kSecond, 1'000'000 * kSecond),
             wall_offset_ms),
      disk_(around.knobs->disk) {}

SimNode::~SimNode() = default;

const cluster::Node* SimNode::node() const {
  return process_ == nullptr ? nullptr : &process_->engine->node();
}
server::Engine* SimNode::engine() { return process_ ? process_->engine.get() : nullptr; }
const server::Engine* SimNode::engine() const {
  return process_ ? process_->engine.get() : nullptr;
}

// --- Life ----------------------------------------------------------------------------------------

void SimNode::Start() {
  CHECK(process_ == nullptr);
  if (dead_) return;
  // A machine that comes back alone goes on by its wall clock, whatever that says: it is right
  // then.
  if (around_.knobs->nodes == 1) clock_.Glitch(0, 0);
  const Status started = StartProcess();
  if (started) {
    around_.report->Count("starts");
    if (around_.report->tracing()) {
      around_.report->Trace("node " + std::to_string(index_) + " starts at slot " +
                            std::to_string(engine()->executor().applied_slot()) + ", boot " +
                            std::to_string(process_->node().roster().watch().own().boot));
    }
    around_.network->SetUp(index_, true);
    TickLater();
    FileTurnEnd();
    return;
  }
  process_.reset();
  ++incarnation_;
  const Error& error = started.error();
  if (around_.report->tracing()) {
    around_.report->Trace("node " + std::to_string(index_) + " does not start: " + error.detail);
  }
  if (fs_.stopped()) {
    around_.report->Count("crashes during the start");
    if (around_.loop->rng().Percent(50)) {
      fs_.Crash(around_.loop->rng(), kCrashModes[around_.loop->rng().Below(4)]);
      lost_power_ = true;
    } else {
      fs_.Kill();
    }
    StartLater(around_.loop->rng().Between(1, around_.knobs->faults.down_ns));
  } else if (error.code == Errc::kNoSpace || error.code == Errc::kIo) {
    around_.report->Count("starts refused for the disk's sake");
    fs_.Kill();
    StartLater(kSecond);
  } else if (error.code == Errc::kCorruption && RotExcuses(error.detail)) {
    around_.report->Count("nodes lost to rot");
    dead_ = true;
  } else {
    around_.report->Fail("start", "node " + std::to_string(index_) + ": " + error.detail);
  }
}

Status SimNode::StartProcess() {
  const Knobs& knobs = *around_.knobs;
  ASSIGN_OR_RETURN(persist::Identity identity,
                   persist::IdentityFile::Boot(fs_, DirName(), around_.loop->rng().Next() | 1));
  process_ = std::make_unique<Process>(this, around_.loop);
  process_->owner = this;
  process_->engine = std::make_unique<server::Engine>(
      clock_, process_->config, static_cast<server::EngineHost&>(*this), around_.hash_seed);
  process_->engine->executor().SetTracer(process_.get());
  process_->engine->executor().SetExpirePerEntry(knobs.expire_per_entry);

  server::BootOptions options;
  options.dir = DirName();
  options.identity = identity;
  options.genesis = GenesisRecord();
  options.log.durability = knobs.durability;
  options.log.segment_bytes = knobs.segment_bytes;
  options.log.spare_bytes = knobs.spare_bytes;
  options.log.low_water_bytes = knobs.low_water_bytes;
  options.node.paxos = knobs.paxos;
  if (knobs.lease_changes && identity.boot > 1) {
    // What an earlier life granted may be longer.
    const int64_t shorter_ns = knobs.paxos.lease_ns >> (2 * around_.loop->rng().Below(3));
    options.node.paxos.lease_ns =
        std::max(shorter_ns, knobs.paxos.lease_margin_ns + knobs.paxos.heartbeat_ns / 10);
  }
  const Status small = process_->config.LoadText("watch-buffer-size 1500", "knobs");
  CHECK(small.has_value());
  if (knobs.quorum_reads) {
    const Status set = process_->config.LoadText("cluster-reads quorum", "knobs");
    CHECK(set.has_value());
  }
  options.node.hold_ns = knobs.hold_ns;
  options.node.resend_ns = knobs.resend_ns;
  options.node.window_bytes = knobs.window_bytes;
  options.node.snapshot_log_bytes_min = knobs.snapshot_log_bytes_min;
  options.node.restore_keys_per_turn = knobs.restore_keys_per_turn;
  options.node.apply_entries_per_turn = knobs.apply_entries_per_turn;
  options.accept_loss = accept_loss_;
  options.skip_slots = skips_;
  if (knobs.mixed_versions) {
    // Upgraded now and then, never downgraded.
    Rng& rng = around_.loop->rng();
    constexpr uint16_t kNewest = cluster::kFeatureVersion + 1;
    if (version_ == 0) {
      version_ = static_cast<uint16_t>(rng.Between(1, kNewest));
    } else if (version_ < kNewest && rng.Percent(30)) {
      ++version_;
    }
    options.node.feature_version = version_;
  }
  options.seed = around_.loop->rng().Next();
  ASSIGN_OR_RETURN(
      const server::BootReport boot,
      server::Boot(fs_, process_->wal_tasks, process_->snapshot_tasks, clock_, options,
                   static_cast<cluster::Transport&>(*this), *process_->engine, &process_->storage));
  if (boot.snapshot_slot != 0) around_.report->Count("starts from a snapshot");
  if (process_->storage.log->floor() >= boot.snapshot_slot) beyond_log_.insert(boot.snapshot_slot);
  if (boot.replayed != 0) around_.report->Count("starts with a replay");
  for (const std::string& note : boot.notes) {
    around_.report->Count("notes at the start");
    fell_back_ |=
        note.find("snapshot") != std::string::npos &&
        (note.find("damaged") != std::string::npos || note.find("sound") != std::string::npos);
    if (around_.report->tracing()) around_.report->Trace("  " + note);
  }
  state::Executor& executor = process_->engine->executor();
  executor.Attach(process_->node().session(), &process_->node().parts().lead, process_.get(),
                  &process_->engine->server_port());
  executor.SetWaitSink(process_.get());
  if (weak()) CheckRecovered();
  around_.history->OnState(index_, executor.applied_slot(), executor.digest());
  const paxos::Ballot promised = process_->node().replica().promised();
  if (promised < promised_) {
    around_.report->Fail("promises", "node " + std::to_string(index_) + " had promised " +
                                         std::to_string(promised_.round) + "." +
                                         std::to_string(promised_.node) + " and knows of " +
                                         std::to_string(promised.round) + "." +
                                         std::to_string(promised.node) + " after its restart");
  }
  process_->invariants = paxos::Invariants(promised_);
  seen_set_back_ = false;  // what it was told may not have come to its disk
  const uint64_t recovered_boot = process_->node().roster().watch().own().recovered_boot;
  if (!recovered_before_) recovered_before_ = recovered_boot;
  // Its disk knew of the recovery before anybody could look.
  if (recovered_boot > *recovered_before_) may_be_set_back_ = put_back_ = false;
  return {};
}

void SimNode::StartLater(int64_t delay_ns) {
  around_.loop->After(delay_ns, [this, life = incarnation_] {
    if (life == incarnation_ && process_ == nullptr) Start();
  });
}

void SimNode::Crash(bool power, const char* why, int64_t down_ns) {
  CHECK(process_ != nullptr);
  around_.report->Count(power ? "machines lost power" : "processes killed");
  if (around_.report->tracing()) {
    around_.report->Trace("node " + std::to_string(index_) + " " + why);
  }
  around_.loop->Trace(static_cast<uint64_t>(index_) + 77);
  crash_ns_ = around_.loop->now_ns();
  lost_power_ = power;
  around_.network->SetUp(index_, false);
  ++incarnation_;
  paused_until_ns_ = 0;
  const auto connections = std::move(process_->connections);
  process_->connections.clear();
  process_.reset();
  fatal_.clear();
  disturbed_ = halted_ = stopping_ = false;  // what it had in memory only is gone
  for (const auto& [id, connection] : connections) carrier_.ClosedByNode(id, true);
  Rng& rng = around_.loop->rng();
  if (power) {
    fs_.Crash(rng, kCrashModes[rng.Below(std::size(kCrashModes))]);
    clock_.Reboot(rng.Between(0, 20 * kSecond));
  } else {
    fs_.Kill();
  }
  const int64_t mean_ns = around_.knobs->faults.down_ns;
  StartLater(down_ns >= 0 ? down_ns : rng.Between(mean_ns / 10, 2 * mean_ns));
}

void SimNode::Pause(int64_t until_ns) {
  if (process_ == nullptr) return;
  paused_until_ns_ = std::max(paused_until_ns_, until_ns);
  slowed_ns_ = std::max(slowed_ns_, paused_until_ns_);
}

void SimNode::ShutDown() {
  if (process_ == nullptr || paused()) return;
  cluster::LogStore& log = *process_->storage.log;
  if (log.busy() || process_->turn_filed) {
    around_.loop->After(kMillisecond, [this, life = incarnation_] {
      if (life == incarnation_) ShutDown();
    });
    return;
  }
  const Status closed = log.Close();
  if (fs_.stopped() || !closed) {
    around_.report->Count("shutdowns that failed");
    Crash(false, "fails to shut down");
    return;
  }
  around_.report->Count("shutdowns");
  Crash(true, "shut down, then power lost");
  shut_down_ = true;
}

void SimNode::BeginShutdown(bool now) {
  Enter([this, now] {
    around_.report->Count("orderly stops asked for");
    commands::NodePort& node = process_->engine->node_port();
    static_cast<void>(node.BeginShutdown({.now = now}));
  });
}

void SimNode::AskForFailover(int64_t timeout_ms, bool abort) {
  Enter([this, timeout_ms, abort] {
    commands::NodePort& node = process_->engine->node_port();
    const Status begun =
        abort ? node.AbortFailover() : node.BeginFailover({.timeout_ms = timeout_ms});
    if (begun) around_.report->Count(abort ? "FAILOVER called off" : "FAILOVER begun");
  });
}

// The server's end: nothing new is heard, what is on its way to the disk arrives there.
void SimNode::CloseDown() {
  cluster::LogStore& log = *process_->storage.log;
  if (log.busy()) return;  // its end comes here again
  const Status closed = log.Close();
  if (closed && !fs_.stopped()) around_.report->Count("orderly stops");
  Crash(around_.loop->rng().Percent(30), "stops in good order");
}

// --- Below `durability always` ------------------------------------------------------------------

void SimNode::CheckWritten() {
  const paxos::Slot applied = process_->engine->executor().applied_slot();
  if (weak() && process_->node().replica().chosen_slot() < applied) {
    around_.report->Fail("durability",
                         "slot " + std::to_string(applied) + " is answered before it is written");
  }
}

void SimNode::NoteCommits() {
  const paxos::Slot applied = std::min(process_->engine->executor().applied_slot(),
                                       process_->node().replica().chosen_slot());
  if (!commits_.empty() && commits_.back().slot >= applied) return;
  commits_.push_back({around_.loop->now_ns(), applied});
  if (around_.knobs->durability == cluster::Durability::kMemory) return;
  cluster::LogStore& log = *process_->storage.log;
  for (paxos::Slot& slot = process_->logged_slot; slot < applied;) {
    const Result<paxos::Accepted> entry = log.Read(slot + 1);
    if (!entry) {
      around_.report->Fail("log", "slot " + std::to_string(slot + 1) +
                                      " is answered and can't be read: " + entry.error().detail);
      return;
    }
    around_.history->OnLogged(index_, ++slot, entry->value);
  }
}

// What was committed longer ago is synced for certain: a second, a tick, the sync.
int64_t SimNode::SyncedWithinNs() const {
  const DiskSpeed& disk = around_.knobs->disk;
  const int64_t task_ns =
      disk.base_ns + disk.jitter_ns + (disk.slow_percent > 0 ? disk.slow_ns : 0);
  return kSecond + 150 * kMillisecond + 4 * task_ns;
}

// The process is up again: what has it kept? (That it is a prefix of what there was, entry by
// entry, the history finds out.)
void SimNode::CheckRecovered() {
  const paxos::Slot kept =
      std::max(process_->engine->executor().applied_slot(), process_->storage.log->last_slot());
  const bool memory = around_.knobs->durability == cluster::Durability::kMemory;
  paxos::Slot must_have = 0;
  const bool all = !lost_power_ || shut_down_;
  const int64_t within_ns = SyncedWithinNs();
  for (const Commit& commit : commits_) {
    const bool synced = commit.at_ns < crash_ns_ - within_ns &&
                        (slowed_ns_ < 0 || slowed_ns_ < crash_ns_ - within_ns);
    if (!memory && (all || synced)) must_have = commit.slot;
  }
  if (kept < must_have) {
    around_.report->Fail("durability", "node " + std::to_string(index_) + " comes back with slot " +
                                           std::to_string(kept) + " and should have " +
                                           std::to_string(must_have));
  }
  const auto lost = std::find_if(commits_.begin(), commits_.end(),
                                 [kept](const Commit& commit) { return commit.slot > kept; });
  if (lost != commits_.end()) {
    around_.report->Count(memory ? "memory lost" : "ends of the log lost");
    around_.losses->push_back(
        {.from_ns = memory ? 0 : lost->at_ns, .crash_ns = crash_ns_, .everything = memory});
    commits_.erase(lost, commits_.end());
  }
  around_.history->ForgetAbove(kept);
  process_->logged_slot = kept;
  shut_down_ = false;
}

void SimNode::TakeSnapshot() {
  if (process_ != nullptr) process_->node().parts().snapshots.Want();
}

void SimNode::Disturb() {
  Enter([this] {
    if (around_.report->tracing())
      around_.report->Trace("node " + std::to_string(index_) + " gets a state of its own");
    around_.report->Count("states disturbed");
    store::Store& store = process_->engine->executor().store();
    store.BeginItem();
    store.TakeRevision();
    disturbed_ = true;
  });
}

void SimNode::Poison() {
  Enter([this] {
    const std::string_view args[] = {"POISON"};
    std::string item;
    cluster::AppendItem({.command_id = kUnknownCommand, .session = process_->node().session()},
                        args, &item);
    around_.report->Count("entries that can't be applied");
    process_->node().parts().writes.Submit(std::move(item), nullptr);
  });
}

void SimNode::SkipSlot(const cluster::SkipWord& word) {
  skips_.push_back(word);
  wanted_skip_.reset();
  if (process_ != nullptr) Crash(false, "restarted by its operator", 50 * kMillisecond);
}

void SimNode::HandOver(int to) {
  Enter(
      [this, to] { process_->node().parts().leader.HandOver(static_cast<paxos::NodeId>(to) + 1); });
}

// --- Turns ---------------------------------------------------------------------------------------

template <typename F>
void SimNode::Enter(F&& f) {
  if (process_ == nullptr) return;
  if (paused()) {
    around_.loop->At(paused_until_ns_,
                     [this, life = incarnation_, g = std::forward<F>(f)]() mutable {
                       if (life == incarnation_) Enter(std::move(g));
                     });
    return;
  }
  ShowLiveClocks();
  f();
  Entered();
}

void SimNode::Entered() {
  if (process_ == nullptr) return;
  if (fs_.stopped()) {
    around_.report->Count("crashes at a file operation");
    Crash(around_.loop->rng().Percent(50), "stops at a file operation");
  } else if (!fatal_.empty()) {
    Crash(false, "ended itself");
  } else if (halted_ && dead_) {
    Crash(false, "halted");
  } else if (stopping_) {
    CloseDown();
  } else {
    FileTurnEnd();
  }
}

void SimNode::FileTurnEnd() {
  if (process_->turn_filed || stopping_) return;
  process_->turn_filed = true;
  around_.loop->After(around_.loop->rng().Between(kMicrosecond, 30 * kMicrosecond),
                      [this, life = incarnation_] {
                        if (life == incarnation_) EndTurn();
                      });
}

void SimNode::EndTurn() {
  if (stopping_) return;
  if (paused()) {
    around_.loop->At(paused_until_ns_, [this, life = incarnation_] {
      if (life == incarnation_) EndTurn();
    });
    return;
  }
  ShowLiveClocks();
  process_->engine->EndOfTurn();
  const state::Executor& executor = process_->engine->executor();
  if (executor.applied_slot() != process_->traced_slot) {
    process_->traced_slot = executor.applied_slot();
    if (!disturbed_) around_.history->OnState(index_, executor.applied_slot(), executor.digest());
  }
  if (weak() && fatal_.empty() && !fs_.stopped()) NoteCommits();
  std::erase_if(process_->connections, [this](const auto& item) {
    const Connection& connection = *item.second;
    if (!connection.ending && !connection.session->close_now()) return false;
    process_->engine->Close(connection.session);
    carrier_.ClosedByNode(connection.id, false);
    return true;
  });
  process_->turn_filed = false;
  if (fs_.stopped() || !fatal_.empty() || halted_ || stopping_) Entered();
}

// Only for planted bugs that look at them while applying.
void SimNode::ShowLiveClocks() {
#ifdef CLUSTRON_SIM
  if (planted_bug == Bug::kNone) return;
  store::Store& store = process_->engine->executor().store();
  store.live_elapsed_ms = process_->node().parts().clock.LiveElapsedMs();
  store.live_wall_ms = clock_.WallMs();
#endif
}

void SimNode::TickLater() {
  around_.loop->After(clock_.TrueDelay(kTickNs), [this, life = incarnation_] {
    if (life != incarnation_ || stopping_) return;
    if (busy()) process_->node().TickWhileBusy();
    Enter([this] { process_->engine->Tick(); });
    if (life == incarnation_) TickLater();
  });
}

void SimNode::RunOnLoop(std::function<void()> done) {
  Enter([f = std::move(done)] { f(); });
}

void SimNode::RunWork(const std::function<void()>& work) {
  work();
  if (!fs_.stopped()) return;
  around_.report->Count("crashes at a file operation");
  Crash(around_.loop->rng().Percent(50), "stops at a file operation");
}

// --- The outside ---------------------------------------------------------------------------------

void SimNode::OnPeerMessage(int from, std::string message) {
  if (busy() && !stopping_ &&
      process_->node().OnMessageWhileBusy(static_cast<paxos::NodeId>(from) + 1, message))
    return;
  Enter([this, from, m = std::move(message)] {
    if (stopping_) return;
    // A leader refuses to take items that it does not know: the one who led when the item was made
    // leads no more.
    const bool poisoned = around_.knobs->faults.poison_at_ns != 0 &&
                          m[0] == static_cast<char>(cluster::WireKind::kForward) &&
                          m.find(kPoisonOnTheWire) != std::string::npos;
    NoteOffer(m);
    if (process_->node().OnMessage(static_cast<paxos::NodeId>(from) + 1, m)) return;
    if (poisoned) {
      around_.restart_for_its_item(from);
    } else {
      around_.report->Fail("messages",
                           "node " + std::to_string(index_) + " finds a message of kind " +
                               std::to_string(m[0]) + " and " + std::to_string(m.size()) +
                               " bytes from node " + std::to_string(from) + " malformed");
    }
  });
}

void SimNode::OnLinkUp(int peer) {
  Enter([this, peer] {
    if (!stopping_) process_->node().OnPeerUp(static_cast<paxos::NodeId>(peer) + 1);
  });
}

void SimNode::OnLinkDown(int peer) {
  Enter([this, peer] {
    if (!stopping_) process_->node().OnPeerDown(static_cast<paxos::NodeId>(peer) + 1);
  });
}

void SimNode::Send(cluster::NodeId to, cluster::Urgency urgency, std::string message,
                   Payload tail) {
  message.append(tail.view());
  NoteObligations(to, message);
  NoteRead(to, message);
  around_.network->Send(index_, static_cast<int>(to) - 1, urgency == cluster::Urgency::kUrgent,
                        std::move(message));
}

// Who was set back has no vote before all others have recorded that.
void SimNode::CheckMayVote(const char* what) {
  if (!put_back_) return;
  const cluster::OwnLife& own = process_->node().roster().watch().own();
  if (!around_.recorded_by_others(id(), own.nonce)) {
    around_.report->Fail("set back", "node " + std::to_string(index_) + " sends " + what +
                                         " although not all others know that it was set back");
  }
  put_back_ = false;
}

// Only who was set back may take itself for it.
void SimNode::LookWhetherSetBack() {
  if (process_ == nullptr || dead_) return;
  const bool set_back = process_->node().roster().watch().own().set_back;
  if (set_back && !may_be_set_back_)
    around_.report->Fail("set back", "node " + std::to_string(index_) +
                                         " was set back, and nobody has touched its directory: " +
                                         process_->node().roster().watch().own().why);
  if (set_back != seen_set_back_ && around_.report->tracing()) {
    const cluster::OwnLife& own = process_->node().roster().watch().own();
    around_.report->Trace("node " + std::to_string(index_) +
                          (set_back ? " knows that it was set back: " + own.why
                                    : " has recovered, in boot " + std::to_string(own.boot)));
  }
  // It has recovered, and its disk knows that: from then on it votes as everybody does.
  const cluster::MemberWatch& watch = process_->node().roster().watch();
  if (!set_back && watch.own_saved() < watch.own_version()) return;
  if (seen_set_back_ && !set_back) may_be_set_back_ = put_back_ = false;
  seen_set_back_ = set_back;
}

paxos::Slot SimNode::LastWriteSlot(uint64_t connection) const {
  if (process_ == nullptr) return 0;
  const auto it = process_->connections.find(connection);
  return it == process_->connections.end() ? 0 : it->second->session->client.last_write_slot;
}

void SimNode::Halted(cluster::HaltCause cause, const std::string& reason) {
  halted_ = true;
  if (around_.report->tracing())
    around_.report->Trace("node " + std::to_string(index_) + " halts: " + reason);
  if (cause == cluster::HaltCause::kDiverged && disturbed_) {
    around_.report->Count("disturbed nodes halted");
    dead_ = true;
    return;
  }
  constexpr std::string_view kDirective = "--skip-slot ";
  const size_t at = reason.find(kDirective);
  if (cause == cluster::HaltCause::kCannotApply && around_.knobs->faults.poison_at_ns != 0 &&
      at != std::string::npos) {
    const auto word = cluster::ParseSkip(std::string_view(reason).substr(at + kDirective.size()));
    CHECK(word.has_value());
    around_.report->Count("nodes halted by an entry");
    wanted_skip_ = *word;
    return;
  }
  around_.report->Fail("halted", "node " + std::to_string(index_) + ": " + reason);
}

void SimNode::Fatal(const std::string& reason) {
  if (!fatal_.empty()) return;
  fatal_ = reason;
  if (around_.report->tracing()) {
    around_.report->Trace("node " + std::to_string(index_) + " gives up: " + reason);
  }
  around_.report->Count("nodes that ended themselves");
  const bool excused = reason.find("has two values") == std::string::npos;
  if (excused && (fs_.stopped() || reason.find("simulated failure") != std::string::npos ||
                  (reason.starts_with("log:") && rotten()))) {
    return;
  }
  around_.report->Fail("fatal", "node " + std::to_string(index_) + ": " + reason);
}

void SimNode::OnClientOpen(uint64_t connection) {
  Enter([this, connection] {
    if (stopping_ || process_->closed_early.erase(connection) > 0) return;
    auto made = std::make_unique<Connection>();
    made->owner = this;
    made->id = connection;
    made->session = process_->engine->Open(
        {.peer = "10.0.0.1:" + std::to_string(connection), .local = "10.0.0.2:6379"}, made.get());
    process_->connections[connection] = std::move(made);
  });
}

void SimNode::OnClientBytes(uint64_t connection, std::string bytes) {
  Enter([this, connection, b = std::move(bytes)] {
    if (stopping_) return;
    const auto it = process_->connections.find(connection);
    if (it != process_->connections.end()) process_->engine->Feed(*it->second->session, b);
  });
}

void SimNode::OnClientClose(uint64_t connection) {
  Enter([this, connection] {
    const auto it = process_->connections.find(connection);
    if (it == process_->connections.end()) {
      process_->closed_early.insert(connection);
      return;
    }
    process_->engine->Close(it->second->session);
    process_->connections.erase(it);
  });
}

std::optional<std::string> SimNode::CheckInvariants() {
  if (process_ == nullptr) return std::nullopt;
  return process_->invariants.Check(process_->node().replica());
}

}  // namespace clustron::sim
