// Introductions at the seam of node and engine.
#include "cluster/node/node.h"

#include <doctest/doctest.h>

#include "cluster/wire/introduction.h"
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

TEST_CASE("a leader that has nothing to say is seen after a restart") {
  EngineBench bench(3, 1);
  server::FollowTwo(bench, {server::CommandItem({"SET", "k", "v"})});
  bench.Choose(server::kTwo, paxos::EntryKind::kBatch,
               server::EntryOf(1000, 1'700'000'000'000, {}));
  bench.Tick(200);
  REQUIRE(bench.node().leader_in_sight());
  bench.Restart(2);
  // Its no-op has come back from the log.
  REQUIRE(bench.executor().newest_noop() == server::kTwo);
  bench.Tick();
  CHECK_FALSE(bench.node().leader_in_sight());
  bench.Follow(server::kTwo);
  bench.Tick();
  CHECK(bench.node().leader_in_sight());
  // One of a later ballot is not in office before its own no-op is applied.
  bench.Follow(server::kThree);
  bench.Tick();
  CHECK_FALSE(bench.node().leader_in_sight());
  bench.Choose(server::kThree, paxos::EntryKind::kNoop, "");
  CHECK(bench.node().leader_in_sight());
}

TEST_CASE("a ballot that no elections lead to is not believed, and uses up no rounds") {
  EngineBench bench(3, 1);
  bench.Follow({4, 2});
  const auto says = [&](const paxos::Message& message) {
    std::string bytes;
    paxos::Encode(message, &bytes);
    const bool taken = bench.node().OnMessage(2, WirePaxos(bytes));
    bench.Turn();
    return taken;
  };
  REQUIRE(says(paxos::Prepare{{4, 2}, 1, {}}));
  const auto promised = [&] { return bench.node().replica().promised().round; };
  for (const uint64_t round : {paxos::kMaxRound, 5 + paxos::kRoundLeapMax}) {
    const paxos::Ballot ballot{round, 2};
    CHECK_FALSE(says(paxos::Prepare{ballot, 1, {}}));
    CHECK_FALSE(says(paxos::Nack{{4, 1}, ballot}));
    CHECK_FALSE(says(paxos::Heartbeat{1, 1, ballot, 0, {}}));
    CHECK_FALSE(says(paxos::Chosen{ballot, 1}));
    CHECK_FALSE(says(paxos::Release{ballot, 1}));
    CHECK_FALSE(says(paxos::Accept{{1, ballot, {paxos::EntryKind::kNoop, ballot, {}}}, 0}));
    paxos::HeartbeatReply reply;
    reply.promised = ballot;
    CHECK_FALSE(says(reply));
    CHECK_FALSE(bench.node().OnMessage(
        2, WireOf(WireKind::kStanding, EncodeStanding({.ballot = ballot, .slot = 1}))));
    CHECK(promised() == 4u);
  }
  // As far as may be, it is a ballot as others.
  CHECK(says(paxos::Prepare{{4 + paxos::kRoundLeapMax, 2}, 1, {}}));
  CHECK(promised() == 4 + paxos::kRoundLeapMax);
  // One that can't be at all is malformed.
  CHECK_FALSE(says(paxos::Prepare{{UINT64_MAX, 2}, 1, {}}));
}

}  // namespace
}  // namespace clustron::cluster
