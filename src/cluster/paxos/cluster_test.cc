// Whole groups under chosen faults: elections in every shape of partition, hand-over, catching up,
// damaged records, changes of members. Safety is checked by the harness at each step.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/paxos_cluster.h"

namespace clustron::paxos {
namespace {

// Runs until this node leads, helped by the leader there is.
bool MakeLeader(TestCluster& cluster, NodeId wanted) {
  return cluster.RunUntil(
      [&] {
        const NodeId leader = cluster.Leader();
        if (leader == wanted) return true;
        if (leader != kNoNode) {
          cluster.At(leader).TransferLeadership(wanted, cluster.LocalNow(leader));
        }
        return false;
      },
      5 * kSecond);
}

TEST_CASE("a new group elects a leader within two rounds and makes progress") {
  for (uint32_t voters : {1u, 2u, 3u, 4u, 5u, 7u}) {
    CAPTURE(voters);
    TestCluster cluster(Options(voters, voters));
    CHECK(AwaitLeader(cluster, 500 * kMs) != kNoNode);
    CHECK(cluster.Progress(100 * kMs));
    CHECK(cluster.RunUntil([&] { return cluster.Converged(); }, 100 * kMs));
    CHECK_SAFE(cluster);
  }
}

TEST_CASE("a quiet group keeps its leader and its ballot") {
  TestCluster cluster(Options(5, 3));
  const NodeId leader = AwaitLeader(cluster);
  REQUIRE(leader != kNoNode);
  const Ballot ballot = cluster.At(leader).ballot();
  for (int i = 0; i < 200; ++i) {
    cluster.RunFor(50 * kMs);
    REQUIRE(cluster.Leader() == leader);
  }
  for (NodeId node = 1; node <= 5; ++node) CHECK(cluster.At(node).ballot() == ballot);
  CHECK_SAFE(cluster);
}

TEST_CASE("after the leader's crash another leads within 1.2 seconds") {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    TestCluster cluster(Options(3, seed));
    const NodeId leader = AwaitLeader(cluster);
    REQUIRE(leader != kNoNode);
    cluster.RunFor(kSecond);
    cluster.Crash(leader);
    CHECK(AwaitLeader(cluster, 1200 * kMs) != kNoNode);
    CHECK(cluster.Progress(100 * kMs));
    CHECK_SAFE(cluster);
  }
}

TEST_CASE("a rejoining node does not unseat the leader") {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    TestCluster cluster(Options(3, seed));
    const NodeId leader = AwaitLeader(cluster);
    REQUIRE(leader != kNoNode);
    const Ballot ballot = cluster.At(leader).ballot();
    const NodeId away = leader % 3 + 1;
    cluster.Isolate(away);
    cluster.RunFor(3 * kSecond);
    CHECK(cluster.At(away).leader() == kNoNode);
    CHECK(cluster.Progress(100 * kMs));
    cluster.HealLinks();
    cluster.RunFor(2 * kSecond);
    CHECK(cluster.Leader() == leader);
    CHECK(cluster.At(leader).ballot() == ballot);
    CHECK(cluster.At(away).leader() == leader);
    CHECK(cluster.Converged());
    CHECK_SAFE(cluster);
  }
}

TEST_CASE("a leader without a majority stops leading, and says so to nobody's harm") {
  TestCluster cluster(Options(3, 4));
  const NodeId leader = AwaitLeader(cluster);
  REQUIRE(leader != kNoNode);
  cluster.Isolate(leader);
  cluster.RunFor(500 * kMs);
  CHECK_FALSE(cluster.At(leader).LeaseValid(cluster.LocalNow(leader)));
  cluster.RunFor(300 * kMs);
  CHECK(cluster.At(leader).role() == Role::kFollower);
  const NodeId next = AwaitLeader(cluster, kSecond);
  CHECK(next != kNoNode);
  CHECK(next != leader);
  CHECK_SAFE(cluster);
}

TEST_CASE("quorum loss: the only node that all can reach takes over") {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    TestCluster cluster(Options(5, seed));
    const NodeId leader = AwaitLeader(cluster);
    REQUIRE(leader != kNoNode);
    const NodeId hub = leader % 5 + 1;
    for (NodeId a = 1; a <= 5; ++a) {
      for (NodeId b = a + 1; b <= 5; ++b) {
        if (a != hub && b != hub) cluster.Cut(a, b);
      }
    }
    CHECK(cluster.RunUntil([&] { return cluster.Leader() == hub; }, 2 * kSecond));
    CHECK(cluster.Progress(200 * kMs));
    CHECK_SAFE(cluster);
  }
}

TEST_CASE("constrained election: the hub leads although its log is behind") {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    TestCluster cluster(Options(5, seed));
    const NodeId leader = AwaitLeader(cluster);
    REQUIRE(leader != kNoNode);
    const NodeId hub = leader % 5 + 1;
    // The hub misses some entries, then the leader is gone and only the hub sees the others.
    cluster.Isolate(hub);
    for (int i = 0; i < 300; ++i) {
      cluster.Propose(leader);
      cluster.RunFor(5 * kMs);
    }
    const Slot acknowledged = cluster.acknowledged();
    CHECK(acknowledged > cluster.At(hub).chosen_slot() + 100);
    for (NodeId a = 1; a <= 5; ++a) {
      for (NodeId b = a + 1; b <= 5; ++b) {
        if (a != hub && b != hub) cluster.Cut(a, b);
      }
    }
    for (NodeId a = 1; a <= 5; ++a) {
      const bool up = a != hub && a != leader;
      cluster.SetLink(a, hub, up);
      cluster.SetLink(hub, a, up);
    }
    CHECK(cluster.RunUntil([&] { return cluster.Leader() == hub; }, 3 * kSecond));
    CHECK(cluster.At(hub).chosen_slot() >= acknowledged);
    CHECK(cluster.Progress(200 * kMs));
    CHECK_SAFE(cluster);
  }
}

TEST_CASE("chained: a node at the end of the chain does not fight for the lead") {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    TestCluster cluster(Options(3, seed));
    const NodeId leader = AwaitLeader(cluster);
    REQUIRE(leader != kNoNode);
    const NodeId end = leader % 3 + 1;
    cluster.Cut(leader, end);
    const Ballot ballot = cluster.At(leader).ballot();
    cluster.RunFor(5 * kSecond);
    CHECK(cluster.Leader() == leader);
    CHECK(cluster.At(leader).ballot() == ballot);
    // What the leader chooses reaches the end over the middle.
    CHECK(cluster.Progress(200 * kMs));
    CHECK(cluster.RunUntil([&] { return cluster.Converged(); }, kSecond));
    CHECK_SAFE(cluster);
  }
}

TEST_CASE("one-way links: there is a stable leader whichever directions are cut") {
  // All 64 shapes of three nodes. Where some node has both ways to another, a leader must come and
  // stay; elsewhere nothing may break.
  for (unsigned shape = 0; shape < 64; ++shape) {
    CAPTURE(shape);
    TestCluster cluster(Options(3, shape + 1));
    REQUIRE(AwaitLeader(cluster) != kNoNode);
    unsigned bit = 0;
    bool pair = false;
    for (NodeId a = 1; a <= 3; ++a) {
      for (NodeId b = a + 1; b <= 3; ++b) {
        const bool ab = (shape >> bit++ & 1) != 0;
        const bool ba = (shape >> bit++ & 1) != 0;
        cluster.SetLink(a, b, ab);
        cluster.SetLink(b, a, ba);
        pair = pair || (ab && ba);
      }
    }
    cluster.RunFor(3 * kSecond);
    CHECK(cluster.Progress(500 * kMs) == pair);
    const NodeId leader = cluster.Leader();
    for (int i = 0; pair && i < 20; ++i) {
      cluster.RunFor(100 * kMs);
      CHECK(cluster.Leader() == leader);
    }
    cluster.HealLinks();
    CHECK(cluster.Progress(3 * kSecond));
    CHECK(cluster.RunUntil([&] { return cluster.Converged(); }, kSecond));
    CHECK_SAFE(cluster);
  }
}

TEST_CASE("leadership is handed over within a few milliseconds, leases notwithstanding") {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    TestCluster cluster(Options(5, seed));
    const NodeId leader = AwaitLeader(cluster);
    REQUIRE(leader != kNoNode);
    cluster.RunFor(200 * kMs);
    for (int i = 0; i < 5; ++i) cluster.Propose(leader);
    const NodeId target = leader % 5 + 1;
    REQUIRE(cluster.At(leader).TransferLeadership(target, cluster.LocalNow(leader)));
    CHECK_FALSE(cluster.At(leader).CanPropose());
    CHECK(cluster.RunUntil([&] { return cluster.Leader() == target; }, 60 * kMs));
    CHECK(cluster.acknowledged() >= 6);
    cluster.RunFor(2 * kSecond);
    CHECK(cluster.Leader() == target);
    CHECK_SAFE(cluster);
  }
}

TEST_CASE("a hand-over to an unreachable node is called off") {
  TestCluster cluster(Options(3, 2));
  const NodeId leader = AwaitLeader(cluster);
  REQUIRE(leader != kNoNode);
  const NodeId target = leader % 3 + 1;
  cluster.Isolate(target);
  cluster.Propose(leader);
  REQUIRE(cluster.At(leader).TransferLeadership(target, cluster.LocalNow(leader)));
  cluster.RunFor(400 * kMs);
  CHECK(cluster.Leader() == leader);
  CHECK(cluster.At(leader).CanPropose());
  CHECK_FALSE(cluster.At(leader).TransferLeadership(99, cluster.LocalNow(leader)));
  CHECK_SAFE(cluster);
}

TEST_CASE("stepping down leaves the lead to another at once") {
  TestCluster cluster(Options(3, 5));
  const NodeId leader = AwaitLeader(cluster);
  REQUIRE(leader != kNoNode);
  cluster.RunFor(kSecond);
  cluster.At(leader).StepDown(cluster.LocalNow(leader));
  CHECK(cluster.At(leader).role() == Role::kFollower);
  CHECK(cluster.RunUntil([&] { return cluster.Leader() != kNoNode; }, 600 * kMs));
  CHECK(cluster.Leader() != leader);
  CHECK_SAFE(cluster);
}

TEST_CASE("one dead disk: the two others choose, its owner follows when it works again") {
  TestCluster cluster(Options(3, 6));
  const NodeId leader = AwaitLeader(cluster);
  REQUIRE(leader != kNoNode);
  SUBCASE("a follower's") {
    cluster.HoldDisk(leader % 3 + 1, true);
    CHECK(cluster.Progress(50 * kMs));
    cluster.HoldDisk(leader % 3 + 1, false);
  }
  SUBCASE("the leader's own: its vote is not needed") {
    cluster.HoldDisk(leader, true);
    CHECK(cluster.Progress(50 * kMs));
    CHECK(cluster.Leader() == leader);
    cluster.HoldDisk(leader, false);
  }
  SUBCASE("two: nothing is chosen") {
    cluster.HoldDisk(1, true);
    cluster.HoldDisk(2, true);
    CHECK_FALSE(cluster.Progress(kSecond));
    cluster.HoldDisk(1, false);
    cluster.HoldDisk(2, false);
    CHECK(cluster.Progress(3 * kSecond));
  }
  CHECK(cluster.RunUntil([&] { return cluster.Converged(); }, 2 * kSecond));
  CHECK_SAFE(cluster);
}

TEST_CASE("behind a disk that hangs little piles up, and its owner catches up by itself") {
  ClusterOptions options = Options(3, 6);
  options.config.undurable_bytes_max = 20'000;
  options.config.window_bytes_max = 20'000;
  TestCluster cluster(options);
  const NodeId leader = AwaitLeader(cluster);
  REQUIRE(leader != kNoNode);
  REQUIRE(cluster.Progress(kSecond));
  NodeId slow = leader;
  SUBCASE("the leader's: another leads then") {}
  SUBCASE("a follower's") { slow = leader % 3 + 1; }
  const Slot durable = cluster.LastOnDisk(slow);
  cluster.HoldDisk(slow, true);
  for (int i = 0; i < 2000; ++i) {
    cluster.Propose(leader, 1000);
    cluster.RunFor(5 * kMs);
  }
  CHECK(cluster.At(slow).last_slot() < durable + 60);
  CHECK(cluster.At(slow).durable_slot() <= durable);
  CHECK(cluster.At(slow).window_bytes() < 60'000u);
  CHECK(cluster.Progress(4 * kSecond));
  CHECK(cluster.Leader() != slow);
  cluster.HoldDisk(slow, false);
  CHECK(cluster.RunUntil([&] { return cluster.Converged(); }, 10 * kSecond));
  CHECK_SAFE(cluster);
}

TEST_CASE("a leader whose followers' disks hang steps down in the end") {
  TestCluster cluster(Options(3, 6));
  const NodeId leader = AwaitLeader(cluster);
  REQUIRE(leader != kNoNode);
  cluster.HoldDisk(leader % 3 + 1, true);
  cluster.HoldDisk((leader + 1) % 3 + 1, true);
  REQUIRE(cluster.Propose(leader) != kNoSlot);
  cluster.RunFor(9 * kSecond);
  CHECK(cluster.At(leader).role() == Role::kLeader);
  CHECK(
      cluster.RunUntil([&] { return cluster.At(leader).role() == Role::kFollower; }, 2 * kSecond));
  cluster.HoldDisk(leader % 3 + 1, false);
  cluster.HoldDisk((leader + 1) % 3 + 1, false);
  CHECK(cluster.Progress(3 * kSecond));
  CHECK_SAFE(cluster);
}

TEST_CASE("a lagging node catches up from memory, from disk, and by a snapshot") {
  for (int way = 0; way < 3; ++way) {
    CAPTURE(way);
    ClusterOptions options = Options(3, 7);
    if (way >= 1) options.config.window_bytes_max = 20'000;
    TestCluster cluster(options);
    const NodeId leader = AwaitLeader(cluster);
    REQUIRE(leader != kNoNode);
    const NodeId away = leader % 3 + 1;
    cluster.Isolate(away);
    for (int i = 0; i < 500; ++i) {
      cluster.Propose(leader, 100);
      cluster.RunFor(3 * kMs);
    }
    if (way == 2) {
      for (NodeId node = 1; node <= 3; ++node) cluster.Compact(node);
    }
    CHECK(cluster.At(away).chosen_slot() + 400 < cluster.acknowledged());
    cluster.HealLinks();
    CHECK(cluster.RunUntil([&] { return cluster.Converged(); }, kSecond));
    CHECK(cluster.At(leader).window_bytes() < (way == 0 ? size_t{200'000} : size_t{30'000}));
    CHECK_SAFE(cluster);
  }
}

TEST_CASE("a learner follows but does not count") {
  ClusterOptions options = Options(3, 8);
  options.learners = 1;
  TestCluster cluster(options);
  const NodeId leader = AwaitLeader(cluster);
  REQUIRE(leader != kNoNode);
  CHECK(cluster.Progress(100 * kMs));
  CHECK(cluster.RunUntil([&] { return cluster.Converged(); }, 300 * kMs));
  CHECK(cluster.At(4).leader() == leader);
  // Two voters down: the learner can't replace them.
  cluster.Crash(leader % 3 + 1);
  cluster.Crash((leader + 1) % 3 + 1);
  CHECK_FALSE(cluster.Progress(3 * kSecond));
  CHECK(cluster.At(4).role() == Role::kFollower);
  CHECK_SAFE(cluster);
}

TEST_CASE("a damaged chosen record is repaired from a peer") {
  TestCluster cluster(Options(3, 9));
  const NodeId leader = AwaitLeader(cluster);
  REQUIRE(leader != kNoNode);
  for (int i = 0; i < 20; ++i) {
    cluster.Propose(leader);
    cluster.RunFor(10 * kMs);
  }
  cluster.RunFor(kSecond);
  const NodeId damaged = leader % 3 + 1;
  cluster.Crash(damaged);
  cluster.Restart(damaged, {5, 6, 12});
  CHECK(cluster.At(damaged).unknown_count() == 3);
  CHECK(cluster.At(damaged).chosen_slot() == 4);
  CHECK(cluster.RunUntil([&] { return cluster.Converged(); }, kSecond));
  CHECK(cluster.At(damaged).unknown_count() == 0);
  CHECK_SAFE(cluster);
}

TEST_CASE("a slot is taken for empty only on a majority of definite answers") {
  // An entry reaches two disks of three and is acknowledged. The one leader that knows goes away;
  // the other's record is damaged. The two that are left must wait, not fill the slot.
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    TestCluster cluster(Options(3, seed));
    const NodeId leader = AwaitLeader(cluster);
    REQUIRE(leader != kNoNode);
    cluster.RunFor(kSecond);
    const NodeId has = leader % 3 + 1;
    const NodeId lacks = has % 3 + 1;
    cluster.Isolate(lacks);
    const Slot slot = cluster.Propose(leader);
    REQUIRE(slot != kNoSlot);
    REQUIRE(cluster.RunUntil([&] { return cluster.LastOnDisk(has) >= slot; }, 100 * kMs));
    cluster.RunFor(1 * kMs);
    cluster.Crash(has);
    cluster.RunFor(20 * kMs);
    cluster.Crash(leader);
    cluster.Restart(has, {slot});
    cluster.HealLinks();
    CHECK_FALSE(cluster.Progress(5 * kSecond));
    bool says_why = false;
    cluster.RunUntil(
        [&] {
          for (NodeId node : {has, lacks}) {
            const Phase1Status status = cluster.At(node).phase1_status();
            says_why = says_why || (status.running && status.waits_for_slot == slot);
          }
          return says_why;
        },
        3 * kSecond);
    CHECK(says_why);
    cluster.Restart(leader);
    CHECK(cluster.Progress(4 * kSecond));
    CHECK(cluster.RunUntil([&] { return cluster.Converged(); }, kSecond));
    CHECK(cluster.acknowledged() > slot);
    CHECK_SAFE(cluster);
  }
}

TEST_CASE("a promise to somebody who failed does not lock a node out") {
  // Node `apart` promised a high ballot while away. The leader renews its own to take it back in.
  TestCluster cluster(Options(3, 11));
  const NodeId leader = AwaitLeader(cluster);
  REQUIRE(leader != kNoNode);
  const NodeId apart = leader % 3 + 1;
  const NodeId other = apart % 3 + 1;
  cluster.Isolate(apart);
  cluster.RunFor(kSecond);
  cluster.At(apart).Step(other, Prepare{{1000, other}, 1, {}}, cluster.LocalNow(apart));
  CHECK(cluster.At(apart).promised() == Ballot{1000, other});
  cluster.HealLinks();
  CHECK(cluster.RunUntil([&] { return cluster.At(apart).leader() == leader; }, kSecond));
  CHECK(AwaitLeader(cluster, 100 * kMs) == leader);
  CHECK(cluster.At(leader).ballot().round > 1000);
  CHECK_SAFE(cluster);
}

// The candidate's disk is slow, the others promise at once: it must not lead under a ballot that it
// would not know any more after a crash, since it could take that ballot a second time.
TEST_CASE("a ballot belongs to one life of a node") {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    TestCluster cluster(Options(5, seed));
    const NodeId old_leader = AwaitLeader(cluster);
    REQUIRE(old_leader != kNoNode);
    REQUIRE(cluster.Progress(kSecond));
    REQUIRE(cluster.RunUntil([&] { return cluster.Converged(); }, kSecond));
    const auto other = [&](NodeId k) { return (old_leader + k - 1) % 5 + 1; };
    const NodeId candidate = other(1), a = other(2), b = other(3), c = other(4);
    cluster.Pause(old_leader, true);
    cluster.Cut(a, b), cluster.Cut(a, c), cluster.Cut(b, c);  // the candidate alone hears a quorum
    cluster.HoldDisk(candidate, true);
    const bool led =
        cluster.RunUntil([&] { return cluster.At(candidate).own_noop_chosen(); }, 1500 * kMs);
    CHECK_FALSE(led);
    // An entry that one other node has, and nobody else.
    cluster.SetLink(candidate, b, false), cluster.SetLink(candidate, c, false);
    cluster.Propose(candidate);
    cluster.RunFor(20 * kMs);
    cluster.Isolate(candidate);
    cluster.Crash(candidate, false);
    cluster.HoldDisk(candidate, false);
    cluster.Restart(candidate);
    cluster.RunFor(500 * kMs);  // its silence
    // The old leader wakes up, still in office as far as it knows, and hands over.
    cluster.SetLink(candidate, old_leader, true), cluster.SetLink(old_leader, candidate, true);
    cluster.Pause(old_leader, false);
    REQUIRE(cluster.At(old_leader).TransferLeadership(candidate, cluster.LocalNow(old_leader)));
    cluster.RunFor(20 * kMs);
    for (NodeId peer : {b, c}) {
      cluster.SetLink(candidate, peer, true), cluster.SetLink(peer, candidate, true);
    }
    cluster.RunFor(kSecond);
    cluster.HealLinks();
    CHECK(cluster.Progress(3 * kSecond));
    CHECK(cluster.RunUntil([&] { return cluster.Converged(); }, kSecond));
    CHECK_SAFE(cluster);
  }
}

TEST_CASE("a whole group restarts and goes on") {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    TestCluster cluster(Options(3, seed));
    REQUIRE(AwaitLeader(cluster) != kNoNode);
    for (int i = 0; i < 50; ++i) {
      for (NodeId node = 1; node <= 3; ++node) cluster.Propose(node);
      cluster.RunFor(2 * kMs);
    }
    const Slot acknowledged = cluster.acknowledged();
    for (NodeId node = 1; node <= 3; ++node) cluster.Crash(node);
    for (NodeId node = 1; node <= 3; ++node) cluster.Restart(node);
    CHECK(cluster.Progress(2 * kSecond));
    CHECK(cluster.RunUntil([&] { return cluster.Converged(); }, kSecond));
    CHECK(cluster.acknowledged() > acknowledged);
    CHECK_SAFE(cluster);
  }
}

TEST_CASE("members change one by one, from one to three and back") {
  ClusterOptions options = Options(1, 12);
  options.learners = 2;
  TestCluster cluster(options);
  const auto change = [&](std::vector<NodeId> voters, std::vector<NodeId> learners) {
    const Members members{std::move(voters), std::move(learners)};
    return cluster.RunUntil(
        [&] {
          const NodeId leader = cluster.Leader();
          if (leader == kNoNode) return false;
          if (cluster.At(leader).members() == members) return true;
          cluster.ProposeConfig(leader, members);
          return false;
        },
        5 * kSecond);
  };
  REQUIRE(cluster.Progress(kSecond));
  CHECK(change({1, 2}, {3}));
  CHECK(cluster.Progress(kSecond));
  CHECK(change({1, 2, 3}, {}));
  CHECK(cluster.Progress(kSecond));
  // Any of them may die now.
  cluster.Crash(1);
  CHECK(cluster.Progress(3 * kSecond));
  cluster.Restart(1);
  CHECK(cluster.RunUntil([&] { return cluster.Converged(); }, 2 * kSecond));
  const NodeId leader = AwaitLeader(cluster);
  const NodeId stays = leader == 1 ? 2 : leader;
  REQUIRE(MakeLeader(cluster, stays));
  CHECK(change({2, 3}, {1}));
  CHECK(cluster.Progress(3 * kSecond));
  CHECK(change({stays}, {1}));
  CHECK(cluster.Progress(kSecond));
  CHECK(cluster.Leader() == stays);
  CHECK_SAFE(cluster);
}

TEST_CASE("a leader that removes itself leaves the lead to the others") {
  TestCluster cluster(Options(3, 13));
  const NodeId leader = AwaitLeader(cluster);
  REQUIRE(leader != kNoNode);
  std::vector<NodeId> rest;
  for (NodeId node = 1; node <= 3; ++node) {
    if (node != leader) rest.push_back(node);
  }
  REQUIRE(cluster.RunUntil([&] { return cluster.At(leader).CanProposeConfig(); }, kSecond));
  REQUIRE(cluster.ProposeConfig(leader, {rest, {}}) != kNoSlot);
  CHECK_FALSE(cluster.At(leader).CanPropose());
  CHECK(cluster.RunUntil([&] { return cluster.Leader() != kNoNode && cluster.Leader() != leader; },
                         3 * kSecond));
  CHECK(cluster.At(leader).role() == Role::kFollower);
  CHECK(cluster.Progress(kSecond));
  CHECK_SAFE(cluster);
}

}  // namespace
}  // namespace clustron::paxos
