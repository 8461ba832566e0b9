#include "cluster/paxos/acceptor.h"

#include <doctest/doctest.h>

#include "tests/support/paxos_bench.h"

namespace clustron::paxos {
namespace {

TEST_CASE("a promise leaves only when it is durable") {
  Bench node(3);
  node.Step(2, Prepare{{5, 2}, 1, {}});
  REQUIRE(node.records.size() == 1);
  CHECK(node.records[0].type == LogRecord::Type::kPromise);
  CHECK(node.records[0].ballot == Ballot{5, 2});
  CHECK(node.Sent<Promise>(2).empty());
  node.Fsync();
  const auto promises = node.Sent<Promise>(2);
  REQUIRE(promises.size() == 1);
  CHECK(promises[0].ballot == Ballot{5, 2});
  CHECK(promises[0].first == 1);
  CHECK(promises[0].last == kMaxSlot);
}

TEST_CASE("a lower ballot is refused after a promise, in both phases") {
  Bench node(3);
  node.Step(2, Prepare{{5, 2}, 1, {}});
  node.Fsync();
  node.sent.clear();
  node.Step(3, Prepare{{4, 3}, 1, {}});
  node.Step(3, Accept{{1, {4, 3}, Batch({4, 3}, "x")}, 0});
  const auto nacks = node.Sent<Nack>(3);
  REQUIRE(nacks.size() == 2);
  CHECK(nacks[0].promised == Ballot{5, 2});
  CHECK(nacks[1].promised == Ballot{5, 2});
  CHECK(node.records.size() == 1);
}

TEST_CASE("an accept is acknowledged only when it is durable, and again when it is repeated") {
  Bench node(3);
  const Accept accept{{1, {5, 2}, Batch({5, 2}, "x")}, 0};
  node.Step(2, accept);
  CHECK(node.Sent<AcceptOk>(2).empty());
  REQUIRE(node.records.size() == 1);
  CHECK(node.records[0].accepted == accept.entry);
  // The payload is shared, not copied.
  CHECK(BytesOf(node.records[0].accepted.value.payload).data() ==
        BytesOf(accept.entry.value.payload).data());
  CHECK(node->promised() == Ballot{5, 2});
  node.Fsync();
  CHECK(node.TakeSent<AcceptOk>(2).size() == 1);
  node.Step(2, accept);
  CHECK(node.records.size() == 1);
  const auto again = node.TakeSent<AcceptOk>(2);
  REQUIRE(again.size() == 1);
  CHECK(again[0].up_to == 1);
}

TEST_CASE("accepts out of order are acknowledged one by one") {
  Bench node(3);
  node.Step(2, Accept{{3, {5, 2}, Batch({5, 2}, "c")}, 0});
  node.Step(2, Accept{{1, {5, 2}, Batch({5, 2}, "a")}, 0});
  node.Fsync();
  const auto oks = node.TakeSent<AcceptOk>(2);
  REQUIRE(oks.size() == 1);
  CHECK(oks[0].up_to == 1);
  CHECK(oks[0].more == 0b10);  // slot 3
}

TEST_CASE("nothing is accepted too far ahead of what is chosen") {
  Bench node(3);
  node.Step(2, Accept{{256, {5, 2}, Batch({5, 2}, "a")}, 0});
  CHECK(node.records.size() == 1);
  node.Step(2, Accept{{257, {5, 2}, Batch({5, 2}, "a")}, 0});
  CHECK(node.records.size() == 1);
}

TEST_CASE("a long report comes in parts, and the rest can be asked for") {
  Recovered recovered;
  recovered.promised = {4, 3};
  for (Slot slot = 1; slot <= 10; ++slot) {
    recovered.accepted.push_back({slot, {4, 3}, Batch({4, 3}, std::string(20'000, 'x'))});
  }
  Bench node(3, std::move(recovered));
  node.Step(2, Prepare{{5, 2}, 1, {}});
  node.Fsync();
  const auto parts = node.TakeSent<Promise>(2);
  REQUIRE(parts.size() == 4);
  Slot next = 1;
  for (const Promise& part : parts) {
    CHECK(part.first == next);
    CHECK(part.accepted.size() <= 3);
    next = part.last + 1;
  }
  CHECK(parts.back().last == kMaxSlot);
  node.Step(2, Prepare{{5, 2}, 8, {}});
  const auto rest = node.TakeSent<Promise>(2);
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].first == 8);
  CHECK(rest[0].accepted.size() == 3);
}

TEST_CASE("a damaged record is reported as unknown and not voted on") {
  Recovered recovered;
  recovered.promised = {4, 3};
  recovered.accepted = {{1, {4, 3}, Batch({4, 3}, "a")}};
  recovered.unknown = {2};
  Bench node(3, recovered);
  node.Step(2, Prepare{{5, 2}, 1, {}});
  node.Fsync();
  const auto promises = node.TakeSent<Promise>(2);
  REQUIRE(promises.size() == 1);
  CHECK(promises[0].unknown == std::vector<Slot>{2});
  CHECK(promises[0].accepted.size() == 1);
  node.Step(2, Accept{{2, {5, 2}, Batch({5, 2}, "b")}, 0});
  node.Fsync();
  CHECK(node.Sent<AcceptOk>(2).empty());
  // Repaired, it votes again on what comes later.
  node->Repair({2, {5, 2}, Batch({5, 2}, "b")}, node.now_ns());
  node.Collect();
  CHECK(node->unknown_count() == 0);
  CHECK(node.records.back().accepted.slot == 2);
}

TEST_CASE("a record that the chosen hint covers and that is not there is lost, not empty") {
  Recovered recovered;
  recovered.promised = {4, 3};
  recovered.chosen_hint = 3;
  recovered.accepted = {{1, {4, 3}, Batch({4, 3}, "a")}, {3, {4, 3}, Batch({4, 3}, "c")}};
  Bench node(3, recovered);
  CHECK(node->chosen_slot() == 1);
  CHECK(node->unknown_count() == 1);
  node->Repair({2, {4, 3}, Batch({4, 3}, "b")}, node.now_ns());
  CHECK(node->chosen_slot() == 3);
}

TEST_CASE("a restarted node is silent in phase 1 for one lease, an empty one is not") {
  Recovered recovered;
  recovered.restarted = true;
  Bench node(3, recovered);
  node.Step(2, Prepare{{5, 2}, 1, {}});
  node.Wait(449);
  node.Step(2, Prepare{{5, 2}, 1, {}});
  CHECK(node.records.empty());
  node.Wait(1);
  node.Step(2, Prepare{{5, 2}, 1, {}});
  CHECK(node.records.size() == 1);
}

TEST_CASE(
    "a node that granted longer leases in an earlier life is silent for the longest of them") {
  Recovered recovered;
  recovered.restarted = true;
  int64_t silent_ms = 5000;
  SUBCASE("longer") { recovered.longest_lease_ns = 5000 * kMs; }
  SUBCASE("shorter than it may grant now") {
    recovered.longest_lease_ns = 100 * kMs;
    silent_ms = 450;
  }
  Bench node(3, recovered);
  node.Wait(silent_ms - 1);
  node.Step(2, Prepare{{5, 2}, 1, {}});
  CHECK(node.records.empty());
  for (NodeId peer : {2u, 3u}) node.AnswerPolls(peer);
  node.Tick();
  CHECK(node->role() == Role::kFollower);
  node.Wait(1);
  node.Step(2, Prepare{{5, 2}, 1, {}});
  CHECK(node.records.size() == 1);
}

TEST_CASE("an answered heartbeat of a leader blocks other candidates for the lease") {
  Bench node(3);
  node.Step(2, Heartbeat{1, 0, {5, 2}, 0, ""});
  CHECK(node.TakeSent<HeartbeatReply>(2).at(0).granted);
  CHECK(node->leader() == 2);
  node.Wait(449);
  node.Step(3, Prepare{{9, 3}, 1, {}});
  CHECK(node.records.empty());
  CHECK(node.TakeSent<Nack>(3).size() == 1);
  SUBCASE("until it ends") { node.Wait(1); }
  SUBCASE("until the leader says that it has stopped") {
    node.Step(2, Release{{5, 2}, 3});
    CHECK(node->leader() == kNoNode);
  }
  SUBCASE("not its own next ballot") {
    node.Step(2, Prepare{{6, 2}, 1, {}});
    CHECK(node.records.size() == 1);
    return;
  }
  node.Step(3, Prepare{{9, 3}, 1, {}});
  CHECK(node.records.size() == 1);
}

TEST_CASE("a slot is told to be durable when this node's own disk has it, whoever made it chosen") {
  Bench node(3);
  const Ballot ballot{5, 2};
  uint64_t probe = 0;
  const auto told = [&] {
    node.Step(2, Heartbeat{++probe, 0, ballot, 0, ""});
    return node.TakeSent<HeartbeatReply>(2).at(0).durable;
  };
  node.Step(2, Accept{{1, ballot, Batch(ballot, "a")}, 0});
  node.Fsync();
  CHECK(told() == 1);
  node.Step(2, Accept{{3, ballot, Batch(ballot, "c")}, 0});
  node.Fsync();
  node.Step(2, Accept{{2, ballot, Batch(ballot, "b")}, 0});
  CHECK(told() == 1);
  node.Step(2, Chosen{ballot, 3});
  REQUIRE(node->chosen_slot() == 3);
  CHECK(told() == 1);
  while (node->NextChosen() != nullptr) node->Advance();
  CHECK(told() == 1);
  node.Fsync();
  CHECK(told() == 3);
}

TEST_CASE("nothing is told to be durable because memory has let go of it") {
  Config config;
  config.self = 1;
  config.window_bytes_max = 1000;
  Bench node(3, {}, config);
  const Ballot ballot{5, 2};
  const auto choose = [&](Slot first, Slot last) {
    for (Slot slot = first; slot <= last; ++slot)
      node.Step(2, Accept{{slot, ballot, Batch(ballot, std::string(200, 'x'))}, slot});
    while (node->NextChosen() != nullptr) node->Advance();
    REQUIRE(node->applied_slot() == last);
  };
  choose(1, 50);
  CHECK(node->durable_slot() == 0);
  node.Fsync();
  CHECK(node->durable_slot() == 50);
  CHECK(node->window_bytes() < 1500u);
  choose(51, 150);
  CHECK(node->durable_slot() == 50);
  node.Fsync();
  CHECK(node->durable_slot() == 150);
  CHECK(node->window_bytes() < 1500u);
}

TEST_CASE("what is durable far ahead does not hide what is missing below") {
  Bench node(3);
  const Ballot ballot{5, 2};
  for (Slot slot = 101; slot <= 256; ++slot)
    node.Step(2, Accept{{slot, ballot, Batch(ballot, "x")}, 0});
  node.Fsync();
  CatchUpReply missed{.chosen = 100, .compacted = 0, .entries = {}};
  for (Slot slot = 1; slot <= 100; ++slot)
    missed.entries.push_back({slot, ballot, Batch(ballot, "y")});
  node.Step(3, missed);
  node.Step(2, Chosen{ballot, 256});
  REQUIRE(node->chosen_slot() == 256);
  CHECK(node->durable_slot() == 0);
  node.Fsync();
  CHECK(node->durable_slot() == 256);
}

TEST_CASE("what others may have open in flight is not judged by the own setting") {
  Bench node(3, {}, 1, 1);
  const Ballot ballot{5, 2};
  for (Slot slot = 2; slot <= 9; ++slot) {
    node.Step(2, Accept{{slot, ballot, Batch(ballot, "x")}, 0});
  }
  node.Fsync();
  node.Step(2, Accept{{1, ballot, Batch(ballot, "late")}, 0});
  node.Step(2, Chosen{ballot, 9});
  REQUIRE(node->chosen_slot() == 9);
  CHECK(node->durable_slot() == 0);
  node.Fsync();
  CHECK(node->durable_slot() == 9);
}

TEST_CASE("who is asked to take over does so if its lease is the one that was let go") {
  Bench node(3);
  node.Step(2, Heartbeat{1, 0, {9, 2}, 0, ""});
  REQUIRE(node.TakeSent<HeartbeatReply>(2).at(0).granted);
  node.Step(3, Release{{7, 3}, 1});  // late: of an earlier leader
  CHECK(node->role() == Role::kFollower);
  CHECK(node.Sent<Prepare>(3).empty());
  node.Step(2, Release{{9, 2}, 1});
  CHECK(node->role() == Role::kCandidate);
}

TEST_CASE("who meets two values under one ballot does nothing more") {
  Bench node(5);
  const Ballot ballot{5, 2};
  node.Step(2, Accept{{1, ballot, Batch(ballot, "a")}, 0});
  node.Fsync();
  node.Step(2, Accept{{1, ballot, Batch(ballot, "a")}, 0});
  CHECK(node.contradiction.empty());
  node.sent.clear();
  SUBCASE("in an accept") { node.Step(2, Accept{{1, ballot, Batch(ballot, "b")}, 0}); }
  SUBCASE("of the same bytes, first proposed by another") {
    node.Step(2, Accept{{1, ballot, Batch({4, 3}, "a")}, 0});
  }
  SUBCASE("in what another has learned") {
    node.Step(3, CatchUpReply{1, 0, {{1, ballot, Batch(ballot, "b")}}});
  }
  SUBCASE("one of them chosen, the other under a later ballot") {
    node.Step(2, Chosen{ballot, 1});
    REQUIRE(node->chosen_slot() == 1);
    node.sent.clear();
    node.Step(3, Accept{{1, {6, 3}, Batch({6, 3}, "b")}, 0});
  }
  SUBCASE("accepted here under a later ballot than the chosen one's") {
    node.Step(3, CatchUpReply{1, 0, {{1, {4, 3}, Batch({4, 3}, "b")}}});
  }
  CHECK(node.contradiction.find("slot 1 has two values") == 0);
  CHECK(node.sent.empty());
  const size_t records = node.records.size();
  node.Tick(5000);
  node.Step(3, Prepare{{50, 3}, 1, {}});
  node.Step(3, Heartbeat{1, 0, {50, 3}, 0, ""});
  CHECK(node.sent.empty());
  CHECK(node.records.size() == records);
  CHECK_FALSE(node->AnswerWhileBusy(3, Heartbeat{1, 0, {}, 0, ""}, node.now_ns()));
}

TEST_CASE("whatever a message tells of ballots, the next own one is above it") {
  Bench node(3);
  const Ballot high{70, 2};
  SUBCASE("a release") { node.Step(2, Release{high, kNoNode}); }
  SUBCASE("a late release") {
    node.Step(3, Heartbeat{1, 0, {90, 3}, 0, ""});
    node.Step(2, Release{high, 1});
  }
  SUBCASE("a heartbeat") { node.Step(2, Heartbeat{1, 0, high, 0, ""}); }
  SUBCASE("news of a chosen slot") { node.Step(2, Chosen{high, 1}); }
  SUBCASE("an accept that is not voted on") {
    node.Step(2, Accept{{5000, high, Batch(high, "x")}, 0});
  }
  node.Wait(1000);
  node.Stand();
  CHECK(node->ballot().round > high.round);
}

TEST_CASE("messages in another node's name and from strangers are ignored") {
  Bench node(3);
  node.Step(3, Prepare{{5, 2}, 1, {}});
  node.Step(9, Prepare{{5, 9}, 1, {}});
  node.Step(3, Accept{{1, {5, 2}, Batch({5, 2}, "x")}, 0});
  node.Step(9, Accept{{1, {5, 9}, Batch({5, 9}, "x")}, 0});
  node.Step(9, Release{{5, 2}, 1});
  node.Step(1, Prepare{{5, 1}, 1, {}});
  CHECK(node.records.empty());
  node.Step(9, Heartbeat{1, 0, {5, 9}, 0, ""});
  const auto replies = node.TakeSent<HeartbeatReply>(9);
  REQUIRE(replies.size() == 1);
  CHECK_FALSE(replies[0].granted);
}

}  // namespace
}  // namespace clustron::paxos
