#include "cluster/paxos/lease.h"

#include <doctest/doctest.h>

#include <limits>

namespace clustron::paxos {
namespace {

constexpr int64_t kMs = 1'000'000;

Core MakeCore(uint32_t voters) {
  Config config;
  config.self = 1;
  for (NodeId node = 1; node <= voters; ++node) config.members.voters.push_back(node);
  return Core(config, 1, Rng(1), 0);
}

TEST_CASE("the leader's lease runs from the send time of the majority's oldest") {
  Core core = MakeCore(5);
  LeaseHolder lease(&core);
  lease.Reset();
  CHECK(lease.until_ns() == 0);
  core.now_ns = 500 * kMs;
  lease.OnAck(2, 7, 100 * kMs, 450 * kMs);
  CHECK(lease.until_ns() == 0);  // two of five
  CHECK(lease.quorum_probe() == 0);
  lease.OnAck(3, 9, 200 * kMs, 450 * kMs);
  // 450 ms, less 1 % drift and 20 ms margin, from the older of the two.
  CHECK(lease.until_ns() == 100 * kMs + 445'500'000 - 20 * kMs);
  CHECK(lease.quorum_probe() == 7);
  lease.OnAck(4, 8, 150 * kMs, 450 * kMs);
  CHECK(lease.until_ns() == 150 * kMs + 425'500'000);
  CHECK(lease.quorum_probe() == 8);
}

TEST_CASE("doubled, late and strangers' answers change nothing") {
  Core core = MakeCore(3);
  LeaseHolder lease(&core);
  lease.Reset();
  lease.OnAck(2, 9, 200 * kMs, 450 * kMs);
  const int64_t until_ns = lease.until_ns();
  lease.OnAck(2, 9, 300 * kMs, 450 * kMs);
  lease.OnAck(2, 5, 400 * kMs, 450 * kMs);
  lease.OnAck(77, 50, 500 * kMs, 450 * kMs);
  CHECK(lease.until_ns() == until_ns);
  lease.Reset();
  CHECK(lease.until_ns() == 0);
}

TEST_CASE("where settings differ the smaller lease counts") {
  Core core = MakeCore(3);
  LeaseHolder lease(&core);
  lease.Reset();
  lease.OnAck(2, 7, 100 * kMs, 200 * kMs);
  CHECK(lease.until_ns() == 100 * kMs + 198 * kMs - 20 * kMs);
  lease.OnAck(3, 7, 100 * kMs, 900 * kMs);
  CHECK(lease.until_ns() == 100 * kMs + 445'500'000 - 20 * kMs);
  // What ends last of the enough counts, whenever it was sent.
  lease.OnAck(2, 8, 150 * kMs, 200 * kMs);
  CHECK(lease.until_ns() == 100 * kMs + 445'500'000 - 20 * kMs);
}

TEST_CASE("the only voter needs nobody") {
  Core core = MakeCore(1);
  LeaseHolder lease(&core);
  lease.Reset();
  CHECK(lease.until_ns() == std::numeric_limits<int64_t>::max());
}

TEST_CASE("a granted lease blocks every other candidate until it ends") {
  LeaseGrant grant(0);
  CHECK_FALSE(grant.Blocks(3, {}, 0));
  CHECK(grant.Grant({5, 2}, 100));
  CHECK(grant.Blocks(3, {}, 99));
  CHECK_FALSE(grant.Blocks(2, {}, 99));  // the leader itself may raise its ballot
  CHECK_FALSE(grant.Blocks(3, {}, 100));
  // Granting again, even for less, never shortens it.
  CHECK(grant.Grant({5, 2}, 90));
  CHECK(grant.Blocks(3, {}, 99));
}

TEST_CASE("a leader that stops lets its followers go, its late heartbeats included") {
  LeaseGrant grant(0);
  CHECK(grant.Grant({5, 2}, 100));
  // Its successor shows the released ballot before the news came here.
  CHECK_FALSE(grant.Blocks(3, {5, 2}, 50));
  CHECK(grant.Blocks(3, {4, 2}, 50));
  grant.Release({5, 2});
  CHECK_FALSE(grant.Blocks(3, {}, 50));
  CHECK(grant.IsReleased({5, 2}));
  CHECK(grant.IsReleased({4, 9}));
  CHECK_FALSE(grant.IsReleased({6, 1}));
}

TEST_CASE("a release of an older ballot does not end a later lease") {
  LeaseGrant grant(0);
  CHECK(grant.Grant({7, 3}, 100));
  grant.Release({5, 2});
  CHECK(grant.Blocks(4, {}, 50));
}

TEST_CASE("after a restart nobody is answered for one lease") {
  LeaseGrant grant(450);
  CHECK(grant.Blocks(2, {}, 449));
  CHECK(grant.Silent(449));
  CHECK_FALSE(grant.Blocks(2, {}, 450));
}

TEST_CASE("a late heartbeat of an earlier leader, and its Release, leave the later one's lease") {
  LeaseGrant grant(0);
  const Ballot earlier{2, 3};
  const Ballot later{4, 2};
  REQUIRE(grant.Grant(earlier, 100 * kMs));
  REQUIRE(grant.Grant(later, 500 * kMs));
  CHECK_FALSE(grant.Grant(earlier, 600 * kMs));
  grant.Release(earlier);
  CHECK(grant.Blocks(5, {}, 499 * kMs));
  CHECK_FALSE(grant.Blocks(5, {}, 500 * kMs));
  grant.Release(later);
  CHECK_FALSE(grant.Blocks(5, {}, 100 * kMs));
}

}  // namespace
}  // namespace clustron::paxos
