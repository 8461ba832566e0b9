// One node with everything in it (engine, node, log on a simulated disk), its peers played by hand:
// for what a whole cluster meets too seldom. Node 1 of `nodes`; the others say nothing but what the
// test has them say, or, where it asks for that, what a healthy follower would.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "cluster/membership/formation.h"
#include "cluster/node/node_messages.h"
#include "cluster/paxos/messages.h"
#include "persist/identity.h"
#include "server/config/config.h"
#include "server/dispatch/engine.h"
#include "server/process/boot.h"
#include "tests/sim/log_script.h"
#include "tests/sim/sim_fs.h"
#include "tests/support/log_items.h"

namespace clustron::server {

class BenchClock : public Clock {
 public:
  int64_t MonotonicNs() const override { return ns += step_ns; }
  int64_t WallMs() const override { return wall_ms; }
  uint64_t MachineBootId() const override { return machine_boot; }
  mutable int64_t ns = 1'000'000'000;
  int64_t step_ns = 0;  // passes each time that somebody looks
  int64_t wall_ms = 1'700'000'000'000;
  uint64_t machine_boot = 1;
};

class EngineBench final : private EngineHost, private cluster::Transport {
 public:
  struct Sent {
    cluster::NodeId to;
    std::string message;
  };
  // A client and what it has been told.
  struct BenchClient final : SessionSink {
    Session* session = nullptr;
    std::string got;
    void Flush(Session& s) override { got += s.out.TakeAll(); }
    size_t unsent_bytes() const override { return 0; }
    std::string Take() { return std::exchange(got, {}); }
  };

  explicit EngineBench(uint32_t nodes, uint64_t seed = 1,
                       cluster::Durability durability = cluster::Durability::kAlways)
      : durability_(durability) {
    for (uint32_t node = 1; node <= nodes; ++node)
      genesis_.members.push_back({node, "10.0.0." + std::to_string(node), 6379, 16379});
    SetLogLevel(LogLevel::kNothing);
    genesis_.formed = true;
    genesis_.hash_seed = 7;
    REQUIRE(persist::IdentityFile::Create(
                fs, "/data",
                {.cluster_id = "bench", .node_id = 1, .extra = cluster::EncodeGenesis(genesis_)})
                .has_value());
    REQUIRE(Start(seed).has_value());
  }

  // The process ends, and is started again.
  void Restart(uint64_t seed) { REQUIRE(TryRestart(seed).has_value()); }
  Result<BootReport> TryRestart(uint64_t seed) {
    clients_.clear();
    engine_.reset();
    storage_ = {};
    tasks_.Drop();
    fs.Kill();
    return Start(seed);
  }

  cluster::Node& node() { return engine_->node(); }
  Engine& engine() { return *engine_; }
  state::Executor& executor() { return engine_->executor(); }

  // --- Time and turns
  // Ends the turn; disks are fast, unless they stand still.
  void Turn() {
    do {
      engine_->EndOfTurn();
    } while (!disks_stand_still && tasks_.Step());
  }
  // What disks had to do is done, within the turn.
  void RunTasks() { tasks_.RunAll(); }
  void Tick(int64_t ms = 10) {
    clock.ns += ms * 1'000'000;
    clock.wall_ms += ms;
    engine_->Tick();
    Turn();
  }

  // --- Peers
  void From(cluster::NodeId peer, const paxos::Message& message) {
    std::string bytes;
    paxos::Encode(message, &bytes);
    FromWire(peer, cluster::WirePaxos(bytes));
  }
  void FromWire(cluster::NodeId peer, const std::string& message) {
    REQUIRE(node().OnMessage(peer, message));
  }
  // What peer says first, as a member that was started for the first time.
  void IntroducePeers() {
    for (uint32_t peer = 2; peer <= genesis_.members.size(); ++peer) {
      const auto wire = [&](cluster::WireKind kind, const std::string& body) {
        FromWire(peer, cluster::WireOf(kind, body));
      };
      wire(cluster::WireKind::kIntroduction,
           cluster::EncodeIntroduction(
               {.boot = 1,
                .nonce = peer,
                .feature_version = peers_version.value_or(executor().feature_version()),
                .in_force = executor().feature_version(),
                .skips = executor().skips()}));
      const cluster::OwnLife& own = node().roster().watch().own();
      wire(cluster::WireKind::kIntroductionAnswer,
           cluster::EncodeIntroductionAnswer({.boot = own.boot, .nonce = own.nonce}));
    }
    Turn();
    sent_.clear();
  }
  // Bodies of a kind that were sent since the last call.
  std::vector<std::string> TakeSent(cluster::NodeId to, cluster::WireKind wanted) {
    std::vector<std::string> found;
    for (const Sent& one : std::exchange(sent_, {})) {
      cluster::WireKind kind;
      std::string_view body;
      REQUIRE(cluster::ReadWireKind(one.message, &kind, &body));
      if (one.to == to && kind == wanted) found.emplace_back(body);
    }
    return found;
  }
  // Of all kinds.
  std::vector<std::pair<cluster::WireKind, std::string>> TakeAllSent(cluster::NodeId to) {
    std::vector<std::pair<cluster::WireKind, std::string>> found;
    for (const Sent& one : std::exchange(sent_, {})) {
      cluster::WireKind kind;
      std::string_view body;
      REQUIRE(cluster::ReadWireKind(one.message, &kind, &body));
      if (one.to == to) found.emplace_back(kind, body);
    }
    return found;
  }
  // All peers answer Paxos as healthy ones with empty logs do (that write nothing if not
  // `peers_write`); `blob` goes with their answers.
  void AnswerAll(const std::vector<std::string>& blobs = {}) {
    for (Sent& one : std::exchange(sent_, {})) {
      cluster::WireKind kind;
      std::string_view body;
      REQUIRE(cluster::ReadWireKind(one.message, &kind, &body));
      if (one.to == silent_peer) continue;
      if (int64_t asked_ns; kind == cluster::WireKind::kClockAsk) {
        REQUIRE(cluster::ReadClockAsk(body, &asked_ns));
        FromWire(one.to, cluster::WireClockAnswer(asked_ns, peers_wall_ms()));
        continue;
      }
      if (kind != cluster::WireKind::kPaxos) {
        sent_.push_back(std::move(one));
        continue;
      }
      const Result<paxos::Message> message = paxos::Decode(body);
      REQUIRE(message.has_value());
      if (const auto* m = std::get_if<paxos::Prepare>(&*message)) {
        From(one.to, paxos::Promise{m->ballot, m->first, paxos::kMaxSlot, 0, 0, {}, {}});
      } else if (const auto* a = std::get_if<paxos::Accept>(&*message)) {
        if (peers_write) From(one.to, paxos::AcceptOk{a->entry.ballot, a->entry.slot, 0});
      } else if (const auto* h = std::get_if<paxos::Heartbeat>(&*message)) {
        paxos::HeartbeatReply reply;
        reply.probe = h->probe;
        reply.sent_ns = h->sent_ns;
        reply.ballot = reply.promised = reply.leader = h->ballot;
        reply.granted = reply.happy = bool{h->ballot};
        reply.lease_ns = h->ballot ? 450'000'000 : 0;
        reply.durable = peers_durable[one.to];
        reply.chosen =
            std::min(reply.durable, peers_chosen.value_or(node().replica().chosen_slot()));
        if (one.to - 2 < blobs.size()) reply.blob = blobs[one.to - 2];
        From(one.to, reply);
      } else if (const auto* r = std::get_if<paxos::Release>(&*message)) {
        asked_to_lead = r->target;
      }
    }
    Turn();
  }
  // What the peers' clocks show: this machine's, as it was before it was `wall_ahead_ms` ahead.
  int64_t peers_wall_ms() const { return clock.wall_ms - wall_ahead_ms; }
  void JumpWall(int64_t by_ms) {
    clock.wall_ms += by_ms;
    wall_ahead_ms += by_ms;
  }
  // Elected, its own no-op applied, under a lease.
  void Lead() {
    for (int i = 0; i < 300 && !node().leading(); ++i) {
      Tick();
      AnswerAll();
    }
    REQUIRE(node().leading());
    for (int i = 0; i < 10; ++i) {
      Tick();
      AnswerAll();
    }
    REQUIRE(node().replica().LeaseValid(clock.ns));
  }
  // This node hears of a leader, and accepts from it.
  void Follow(paxos::Ballot ballot) {
    paxos::Heartbeat heartbeat;
    heartbeat.probe = ++probe_;
    heartbeat.sent_ns = 1;
    heartbeat.ballot = ballot;
    From(ballot.node, heartbeat);
    Turn();
  }
  // The leader of `ballot` has this chosen: the next slot of the log.
  void Choose(paxos::Ballot ballot, paxos::EntryKind kind, const std::string& bytes) {
    const paxos::Slot slot = node().replica().chosen_slot() + 1;
    paxos::Accept accept;
    accept.entry.slot = slot;
    accept.entry.ballot = ballot;
    accept.entry.value = {kind, ballot,
                          bytes.empty() ? nullptr : std::make_shared<const std::string>(bytes)};
    accept.chosen = slot - 1;
    From(ballot.node, accept);
    From(ballot.node, paxos::Chosen{ballot, slot});
    Turn();
  }

  // --- Clients
  BenchClient& Connect() {
    auto& made = *clients_.emplace_back(std::make_unique<BenchClient>());
    made.session = engine_->Open({.peer = "10.0.0.1:1", .local = "10.0.0.2:6379"}, &made);
    return made;
  }
  void Say(BenchClient& client, std::string_view line) {
    engine_->Feed(*client.session, std::string(line) + "\r\n");
  }
  // What it is answered at once, with healthy peers.
  std::string Ask(BenchClient& client, std::string_view line) {
    client.got.clear();
    Say(client, line);
    Turn();
    for (int i = 0; i < 4; ++i) AnswerAll();
    return client.Take();
  }

  sim::SimFs fs;
  BenchClock clock;
  std::string fatal;
  std::string halted;
  bool stopped = false;
  bool peers_write = true;
  int64_t elapsed_ms = 1000;  // of what node 2 proposes as leader
  bool disks_stand_still = false;
  bool introduce = true;  // the peers, at each start
  // That the peers know; else what is in force.
  std::optional<uint16_t> peers_version;
  int64_t wall_ahead_ms = 0;
  cluster::NodeId silent_peer = 0;
  cluster::NodeId asked_to_lead = 0;                     // by the last hand-over
  std::map<cluster::NodeId, paxos::Slot> peers_durable;  // as AnswerAll has it
  std::vector<cluster::SkipWord> skip_slots;             // the same
  std::optional<paxos::Slot> peers_chosen;               // as they know; else what this node does
  cluster::NodeConfig node_config;                       // for the next start
  std::function<bool()> stop;                            // the same

 private:
  Result<BootReport> Start(uint64_t seed) {
    const auto identity = persist::IdentityFile::Boot(fs, "/data", ++starts_);
    REQUIRE(identity.has_value());
    engine_ =
        std::make_unique<Engine>(clock, config_, static_cast<EngineHost&>(*this), uint64_t{7});
    BootOptions options;
    options.dir = "/data";
    options.identity = *identity;
    options.genesis = genesis_;
    options.log.durability = durability_;
    options.log.segment_bytes = 64 << 10;
    options.log.spare_bytes = 0;
    options.log.low_water_bytes = 0;
    options.node = node_config;
    options.skip_slots = skip_slots;
    options.stop = stop;
    options.seed = seed;
    auto report = Boot(fs, tasks_, tasks_, clock, options, static_cast<cluster::Transport&>(*this),
                       *engine_, &storage_);
    if (report && introduce) IntroducePeers();
    return report;
  }

  void Send(cluster::NodeId to, cluster::Urgency, std::string message, Payload tail) override {
    message += tail.view();
    sent_.push_back({to, std::move(message)});
  }
  void Halted(cluster::HaltCause cause, const std::string& reason) override {
    halted = reason;
    if (cause == cluster::HaltCause::kDiverged)
      REQUIRE(NoteDivergence(fs, "/data", reason).has_value());
  }
  void Fatal(const std::string& reason) override { fatal = reason; }
  void Stop() override { stopped = true; }
  void Warn(const std::string&) override {}

  const cluster::Durability durability_;
  sim::QueueRunner tasks_;
  cluster::Genesis genesis_;
  Config config_;
  Storage storage_;
  std::unique_ptr<Engine> engine_;
  std::vector<std::unique_ptr<BenchClient>> clients_;
  std::vector<Sent> sent_;
  uint64_t probe_ = 0;
  uint64_t starts_ = 0;
};

using state::CommandItem;
using state::EntryOf;

inline constexpr paxos::Ballot kTwo{4, 2};
inline constexpr paxos::Ballot kThree{5, 3};

inline uint64_t AskedRound(EngineBench& bench, cluster::NodeId leader) {
  const auto asks = bench.TakeSent(leader, cluster::WireKind::kReadAsk);
  REQUIRE(!asks.empty());
  uint64_t id = 0;
  REQUIRE(cluster::ReadReadAsk(asks.back(), &id));
  return id;
}

// A follower of node 2 that has applied the no-op and `items`.
inline void FollowTwo(EngineBench& bench, const std::vector<std::string>& items) {
  bench.Follow(kTwo);
  bench.Choose(kTwo, paxos::EntryKind::kNoop, "");
  if (!items.empty())
    bench.Choose(kTwo, paxos::EntryKind::kBatch, EntryOf(1000, 1'700'000'000'000, items));
  bench.Tick();
  bench.TakeSent(2, cluster::WireKind::kReadAsk);
}

inline constexpr int64_t kTwosWallMs = 1'700'000'000'000;

// Node 2 leads: what was sent to it is chosen, then reads are granted. How many items there were.
inline size_t ServeTwo(EngineBench& bench) {
  std::vector<std::string> items;
  uint64_t round = 0;
  for (const auto& [kind, body] : bench.TakeAllSent(2)) {
    if (kind == cluster::WireKind::kReadAsk) REQUIRE(cluster::ReadReadAsk(body, &round));
    if (kind != cluster::WireKind::kForward) continue;
    paxos::Ballot ballot;
    std::string_view bytes;
    REQUIRE(cluster::ReadForward(body, &ballot, &bytes));
    Reader reader(bytes);
    while (!reader.Done()) {
      const std::string_view rest = bytes.substr(bytes.size() - reader.remaining());
      cluster::ItemHeader header;
      std::vector<std::string_view> args;
      REQUIRE(cluster::ReadItem(&reader, &header, &args));
      items.emplace_back(rest.substr(0, rest.size() - reader.remaining()));
    }
  }
  if (!items.empty())
    bench.Choose(kTwo, paxos::EntryKind::kBatch, EntryOf(bench.elapsed_ms, kTwosWallMs, items));
  if (round != 0)
    bench.FromWire(2, cluster::WireReadGrant(
                          round, {bench.executor().applied_slot(), bench.elapsed_ms, kTwosWallMs}));
  bench.Turn();
  return items.size();
}

}  // namespace clustron::server
