// Introductions at the seam of node and engine.
#include "cluster/node.h"

#include <doctest/doctest.h>

#include "cluster/introduction.h"
#include "tests/support/engine_bench.h"

namespace clustron::cluster {
namespace {

using server::EngineBench;

TEST_CASE("a node takes nothing from a peer before its introduction") {
  EngineBench bench(3, 1);
  bench.introduce = false;
  bench.Restart(2);
  bench.TakeAllSent(2);
  const auto answers = [&] {
    bench.From(2,
               paxos::Heartbeat{.probe = 1, .sent_ns = 1, .ballot = {}, .chosen = 0, .blob = {}});
    bench.Turn();
    return bench.TakeSent(2, WireKind::kPaxos).size();
  };
  CHECK(answers() == 0u);
  bench.FromWire(3, WireOf(WireKind::kIntroduction, EncodeIntroduction({.boot = 1, .nonce = 3})));
  CHECK(answers() == 0u);
  bench.FromWire(2, WireOf(WireKind::kIntroduction, EncodeIntroduction({.boot = 1, .nonce = 2})));
  bench.Turn();
  CHECK(bench.TakeSent(2, WireKind::kIntroductionAnswer).size() == 1u);
  CHECK(answers() == 1u);
}

TEST_CASE("a node says first on a new link who it is, another one at each start") {
  EngineBench bench(3, 1);
  const auto said = [&] {
    bench.node().OnPeerUp(2);
    bench.Turn();
    const auto all = bench.TakeAllSent(2);
    REQUIRE(!all.empty());
    REQUIRE(all.front().first == WireKind::kIntroduction);
    Introduction introduction;
    REQUIRE(DecodeIntroduction(all.front().second, &introduction));
    return introduction;
  };
  const Introduction first = said();
  CHECK(said() == first);
  bench.Restart(2);
  const Introduction second = said();
  CHECK(second.boot == first.boot + 1);
  CHECK(second.nonce != first.nonce);
  CHECK_FALSE(bench.node().OnMessage(2, WireOf(WireKind::kIntroduction, "nonsense")));
}

}  // namespace
}  // namespace clustron::cluster
