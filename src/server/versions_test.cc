// Feature versions: when the one in force rises, and what a node does with what it does not know.
#include "cluster/feature_version.h"
#include "server/engine.h"
// The checks of tests are doctest's.
#include <doctest/doctest.h>

#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

using paxos::EntryKind;

void Settle(EngineBench& bench) {
  for (int i = 0; i < 20; ++i) {
    bench.Tick();
    bench.AnswerAll();
  }
}

TEST_CASE("alone, the first leader raises the feature version at once, and a restart keeps it") {
  EngineBench bench(1);
  bench.Lead();
  CHECK(bench.executor().feature_version() == cluster::kFeatureVersion);
  const uint64_t digest = bench.executor().digest();
  bench.Restart(2);
  bench.Lead();
  CHECK(bench.executor().feature_version() == cluster::kFeatureVersion);
  CHECK(bench.executor().digest() == digest);  // it is raised once
}

TEST_CASE("the feature version rises once every member has announced more, and to the least") {
  EngineBench bench(3);
  bench.node_config.feature_version = 5;
  bench.Restart(2);
  bench.Lead();
  Settle(bench);
  CHECK(bench.executor().feature_version() == cluster::kFirstFeatureVersion);
  bench.node().OnPeerSupports(2, 4);
  Settle(bench);
  CHECK(bench.executor().feature_version() == cluster::kFirstFeatureVersion);
  bench.node().OnPeerSupports(3, 1);
  Settle(bench);
  CHECK(bench.executor().feature_version() == cluster::kFirstFeatureVersion);
  // Node 3 is upgraded while node 2 is away: what node 2 announced before holds.
  bench.node().OnPeerDown(2);
  bench.node().OnPeerSupports(3, 3);
  Settle(bench);
  CHECK(bench.executor().feature_version() == 3);
  bench.node().OnPeerSupports(3, 9);
  Settle(bench);
  CHECK(bench.executor().feature_version() == 4);
  bench.node().OnPeerSupports(2, 9);
  Settle(bench);
  CHECK(bench.executor().feature_version() == 5);
}

TEST_CASE("a leader that follows another raises the feature version anew if the first could not") {
  EngineBench bench(3);
  bench.node().OnPeerSupports(2, cluster::kFeatureVersion);
  bench.node().OnPeerSupports(3, cluster::kFeatureVersion);
  bench.Lead();
  Settle(bench);
  CHECK(bench.executor().feature_version() == cluster::kFeatureVersion);

  EngineBench unlucky(3);
  unlucky.Lead();
  unlucky.peers_write = false;  // what is proposed now stays open
  unlucky.node().OnPeerSupports(2, cluster::kFeatureVersion);
  unlucky.node().OnPeerSupports(3, cluster::kFeatureVersion);
  Settle(unlucky);
  CHECK(unlucky.executor().feature_version() == cluster::kFirstFeatureVersion);
  const paxos::Slot open = unlucky.node().replica().last_slot();
  CHECK(open == unlucky.executor().applied_slot() + 1);  // proposed once
  unlucky.peers_write = true;
  Settle(unlucky);
  CHECK(unlucky.executor().feature_version() == cluster::kFeatureVersion);
}

}  // namespace
}  // namespace clustron::server
