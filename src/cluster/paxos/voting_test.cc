// A member whose votes don't count (Replica::SetVoting, SetPeerVote): it learns and nothing else.
#include <doctest/doctest.h>

#include "tests/support/paxos_cluster.h"

namespace clustron::paxos {
namespace {

// It and all others know.
void SetVoting(TestCluster& cluster, NodeId node, bool voting) {
  for (NodeId other = 1; other <= cluster.node_count(); ++other) {
    if (!cluster.Up(other)) continue;
    if (other == node) {
      cluster.At(node).SetVoting(voting, cluster.LocalNow(node));
    } else {
      cluster.At(other).SetPeerVote(node, voting ? PeerVote::kCounts : PeerVote::kIgnored);
    }
  }
}

TEST_CASE("a member without a vote learns what the others choose, and is no help to them") {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    TestCluster cluster(Options(3, seed));
    const NodeId leader = AwaitLeader(cluster);
    REQUIRE(leader != kNoNode);
    const NodeId mute = leader % 3 + 1;
    const NodeId other = 6 - leader - mute;
    SetVoting(cluster, mute, false);
    const Ballot promised = cluster.At(mute).promised();
    for (int i = 0; i < 50; ++i) CHECK(cluster.Progress(500 * kMs));
    CHECK(cluster.RunUntil([&] { return cluster.Converged(); }, 2 * kSecond));
    // Without the third nobody leads.
    cluster.Crash(other);
    cluster.RunFor(3 * kSecond);
    CHECK(cluster.Leader() == kNoNode);
    CHECK(!cluster.Progress(2 * kSecond));
    CHECK(cluster.At(mute).role() == Role::kFollower);
    CHECK(cluster.At(mute).promised() == promised);
    // With its vote the group goes on.
    SetVoting(cluster, mute, true);
    CHECK(cluster.Progress(5 * kSecond));
    CHECK_SAFE(cluster);
  }
}

TEST_CASE("a leader that loses its vote leaves, and leadership is not given to one without") {
  TestCluster cluster(Options(3, 7));
  const NodeId leader = AwaitLeader(cluster);
  REQUIRE(leader != kNoNode);
  SetVoting(cluster, leader, false);
  CHECK(cluster.At(leader).role() == Role::kFollower);
  CHECK(cluster.RunUntil([&] { return cluster.Leader() != kNoNode && cluster.Leader() != leader; },
                         5 * kSecond));
  const NodeId next = cluster.Leader();
  CHECK(!cluster.At(next).TransferLeadership(leader, cluster.LocalNow(next)));
  CHECK(cluster.Progress(2 * kSecond));
  CHECK_SAFE(cluster);
}

TEST_CASE(
    "a promise above the leader's ballot, given to nobody, brings a leader of a later ballot") {
  TestCluster cluster(Options(3, 9));
  const NodeId leader = AwaitLeader(cluster);
  REQUIRE(leader != kNoNode);
  const NodeId mute = leader % 3 + 1;
  SetVoting(cluster, mute, false);
  const Ballot wanted{cluster.At(leader).ballot().round + 1, mute};
  cluster.At(mute).RaisePromise(wanted, cluster.LocalNow(mute));
  CHECK(cluster.RunUntil(
      [&] { return cluster.Leader() == leader && cluster.At(leader).ballot() > wanted; },
      5 * kSecond));
  // All of it arrives there, the no-op of that ballot too, without its vote.
  const Slot noop = cluster.At(leader).own_noop_slot();
  CHECK(cluster.RunUntil([&] { return cluster.At(mute).applied_slot() >= noop; }, 2 * kSecond));
  CHECK(cluster.At(mute).accepted_slot() >= noop);
  CHECK(cluster.RunUntil(
      [&] { return cluster.At(mute).durable_seq() == cluster.At(mute).persisted_seq(); },
      2 * kSecond));
  CHECK_SAFE(cluster);
}

TEST_CASE("a node leads only with the promises that it wants, however many others there are") {
  TestCluster cluster(Options(5, 11));
  const NodeId first = AwaitLeader(cluster);
  REQUIRE(first != kNoNode);
  const NodeId remembers = first % 5 + 1;
  const auto set = [&](PeerVote vote) {
    for (NodeId node = 1; node <= cluster.node_count(); ++node)
      if (node != remembers && cluster.Up(node)) cluster.At(node).SetPeerVote(remembers, vote);
  };
  set(PeerVote::kWanted);
  cluster.Crash(remembers);
  cluster.Crash(first);
  cluster.RunFor(5 * kSecond);
  CHECK(cluster.Leader() == kNoNode);
  SUBCASE("it comes") { cluster.Restart(remembers); }
  SUBCASE("nobody is wanted any more") { set(PeerVote::kCounts); }
  CHECK(cluster.RunUntil([&] { return cluster.Leader() != kNoNode; }, 10 * kSecond));
  CHECK(cluster.Progress(2 * kSecond));
  CHECK_SAFE(cluster);
}

}  // namespace
}  // namespace clustron::paxos
