// Whole groups under random faults of all kinds at once, then healed: safe at each step, live after
// it. In simulator builds also: every planted bug is found.
#include <doctest/doctest.h>

#include <algorithm>

#include "base/planted_bugs.h"
#include "tests/support/paxos_cluster.h"

namespace clustron::paxos {
namespace {

struct Chaos {
  TestCluster& cluster;
  Rng& rng = cluster.rng();
  static constexpr NodeId kNobody = 99;
  NodeId damaged = kNoNode;  // only one disk is ever damaged: a minority

  NodeId AnyNode() { return static_cast<NodeId>(rng.Between(1, cluster.node_count())); }

  void Work() {
    for (int i = 0; i < 4; ++i) {
      const NodeId node = AnyNode();
      if (!cluster.Up(node)) continue;
      const size_t bytes = rng.Percent(5) ? 30'000 : 30;
      if (rng.Percent(60)) cluster.Propose(node, bytes);
      if (rng.Percent(40)) cluster.Read(node);
    }
  }

  // Another shape of the network, at random; some links one-way.
  void Reshape() {
    for (NodeId a = 1; a <= cluster.node_count(); ++a) {
      for (NodeId b = a + 1; b <= cluster.node_count(); ++b) {
        const bool up = rng.Percent(60);
        const bool one_way = rng.Percent(10);
        cluster.SetLink(a, b, up);
        cluster.SetLink(b, a, up != one_way);
      }
    }
  }

  // One voter more or less, on whoever can propose it; never fewer than two.
  void ChangeMembers() {
    const NodeId node = AnyNode();
    if (!cluster.Up(node) || !cluster.At(node).CanProposeConfig()) return;
    Members members = cluster.At(node).members();
    const NodeId other = AnyNode();
    const auto erase = [other](std::vector<NodeId>& list) { return std::erase(list, other) != 0; };
    if (erase(members.learners)) {
      members.voters.push_back(other);
    } else {
      if (members.voters.size() <= 2) return;
      erase(members.voters);
      members.learners.push_back(other);
    }
    std::sort(members.voters.begin(), members.voters.end());
    std::sort(members.learners.begin(), members.learners.end());
    cluster.ProposeConfig(node, members);
  }

  void Fault() {
    const NodeId node = AnyNode();
    switch (rng.Below(12)) {
      case 0:
      case 1:
        if (cluster.Up(node)) cluster.Crash(node);
        break;
      case 2:
      case 3:
      case 4:
        if (!cluster.Up(node)) cluster.Restart(node, Damage(node));
        break;
      case 5:
        cluster.Isolate(node);
        break;
      case 6:
        for (int i = 0; i < 4; ++i) cluster.SetLink(AnyNode(), AnyNode(), false);
        break;
      case 7:
        cluster.HealLinks();
        break;
      case 8:
        cluster.HoldDisk(node, rng.Percent(40));
        break;
      case 9:
        if (cluster.Up(node)) cluster.Compact(node);
        break;
      case 10:
        if (!cluster.Up(node)) break;
        if (rng.Percent(50)) {
          cluster.At(node).TransferLeadership(AnyNode(), cluster.LocalNow(node));
        } else {
          cluster.At(node).StepDown(cluster.LocalNow(node));
        }
        break;
      case 11:
        cluster.SetLoss(rng.Percent(50) ? 0 : 20, rng.Percent(50) ? 0 : 20);
        break;
    }
  }

  std::vector<Slot> Damage(NodeId node) {
    if (cluster.node_count() < 3 || (damaged != kNoNode && damaged != node)) return {};
    if (rng.Percent(50)) return {};
    damaged = node;
    const Slot last = cluster.LastOnDisk(node);
    std::vector<Slot> slots;
    for (Slot slot = last > 5 ? last - 5 : 1; slot <= last; ++slot) {
      if (rng.Percent(40)) slots.push_back(slot);
    }
    return slots;
  }

  void Heal() {
    cluster.HealLinks();
    cluster.SetLoss(0, 0);
    cluster.SetPowerLoss(0);
    cluster.SetStragglers(0);
    for (NodeId node = 1; node <= cluster.node_count(); ++node) {
      if (!cluster.Up(node)) cluster.Restart(node);
      cluster.HoldDisk(node, false);
    }
  }
};

ClusterOptions ChaosOptions(uint64_t seed) {
  Rng shape(seed * 977);
  ClusterOptions options = Options(static_cast<uint32_t>(shape.Between(2, 5)), seed);
  options.delay_ns_max = shape.Percent(30) ? 40 * kMs : 2 * kMs;
  options.fsync_ns_max = shape.Percent(30) ? 30 * kMs : 2 * kMs;
  options.uneven_timings = shape.Percent(40);
  options.straggle_percent = shape.Percent(30) ? 5 : 0;
  options.power_loss_percent = shape.Percent(40) ? 0.3 : 0;
  options.config.window_bytes_max = shape.Percent(50) ? 10'000 : 64 << 20;
  options.config.window_slots = shape.Percent(50) ? 4 : 32;
  options.config.ahead_slots_max = shape.Percent(50) ? 32 : 256;
  options.config.catch_up_bytes_max = shape.Percent(50) ? 2'000 : 1 << 20;
  if (shape.Percent(30)) options.config.undurable_bytes_max = 2'000;
  return options;
}

void RunFaults(Chaos& chaos, int64_t steps) {
  const bool flapping = chaos.rng.Percent(40);
  const bool members_change = chaos.rng.Percent(30);
  // A damaged disk that was a minority may be half of fewer voters.
  if (members_change) chaos.damaged = Chaos::kNobody;
  for (int64_t i = 0; i < steps && chaos.cluster.violation().empty(); ++i) {
    chaos.Work();
    if (chaos.rng.Percent(4)) chaos.Fault();
    if (flapping && chaos.rng.Percent(10)) chaos.Reshape();
    if (members_change && chaos.rng.Percent(20)) chaos.ChangeMembers();
    chaos.cluster.RunFor(chaos.rng.Between(1, 30) * kMs);
  }
}

void RunChaos(uint64_t seed, int64_t steps) {
  CAPTURE(seed);
  TestCluster cluster(ChaosOptions(seed));
  Chaos chaos{cluster};
  RunFaults(chaos, steps);
  chaos.Heal();
  CHECK_SAFE(cluster);
  CHECK_MESSAGE(cluster.Progress(8 * kSecond), "no progress after healing");
  CHECK_MESSAGE(cluster.RunUntil([&] { return cluster.Converged(); }, 2 * kSecond),
                "nodes differ after healing");
  CHECK_SAFE(cluster);
}

TEST_CASE("chaos: safe under every fault, live after it") {
  for (uint64_t seed = 1; seed <= 100; ++seed) RunChaos(seed, 300);
}

#ifdef CLUSTRON_SIM
TEST_CASE("chaos finds every planted bug of the consensus core") {
  for (Bug bug : {Bug::kPromiseNotFsynced, Bug::kOwnVoteBeforeDurable, Bug::kNoOwnBallotNoop,
                  Bug::kCorruptSlotAsEmpty, Bug::kLeaseFromReceipt, Bug::kLeaseSurvivesRestart,
                  Bug::kReadIndexReused, Bug::kChosenOutOfOrder}) {
    CAPTURE(static_cast<int>(bug));
    planted_bug = bug;
    std::string violation;
    uint64_t seed = 0;
    while (violation.empty() && seed < 1000) {
      TestCluster cluster(ChaosOptions(++seed));
      Chaos chaos{cluster};
      RunFaults(chaos, 300);
      chaos.Heal();
      cluster.RunFor(2 * kSecond);
      violation = cluster.violation();
    }
    planted_bug = Bug::kNone;
    CHECK(!violation.empty());
    MESSAGE("found at seed ", seed, ": ", violation);
  }
}
#endif

TEST_CASE("the same seed gives the same run") {
  uint64_t traces[2];
  for (uint64_t& trace : traces) {
    TestCluster cluster(Options(3, 77));
    Chaos chaos{cluster};
    for (int i = 0; i < 200; ++i) {
      chaos.Work();
      if (chaos.rng.Percent(5)) chaos.Fault();
      cluster.RunFor(chaos.rng.Between(1, 30) * kMs);
    }
    trace = cluster.trace();
  }
  CHECK(traces[0] == traces[1]);
}

}  // namespace
}  // namespace clustron::paxos
