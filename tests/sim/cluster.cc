#include "tests/sim/cluster.h"

#include <algorithm>

#include "tests/sim/nemesis.h"
#include "tests/sim/watch_truth.h"

namespace clustron::sim {

namespace {

constexpr int64_t kCheckEveryNs = 5 * kMillisecond;
// After everything is whole again: until each client has had an answer, and until all are equal.
constexpr int64_t kRecoveryNsMax = 20 * kSecond;
// Where most clocks are right: 0.2 s that they are off by, 0.5 s from the median, some to spare;
// ahead also what a node that hears nobody drifts away by, behind what an answer may have been on
// its way. How old what is known of the others may be.
constexpr int64_t kWallAheadMsMax = 830;
constexpr int64_t kWallBehindMsMax = 1330;
constexpr int64_t kUnheardMsMax = 90'000;
constexpr int64_t kGapNsMax = 1500 * kMillisecond;
constexpr int64_t kWallHeardForNs = 12 * kSecond;

}  // namespace

Cluster::Cluster(EventLoop* loop, Report* report, const Knobs& knobs)
    : loop_(*loop),
      report_(*report),
      knobs_(knobs),
      history_(report, loop, loop->rng().Next(), knobs.expire_per_entry),
      network_(loop, knobs.nodes, knobs.network, this),
      wait_watch_(loop, report, &network_, &nodes_) {
  Rng& rng = loop->rng();
  Surroundings around{
      .loop = loop,
      .report = report,
      .knobs = &knobs,
      .network = &network_,
      .history = &history_,
      .losses = &world_.losses,
      .said = &said_,
      .hash_seed = history_.hash_seed(),
      .recorded_by_others = [this](paxos::NodeId node,
                                   uint64_t nonce) { return RecordedByOthers(node, nonce); },
      .restart_for_its_item =
          [this](int node) {
            loop_.After(kMillisecond, [this, node] {
              if (!nodes_[node]->running()) return;
              report_.Count("restarted for an item that no leader takes");
              nodes_[node]->Crash(false, "restarted for its item", 50 * kMillisecond);
            });
          }};
  for (int i = 0; i < knobs.nodes; ++i) {
    const double drift = (2 * rng.Unit() - 1) * knobs.drift_max;
    const int64_t offset_ms = rng.Between(-knobs.wall_offset_ms_max, knobs.wall_offset_ms_max);
    nodes_.push_back(
        std::make_unique<SimNode>(around, static_cast<ClientCarrier*>(this), i, drift, offset_ms));
    nodes_.back()->Form();
  }
  nemesis_ = std::make_unique<Nemesis>(this);
  world_.loop = loop;
  world_.report = report;
  world_.network = this;
  world_.drift = knobs.drift_max;
  if (knobs.clocks_right) world_.absolute_slack_ns = WallAheadMsMax() * kMillisecond;
  world_.burst_percent = knobs.work.burst_percent;
  if (knobs.network.bytes_per_s != 0) world_.value_bytes_max = 20'000;
  world_.count_holders = [this](const Client& client, int64_t since_ns) {
    return CountHolders(client, since_ns);
  };
  world_.steady = [this](int64_t from_ns, int64_t to_ns) {
    return wait_watch_.Steady(from_ns, to_ns);
  };
  AddActors(knobs.work);
}

Cluster::~Cluster() = default;

void Cluster::AddActors(const WorkloadMix& work) {
  WorkloadSetup setup{.world = &world_, .add = [this](std::unique_ptr<Actor> actor) {
                        actors_.push_back(std::move(actor));
                      }};
  const auto add = [&](std::unique_ptr<Workload> workload) {
    workloads_.push_back(std::move(workload));
    setup.first_actor_id = static_cast<int>(actors_.size());
  };
  if (work.strings) add(MakeStrings(setup, {.actors = 3}));
  if (work.mortal) add(MakeStrings(setup, {.mortal = true, .active = 2, .actors = 3}));
  if (work.counters) {
    add(MakeStrings(setup, {.counters = true, .active = 2, .rotate_after = 200, .actors = 2}));
  }
  if (work.groups) add(MakeStrings(setup, {.groups = true, .active = 1, .actors = 2}));
  if (work.bank) add(MakeBank(setup, 3));
  if (work.hashes) add(MakeHashes(setup, 2));
  if (work.lists) add(MakeLists(setup, 2));
  if (work.lists && !world_.no_bulk) add(MakeLongList(setup));
  if (work.waiting) add(MakeWaiting(setup, 4, 2));
  if (work.pipelines) add(MakePipelines(setup, 2));
  if (work.bulk) add(MakeBulk(setup, 2));
  if (work.locks) add(MakeLocks(setup, 3));
  if (work.lock_queues) add(MakeLockQueues(setup, 5));
  if (work.leases) add(MakeLeases(setup, 3));
  if (work.budgets) add(MakeBudgets(setup, 2));
  if (work.ends) add(MakeEnds(setup, 2));
  if (work.waits) add(MakeWaits(setup, 2));
  if (work.pauses) add(MakePauses(setup, 2));
  if (work.rules) add(MakeRules(setup, 2, knobs_.nodes > 1));
  if (work.txns) add(MakeTxns(setup, 3));
  if (work.watches) add(MakeWatches(setup, 3, 4));
  if (work.indexes) add(MakeIndexes(setup, 3));
  if (work.index_flushes) add(MakeIndexFlushes(setup, 3, work.flush_all));
  // An act is some 1.5 requests.
  world_.think_ns =
      static_cast<int64_t>(actors_.size()) * kSecond * 3 / (2 * knobs_.work.operations_per_second);
}

int Cluster::Leader() const {
  for (const auto& node : nodes_) {
    if (node->node() != nullptr && node->node()->leading()) return node->index();
  }
  return -1;
}

bool Cluster::RecordedByOthers(paxos::NodeId node, uint64_t nonce) const {
  return std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& other) {
    if (other->id() == node) return true;
    const auto it = recorded_.find({other->id(), node});
    return it != recorded_.end() && it->second == nonce;
  });
}

void Cluster::NoteRecorded(int to, int from, std::string_view message) {
  cluster::WireKind kind;
  std::string_view body;
  if (!cluster::ReadWireKind(message, &kind, &body)) return;
  cluster::IntroductionAnswer answer;
  if (kind != cluster::WireKind::kIntroductionAnswer ||
      !cluster::DecodeIntroductionAnswer(body, &answer) || !answer.recorded)
    return;
  recorded_[{nodes_[from]->id(), nodes_[to]->id()}] = answer.nonce;
}

bool Cluster::NobodySetBack() const {
  // Who was set back waits for the word of every other voter, and a dead one gives none.
  if (DeadCount() > 0) return true;
  return std::all_of(nodes_.begin(), nodes_.end(), [this](const auto& node) {
    if (node->dead()) return true;
    if (node->node() == nullptr) return false;
    const cluster::MemberWatch& watch = node->node()->roster().watch();
    return !watch.own().set_back && std::none_of(watch.records().begin(), watch.records().end(),
                                                 [this](const cluster::MemberRecord& record) {
                                                   return record.SetBack() &&
                                                          !nodes_[record.node - 1]->dead();
                                                 });
  });
}

void Cluster::LoseAbove(paxos::Slot slot, int64_t crash_ns) {
  if (slot >= history_.last_slot()) return;
  report_.Count("majorities whose writes are lost");
  if (report_.tracing())
    report_.Trace("everything above slot " + std::to_string(slot) + " is lost");
  world_.losses.push_back({.from_ns = history_.AppliedNs(slot + 1), .crash_ns = crash_ns});
  history_.LoseAbove(slot);
}

// What an operator does when no majority is left of those who were not set back.
void Cluster::LookAfterSetBack() {
  const bool trouble = std::any_of(nodes_.begin(), nodes_.end(), [](const auto& node) {
    return node->node() != nullptr && !node->node()->roster().Trouble().empty();
  });
  if (!trouble || loop_.now_ns() < looked_after_ns_) return;
  looked_after_ns_ = loop_.now_ns() + 10 * kSecond;
  report_.Count("losses accepted");
  // It holds once: who was told before starts without it first.
  for (auto& node : nodes_)
    if (node->running()) node->Crash(false, "is told of no loss", 50 * kMillisecond);
  loop_.After(kSecond / 2, [this] {
    for (auto& node : nodes_) {
      node->SetAcceptLoss(true);
      if (node->running()) node->Crash(false, "is told to accept a loss", 50 * kMillisecond);
    }
  });
  loop_.After(9 * kSecond, [this] {
    for (auto& node : nodes_) node->SetAcceptLoss(false);
  });
}

// Who stands where, for a report.
std::string Cluster::Standing() const {
  std::string out;
  for (const auto& node : nodes_) {
    out += "; node " + std::to_string(node->index());
    if (node->node() == nullptr) {
      out += " is down";
      continue;
    }
    if (node->paused()) out += " is paused,";
    const paxos::Replica& replica = node->node()->replica();
    constexpr const char* kRoles[] = {"follows", "is a candidate", "leads"};
    if (node->node()->roster().watch().own().set_back) out += " is set back,";
    if (!replica.voting()) out += " has no vote,";
    out += std::string(" ") + kRoles[static_cast<int>(replica.role())] + ", knows leader " +
           std::to_string(replica.leader()) + ", ballot " + std::to_string(replica.ballot().round) +
           ", promised " + std::to_string(replica.promised().round) + ", chosen " +
           std::to_string(replica.chosen_slot()) + ", applied " +
           std::to_string(replica.applied_slot()) + ", durable " +
           std::to_string(replica.durable_slot()) + ", unknown " +
           std::to_string(replica.unknown_count());
    if (!node->engine()->Report().majority_in_sight) out += ", sees no majority";
    if (!node->node()->leader_in_sight()) out += ", sees no leader";
    const int64_t now_ns = node->clock().MonotonicNs();
    for (const paxos::PeerStatus& peer : replica.peers()) {
      if (peer.heard_ns == 0 || now_ns - peer.heard_ns > kSecond)
        out += ", has not heard node " + std::to_string(peer.node - 1);
      if (!node->node()->roster().watch().Taken(peer.node))
        out += ", does not take what node " + std::to_string(peer.node - 1) + " says";
    }
  }
  return out;
}

int Cluster::DeadCount() const {
  return static_cast<int>(
      std::count_if(nodes_.begin(), nodes_.end(), [](const auto& n) { return n->dead(); }));
}

// --- The run -------------------------------------------------------------------------------------

void Cluster::Run(int64_t duration_ns) {
  for (auto& node : nodes_) {
    loop_.After(loop_.rng().Between(0, 50 * kMillisecond), [n = node.get()] { n->Start(); });
  }
  for (auto& actor : actors_) actor->Start();
  CheckLater();
  loop_.After(kSecond, [this] { nemesis_->Start(); });
  loop_.RunUntil(duration_ns * 3 / 4);
  if (report_.failed()) return;

  Heal();
  const int64_t healed_ns = loop_.now_ns();
  const int64_t recovery_ns = RecoveryNs();
  for (auto& actor : actors_) actor->TakeProgress();
  // A stop in good order that began before may end later, and its node be away for a while.
  int64_t whole_ns = healed_ns;
  while (!report_.failed() && !Live() && loop_.now_ns() < whole_ns + recovery_ns &&
         loop_.now_ns() < healed_ns + 3 * recovery_ns) {
    loop_.RunUntil(loop_.now_ns() + 100 * kMillisecond);
    const bool whole = std::all_of(nodes_.begin(), nodes_.end(),
                                   [](const auto& n) { return n->running() || n->dead(); });
    if (!whole) whole_ns = loop_.now_ns();
  }
  if (!report_.failed() && !Live()) {
    report_.Fail("liveness", "the cluster is whole for " + std::to_string(recovery_ns / kSecond) +
                                 " s and does not serve all clients" + Unserved() + Standing());
  }
  loop_.RunUntil(std::max(duration_ns - 3 * kSecond, loop_.now_ns()));
  world_.stopping = true;
  world_.think_ns = 5 * kMillisecond;
  const int64_t stopping_ns = loop_.now_ns();
  loop_.RunUntil(stopping_ns + 2 * kSecond);
  while (!report_.failed() && !(Converged() && wait_watch_.Settled()) &&
         loop_.now_ns() < stopping_ns + kRecoveryNsMax) {
    loop_.RunUntil(loop_.now_ns() + 200 * kMillisecond);
  }
  if (!report_.failed()) CheckDisturbed();
  if (!report_.failed()) CheckConverged();
  if (!report_.failed()) wait_watch_.CheckSettled();
  if (dump_ != nullptr) history_.Dump(dump_);
  CheckWorkloads();
}

void Cluster::CheckWorkloads() {
  for (auto& workload : workloads_) {
    if (!report_.failed()) workload->Check(&report_);
  }
  if (report_.failed() || !history_.CheckReplay()) return;
  const auto alive =
      std::find_if(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->running(); });
  if (alive == nodes_.end()) return;
  const store::Store& state = std::as_const(**alive).engine()->executor().store();
  for (auto& workload : workloads_) workload->CheckCalls(history_.calls_that_wait(), state);
  for (auto& workload : workloads_) {
    if (report_.failed() || !workload->watches()) continue;
    WatchTruth truth(kWatchedPrefix);
    history_.ReplayWatches(&truth);
    if (!report_.failed()) workload->CheckWatches(truth, &report_);
  }
}

// A slow link takes its time for what the node behind it has missed, and for what is said twice.
int64_t Cluster::RecoveryNs() const {
  if (knobs_.network.bytes_per_s == 0) return kRecoveryNsMax;
  // A flight is under way at a time, there and back.
  const int64_t by_flights =
      static_cast<int64_t>(knobs_.paxos.flight_bytes_max) * kSecond / (2 * knobs_.network.delay_ns);
  const int64_t bytes_per_s =
      std::max<int64_t>(std::min<int64_t>(knobs_.network.bytes_per_s, by_flights) / 10, 1);
  uint64_t most = 0;
  for (const auto& node : nodes_) {
    const paxos::Slot slot = node->node() == nullptr ? 0 : node->node()->replica().chosen_slot();
    most = std::max(most, history_.BytesBehind(slot));
  }
  return kRecoveryNsMax + 3 * static_cast<int64_t>(most) * kSecond / bytes_per_s;
}

void Cluster::Heal() {
  world_.no_bulk = knobs_.network.bytes_per_s != 0;
  if (report_.tracing()) report_.Trace("everything is made whole");
  nemesis_->Stop();
  world_.healed_ns = loop_.now_ns();
  stable_leader_ = -1;
  network_.MakeReliable();
  int home = 0;
  for (auto& node : nodes_) {
    node->fs().ClearFaults();
    node->disk() = knobs_.disk;
    node->disk().slow_percent = 0;
  }
  for (auto& actor : actors_) {
    while (nodes_[home % size()]->dead()) ++home;
    actor->client().MoveHome(home++ % size());
  }
}

std::string Cluster::Unserved() const {
  std::string clients;
  for (const auto& actor : actors_) {
    const auto it = progressed_.find(actor.get());
    if (it == progressed_.end() || !it->second)
      clients += " " + std::to_string(const_cast<Actor&>(*actor).client().id());
  }
  return clients.empty() ? "" : " (not" + clients + ")";
}

// Each client has got something done since it was asked last, and each node runs.
bool Cluster::Live() {
  LookAfterSetBack();
  for (auto& node : nodes_) {
    if (!node->dead() && !node->running()) return false;
  }
  bool all = Leader() >= 0 && NobodySetBack();
  for (auto& actor : actors_) {
    // Its node turned out to be lost when it was to start.
    const int home = actor->client().node();
    if (nodes_[home]->dead()) actor->client().MoveHome((home + 1) % size());
    // A member that is lost for ever, or runs an old program to the end, keeps the version down.
    progressed_[actor.get()] |= actor->TakeProgress(DeadCount() > 0 || knobs_.mixed_versions);
    all = all && progressed_[actor.get()];
  }
  return all;
}

bool Cluster::Converged() const {
  paxos::Slot slot = 0;
  for (const auto& actor : actors_) {
    if (const_cast<Actor&>(*actor).client().outstanding() != 0) return false;
  }
  for (const auto& node : nodes_) {
    if (node->dead()) continue;
    if (!node->running() || node->engine()->node().restoring()) return false;
    const paxos::Slot applied = node->engine()->executor().applied_slot();
    if (slot == 0) slot = applied;
    if (applied != slot) return false;
  }
  return slot == history_.last_slot();
}

void Cluster::CheckDisturbed() {
  for (const auto& node : nodes_)
    if (node->wrong())
      report_.Fail("divergence", "the state of node " + std::to_string(node->index()) +
                                     " differs from the others', and nobody has noticed");
}

void Cluster::CheckConverged() {
  if (!Converged()) {
    std::string slots;
    for (const auto& node : nodes_) {
      slots += node->running() ? " " + std::to_string(node->engine()->executor().applied_slot())
                               : " down";
    }
    report_.Fail("convergence", "the nodes do not come to the same slot:" + slots + " of " +
                                    std::to_string(history_.last_slot()));
    return;
  }
  // All have announced what they know, so that nothing is refused for its version any more.
  const bool all_alive =
      std::none_of(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->dead(); });
  uint64_t digest = 0;
  const SimNode* first = nullptr;
  for (const auto& node : nodes_) {
    if (node->dead()) continue;
    if (all_alive && !knobs_.mixed_versions &&
        node->engine()->executor().feature_version() != cluster::kFeatureVersion)
      report_.Fail("versions", "node " + std::to_string(node->index()) +
                                   " is still at feature version " +
                                   std::to_string(node->engine()->executor().feature_version()));
    const uint64_t own = node->engine()->executor().store().Digest();
    if (first == nullptr) {
      first = node.get();
      digest = own;
    } else if (own != digest) {
      report_.Fail("digests", "the states of node " + std::to_string(first->index()) +
                                  " and node " + std::to_string(node->index()) +
                                  " differ behind slot " + std::to_string(history_.last_slot()));
      return;
    }
  }
}

// --- Checks at all times -------------------------------------------------------------------------

void Cluster::CheckLater() {
  loop_.After(kCheckEveryNs, [this] {
    CheckNow();
    CheckLater();
  });
}

std::optional<size_t> Cluster::CountHolders(const Client& client, int64_t since_ns) const {
  const paxos::Slot slot = nodes_[client.node()]->LastWriteSlot(client.connection());
  if (slot == 0) return std::nullopt;
  return static_cast<size_t>(std::count_if(nodes_.begin(), nodes_.end(), [&](const auto& node) {
    return node->index() != client.node() && node->MayHaveToldOf(slot, since_ns);
  }));
}

// A lease is the promise of a majority, by each one's own clock.
void Cluster::CheckLeaseIsBacked(const SimNode& leader) {
  const paxos::Replica& replica = leader.node()->replica();
  if (size() == 1 || !replica.LeaseValid(leader.clock().MonotonicNs())) return;
  const auto bound = std::count_if(nodes_.begin(), nodes_.end(), [&](const auto& node) {
    return node.get() != &leader && node->IsBoundTo(replica.ballot());
  });
  if (bound + 1 >= size() / 2 + 1) return;
  report_.Fail("leases", "node " + std::to_string(leader.index()) + " reads by a lease that only " +
                             std::to_string(bound) + " others keep");
}

void Cluster::CheckNow() {
  ++checks_;
  agreement_.BeginLeases();
  for (auto& node : nodes_) {
    if (!node->running()) continue;
    const auto lease = agreement_.CheckLease(node->node()->replica(), node->clock().MonotonicNs());
    if (lease) report_.Fail("leases", *lease);
    CheckLeaseIsBacked(*node);
    // Who would answer reads at once must have all that anybody has.
    cluster::ReadGrant grant;
    if (size() > 1 && node->node()->parts().reads.CanReadNow(&grant) &&
        grant.index < history_.last_slot()) {
      report_.Fail("reads", "node " + std::to_string(node->index()) + " reads at slot " +
                                std::to_string(grant.index) + ", slot " +
                                std::to_string(history_.last_slot()) + " is applied elsewhere");
    }
  }
  if (checks_ % 2 == 0) wait_watch_.Look();
  CheckWalls();
  CheckStability();
  CheckFlow();
  for (auto& node : nodes_) node->LookWhetherSetBack();
  if (checks_ % 8 != 0) return;
  for (auto& node : nodes_) {
    const auto broken = node->CheckInvariants();
    if (broken)
      report_.Fail("invariants", "node " + std::to_string(node->index()) + ": " + *broken);
  }
}

// What a clock of this simulation may be off by after that time.
int64_t Cluster::Drift(int64_t ms) const {
  return static_cast<int64_t>(static_cast<double>(ms) * knobs_.drift_max);
}

int64_t Cluster::WallAheadMsMax() const { return kWallAheadMsMax + Drift(kUnheardMsMax); }

// Where only one clock is ever wrong, nobody tells a wrong time, and none is in the log.
void Cluster::CheckWalls() {
  if (!knobs_.clocks_right) return;
  const int64_t true_ms = SimClock::kEpochMs + loop_.now_ns() / kMillisecond;
  if (nodes_[0]->clock().WallMs() < true_ms - knobs_.wall_offset_ms_max)
    clock_behind_ns_ = loop_.now_ns();
  for (auto& node : nodes_) {
    if (!node->running() || node->paused()) continue;  // who stands still tells nobody
    const int64_t told_ms = node->engine()->node_port().WallUs() / 1000;
    const cluster::WallClock& wall = node->node()->parts().clock.wall();
    const int64_t applied_ms = node->engine()->executor().wall_ms();
    // A voter that is not heard counts for nothing, so that of two a clock that is behind wins.
    const bool all_right = loop_.now_ns() > clock_behind_ns_ + kWallHeardForNs;
    const int64_t behind_ms_max = kWallBehindMsMax + Drift(kWallHeardForNs / kMillisecond);
    const bool behind = wall.sure() && all_right && told_ms < true_ms - behind_ms_max;
    if ((wall.known() && told_ms > true_ms + WallAheadMsMax()) || behind ||
        applied_ms > true_ms + WallAheadMsMax()) {
      report_.Fail("walls", "node " + std::to_string(node->index()) + " tells a time that is " +
                                std::to_string(told_ms - true_ms) + " ms ahead, and has applied " +
                                std::to_string(applied_ms - true_ms) + " ms");
    }
  }
}

void Cluster::BeginStability(int a, int b) {
  stable_leader_ = Leader();
  cut_a_ = a;
  cut_b_ = b;
  for (auto& actor : actors_) actor->client().TakeRefusedBy();
}

void Cluster::CheckStability() {
  if (stable_leader_ < 0) return;
  for (const auto& node : nodes_) {
    const bool leads = node->node() != nullptr && node->node()->leading();
    if (leads == (node->index() == stable_leader_)) continue;
    report_.Fail("stability", "the leader was node " + std::to_string(stable_leader_) +
                                  " when the link between " + std::to_string(cut_a_) + " and " +
                                  std::to_string(cut_b_) + " was cut" + Standing());
    return;
  }
  // Who is at another node waits for no answer long, and is refused nothing.
  for (auto& actor : actors_) {
    Client& client = actor->client();
    const int refused_by = client.TakeRefusedBy();
    const int64_t since_ns = Whole(client.node()) ? client.waits_since_ns() : 0;
    if (refused_by >= 0 && Whole(refused_by)) {
      report_.Fail("stability",
                   "node " + std::to_string(refused_by) + " refused a command" + Standing());
    } else if (since_ns != 0 && loop_.now_ns() - since_ns > kGapNsMax) {
      report_.Fail("stability", "client " + std::to_string(client.id()) + " of node " +
                                    std::to_string(client.node()) + " was not answered for " +
                                    std::to_string(kGapNsMax / kMillisecond) + " ms" + Standing());
    }
  }
}

// What is under way is bounded, nothing is dropped where nothing is wrong, and load alone moves no
// leadership and fails no command.
void Cluster::CheckFlow() {
  for (auto& node : nodes_) {
    if (node->running() && !node->node()->origin().WithinWindow())
      report_.Fail("flow", "node " + std::to_string(node->index()) + " has " +
                               std::to_string(node->node()->origin().window_bytes()) +
                               " bytes of its clients under way");
  }
  if (network_.counters().left_out_healthy > 0)
    report_.Fail("flow", "a healthy link had no room for a message, " + network_.no_room());
  constexpr int64_t kSettledNs = 3 * kSecond;
  if (!knobs_.calm || loop_.now_ns() < kSettledNs) return;
  const int leader = Leader();
  if (leader < 0) return report_.Fail("flow", "nobody leads, and nothing was wrong" + Standing());
  const paxos::Ballot ballot = nodes_[leader]->node()->ballot();
  uint64_t errors = 0;
  for (const char* what : {"replies CLUSTERDOWN", "replies UNCERTAIN"}) {
    const auto it = report_.counts().find(what);
    if (it != report_.counts().end()) errors += it->second;
  }
  if (!calm_ballot_) {
    calm_ballot_ = ballot;
    calm_errors_ = errors;
  }
  if (ballot != calm_ballot_)
    report_.Fail("flow", "leadership moved, and nothing was wrong" + Standing());
  if (errors != calm_errors_) report_.Fail("flow", "a command failed, and nothing was wrong");
}

// --- Messages ------------------------------------------------------------------------------------

void Cluster::OnMessage(int to, int from, std::string message) {
  NoteRecorded(to, from, message);
  nodes_[to]->OnPeerMessage(from, std::move(message));
}

void Cluster::OnLinkUp(int node, int peer) { nodes_[node]->OnLinkUp(peer); }
void Cluster::OnLinkDown(int node, int peer) { nodes_[node]->OnLinkDown(peer); }

void Cluster::HurryTo(int node, Actor::Hurry what) {
  for (auto& actor : actors_)
    if (actor->hurry() == what) actor->HurryTo(node);
}

int64_t Cluster::ClientDelay() {
  return loop_.rng().Between(knobs_.client_delay_ns / 2, knobs_.client_delay_ns * 2);
}

void Cluster::Connect(Client* client, uint64_t connection, int node) {
  Connection& c = connections_[connection];
  c.client = client;
  c.node = node;
  loop_.After(ClientDelay(), [this, connection, node] {
    const auto it = connections_.find(connection);
    if (it == connections_.end()) return;
    if (!nodes_[node]->running()) {
      ClosedByNode(connection, false);
      return;
    }
    nodes_[node]->OnClientOpen(connection);
    it->second.to_client_ns = loop_.now_ns() + ClientDelay();
    loop_.At(it->second.to_client_ns, [this, connection] {
      const auto found = connections_.find(connection);
      if (found != connections_.end()) found->second.client->OnEstablished(connection);
    });
  });
}

void Cluster::SendToNode(uint64_t connection, std::string bytes) {
  const auto it = connections_.find(connection);
  if (it == connections_.end()) return;
  Connection& c = it->second;
  c.to_node_ns = std::max(c.to_node_ns + 1, loop_.now_ns() + ClientDelay());
  loop_.At(c.to_node_ns, [this, node = c.node, connection, b = std::move(bytes)]() mutable {
    nodes_[node]->OnClientBytes(connection, std::move(b));
  });
}

void Cluster::CloseByClient(uint64_t connection) {
  const auto it = connections_.find(connection);
  if (it == connections_.end()) return;
  Connection& c = it->second;
  const int64_t at_ns = std::max(c.to_node_ns + 1, loop_.now_ns() + ClientDelay());
  loop_.At(at_ns, [this, node = c.node, connection] { nodes_[node]->OnClientClose(connection); });
  connections_.erase(it);
}

void Cluster::ToClient(uint64_t connection, std::string bytes) {
  const auto it = connections_.find(connection);
  if (it == connections_.end()) return;
  Connection& c = it->second;
  c.to_client_ns = std::max(c.to_client_ns + 1, loop_.now_ns() + ClientDelay());
  loop_.At(c.to_client_ns, [this, connection, b = std::move(bytes)] {
    const auto found = connections_.find(connection);
    if (found != connections_.end()) found->second.client->OnBytes(connection, b);
  });
}

// Enough that it is found slow, and too little for any limit.
size_t Cluster::Untaken(uint64_t connection) const {
  const auto it = connections_.find(connection);
  return it != connections_.end() && it->second.client->stalled() ? size_t{256} << 10 : 0;
}

void Cluster::ClosedByNode(uint64_t connection, bool died) {
  const auto it = connections_.find(connection);
  if (it == connections_.end()) return;
  Connection& c = it->second;
  // A dead machine says nothing: the client finds out some time later.
  const int64_t silence_ns = died && loop_.rng().Percent(30) ? 2 * kSecond : 0;
  const int64_t at_ns = std::max(c.to_client_ns + 1, loop_.now_ns() + ClientDelay() + silence_ns);
  loop_.At(at_ns, [this, connection] {
    const auto found = connections_.find(connection);
    if (found == connections_.end()) return;
    Client* client = found->second.client;
    connections_.erase(found);
    client->OnClosed(connection);
  });
}

}  // namespace clustron::sim
