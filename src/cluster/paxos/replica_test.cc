// What only the whole replica does: reads, configurations, quiet.
#include "cluster/paxos/replica.h"

#include <doctest/doctest.h>

#include "tests/support/paxos_bench.h"

namespace clustron::paxos {
namespace {

TEST_CASE("a read round needs answers to probes sent after it began") {
  Bench node(3);
  node.Lead();
  node.Tick(50);
  const auto old_probe = node.TakeSent<Heartbeat>(2).at(0);
  const uint64_t round = node->StartReadRound(node.now_ns());
  const uint64_t same = node->StartReadRound(node.now_ns());
  CHECK(same > round);
  node.Collect();
  const auto probes = node.TakeSent<Heartbeat>(2);
  REQUIRE(probes.size() == 1);
  CHECK(probes[0].probe > old_probe.probe);
  HeartbeatReply reply;
  reply.ballot = node->ballot();
  reply.promised = node->ballot();
  reply.granted = true;
  reply.probe = old_probe.probe;
  reply.sent_ns = old_probe.sent_ns;
  node.Step(2, reply);
  CHECK(node.read_confirmed == 0);
  reply.probe = probes[0].probe;
  reply.sent_ns = probes[0].sent_ns;
  SUBCASE("of a follower that has not promised anything later") {
    node.Step(2, reply);
    CHECK(node.read_confirmed == same);
  }
  SUBCASE("not of one that has") {
    reply.promised.round += 1;
    node.Step(2, reply);
    CHECK(node.read_confirmed == 0);
  }
  SUBCASE("not of one that refused") {
    reply.granted = false;
    node.Step(2, reply);
    CHECK(node.read_confirmed == 0);
  }
  SUBCASE("not under another ballot") {
    reply.ballot.round -= 1;
    node.Step(2, reply);
    CHECK(node.read_confirmed == 0);
  }
  SUBCASE("not from nowhere") {
    reply.probe += 100;
    node.Step(2, reply);
    CHECK(node.read_confirmed == 0);
  }
}

TEST_CASE("a heartbeat that is due in the same turn serves the read round that has just begun") {
  Bench node(3);
  node.Lead();
  node.Tick(50);
  node.sent.clear();
  const uint64_t round = node->StartReadRound(node.now_ns());
  node.Tick(50);
  const auto probes = node.TakeSent<Heartbeat>(2);
  REQUIRE(probes.size() == 1);
  HeartbeatReply reply;
  reply.ballot = node->ballot();
  reply.promised = node->ballot();
  reply.granted = true;
  reply.probe = probes[0].probe;
  reply.sent_ns = probes[0].sent_ns;
  node.Step(2, reply);
  CHECK(node.read_confirmed == round);
}

TEST_CASE("a leader that has stopped gets no lease for what it said before") {
  Bench node(3);
  Heartbeat heartbeat;
  heartbeat.probe = 5;
  heartbeat.ballot = {4, 2};
  node.Step(2, heartbeat);
  CHECK(node.TakeSent<HeartbeatReply>(2).at(0).granted);
  CHECK(node->leader() == 2);
  node.Step(2, Release{{4, 2}, kNoNode});
  heartbeat.probe = 6;
  node.Step(2, heartbeat);
  CHECK_FALSE(node.TakeSent<HeartbeatReply>(2).at(0).granted);
  CHECK(node->leader() == kNoNode);
}

TEST_CASE("with nothing to do there is nothing to do") {
  Bench node(3);
  node.Lead();
  node.Tick();
  Ready ready;
  node->TakeReady(&ready);
  CHECK(ready.Empty());
  node->Tick(node.now_ns());
  node->TakeReady(&ready);
  CHECK(ready.Empty());
}

TEST_CASE("a configuration is a barrier") {
  Bench node(3);
  node.Lead();
  node.Propose("x");
  CHECK_FALSE(node->CanProposeConfig());
  node.Fsync();
  node.AckAll();
  REQUIRE(node->CanProposeConfig());
  const Slot slot = node->Propose(EntryKind::kConfig, Bytes("new members"), node.now_ns());
  CHECK_FALSE(node->CanPropose());
  node.Collect();
  node.Fsync();
  node.AckAll();
  CHECK(node->chosen_slot() == slot);
  CHECK_FALSE(node->CanPropose());
  while (node->NextChosen() != nullptr) {
    if (node->NextChosen()->value.kind == EntryKind::kConfig) {
      node->SetMembers({{1, 2, 3, 4}, {}}, node.now_ns());
    }
    node->Advance();
  }
  CHECK(node->CanPropose());
  // Three of four now.
  node.Propose("y");
  node.Fsync();
  node.Step(2, AcceptOk{node->ballot(), slot + 1, 0});
  CHECK(node->chosen_slot() == slot);
  node.Step(4, AcceptOk{node->ballot(), slot + 1, 0});
  CHECK(node->chosen_slot() == slot + 1);
}

TEST_CASE("a configuration that another leader's value replaced holds nothing up") {
  Bench node(3);
  node.Lead();
  const Slot slot = node->Propose(EntryKind::kConfig, Bytes("new members"), node.now_ns());
  node.Collect();
  node->StepDown(node.now_ns());
  node.Stand();
  const Ballot between{node->ballot().round - 1, 2};
  const std::vector<Accepted> reported = {{slot, between, Batch(between, "theirs")}};
  node.Step(2, Promise{node->ballot(), slot, kMaxSlot, 0, 0, reported, {}});
  REQUIRE(node->role() == Role::kLeader);
  node.Fsync();
  node.AckAll();
  CHECK(node->own_noop_chosen());
  CHECK(node->CanPropose());
}

TEST_CASE("a configuration of an earlier leader asks for a new phase 1 when it is applied") {
  Recovered recovered;
  recovered.promised = {3, 2};
  recovered.accepted = {{1, {3, 2}, {EntryKind::kConfig, {3, 2}, Bytes("members")}},
                        {2, {3, 2}, Batch({3, 2}, "behind it")}};
  Bench node(3, recovered);
  node.Stand();
  const Ballot first = node->ballot();
  node.Step(2, Promise{first, 1, kMaxSlot, 0, 0, {}, {}});
  CHECK(node->role() == Role::kLeader);
  node.Fsync();
  node.Step(2, AcceptOk{first, 1, 0});
  CHECK(node->chosen_slot() == 1);
  CHECK(node->last_slot() == 2);  // accepted before; not proposed again yet
  CHECK_FALSE(node->CanPropose());
  node->SetMembers({{1, 2, 3, 4}, {}}, node.now_ns());
  node->Advance();
  node.Tick(10);
  CHECK(node->role() == Role::kCandidate);
  CHECK(node->ballot() > first);
  CHECK(node->phase1_status().needed == 3);
}

TEST_CASE("a candidate does not lead while a configuration that is chosen is not applied") {
  Recovered recovered;
  recovered.promised = {3, 2};
  recovered.accepted = {{1, {3, 2}, {EntryKind::kConfig, {3, 2}, Bytes("members")}}};
  recovered.chosen_hint = 1;
  Bench node(3, recovered);
  REQUIRE(node->chosen_slot() == 1);
  node.Stand();
  node.Step(2, Promise{node->ballot(), 2, kMaxSlot, 1, 0, {}, {}});
  CHECK(node->role() == Role::kCandidate);
  node->SetMembers({{1, 2, 3, 4}, {}}, node.now_ns());
  node->Advance();
  // Now two of four have answered, and three are needed.
  node.Tick(10);
  CHECK(node->role() != Role::kLeader);
}

TEST_CASE("a node stands back for a while for who has a better log") {
  // From the first poll to candidacy, in milliseconds.
  const auto stands_after = [](Slot others_have) {
    Recovered recovered;
    recovered.promised = {3, 2};
    Bench node(3, recovered);
    node.peers_durable = others_have;
    for (int ms = 0; ms < 10'000; ms += 10) {
      node.Tick(10);
      for (const NodeId peer : {2, 3}) node.AnswerPolls(peer);
      if (node->role() == Role::kCandidate) return ms;
    }
    return 10'000;
  };
  const int same_ms = stands_after(32);
  CHECK(same_ms < 1000);
  // Two rounds of 150 ms, each 20 % more or less.
  CHECK(stands_after(33) >= same_ms + 240);
  CHECK(stands_after(33) <= same_ms + 360);
}

TEST_CASE("a record that is damaged and another one of its slot: there is no answer for it") {
  Recovered recovered;
  recovered.promised = {3, 2};
  recovered.accepted = {{1, {2, 2}, Batch({2, 2}, "an older vote")}};
  recovered.unknown = {1};
  Bench node(3, recovered);
  node.Step(3, Prepare{{4, 3}, 1, {}});
  node.Fsync();
  for (int i = 0; i < 100 && node.Sent<Promise>(3).empty(); ++i) {
    node.Tick(50);
    node.Step(3, Prepare{{4, 3}, 1, {}});
    node.Fsync();
  }
  const auto promises = node.Sent<Promise>(3);
  REQUIRE_FALSE(promises.empty());
  CHECK(promises[0].accepted.empty());
  CHECK(promises[0].unknown == std::vector<Slot>{1});
}

Heartbeat HeartbeatOf(NodeId node, uint64_t round, uint64_t probe, int64_t now_ns) {
  Heartbeat heartbeat;
  heartbeat.probe = probe;
  heartbeat.sent_ns = now_ns;
  heartbeat.ballot = {round, node};
  return heartbeat;
}

TEST_CASE("a busy follower answers its leader, and nothing that would change its mind") {
  Bench node(3);
  CHECK_FALSE(node->AnswerWhileBusy(2, HeartbeatOf(2, 1, 1, node.now_ns()), node.now_ns()));
  node.Step(2, HeartbeatOf(2, 1, 1, node.now_ns()));
  REQUIRE(node->leader() == 2);
  node.Wait(100);
  const auto reply = node->AnswerWhileBusy(2, HeartbeatOf(2, 1, 2, node.now_ns()), node.now_ns());
  REQUIRE(reply);
  CHECK(reply->granted);
  CHECK(reply->probe == 2);
  // The lease that it gave counts from then: no vote for another within it.
  node.Wait(400);
  node.Step(3, Prepare{{5, 3}, 1, {}});
  node.Fsync();
  CHECK(node.Sent<Nack>(3).size() == 1);
  CHECK(node.Sent<Promise>(3).empty());
  // Another leader is a matter for Step; another's question is answered without a lease.
  CHECK_FALSE(node->AnswerWhileBusy(3, HeartbeatOf(3, 9, 1, node.now_ns()), node.now_ns()));
  Heartbeat poll = HeartbeatOf(3, 0, 4, node.now_ns());
  poll.ballot = {};
  const auto told = node->AnswerWhileBusy(3, poll, node.now_ns());
  REQUIRE(told);
  CHECK_FALSE(told->granted);
  CHECK(told->leader == Ballot{1, 2});
  CHECK_FALSE(node->AnswerWhileBusy(9, poll, node.now_ns()));  // a stranger
}

TEST_CASE("a busy leader's heartbeats keep its lease") {
  Bench node(3);
  node.Lead();
  node.Tick(50);
  node.AnswerPolls(2);
  const int64_t before = node->lease_until_ns();
  node.Wait(100);
  const auto heartbeat = node->HeartbeatWhileBusy(node.now_ns());
  REQUIRE(heartbeat);
  CHECK(heartbeat->ballot == node->ballot());
  CHECK_FALSE(node->HeartbeatWhileBusy(node.now_ns()));  // not due again
  HeartbeatReply reply;
  reply.probe = heartbeat->probe;
  reply.sent_ns = heartbeat->sent_ns;
  reply.ballot = reply.promised = reply.leader = node->ballot();
  reply.granted = true;
  reply.lease_ns = 450 * kMs;
  node.Wait(200);
  node.Step(2, reply);
  CHECK(node->lease_until_ns() == before + 100 * kMs);
}

TEST_CASE("what a node did not hear while it was away itself is not the others' silence") {
  Bench node(3);
  node.Step(2, HeartbeatOf(2, 1, 1, node.now_ns()));
  const auto answer = [&] {
    for (const Heartbeat& poll : node.TakeSent<Heartbeat>(3)) {
      for (NodeId peer : {2u, 3u}) {
        HeartbeatReply reply;
        reply.probe = poll.probe;
        reply.sent_ns = poll.sent_ns;
        reply.promised = reply.leader = {1, 2};
        reply.happy = peer == 2;
        node.Step(peer, reply);
      }
    }
  };
  for (int i = 0; i < 100; ++i) {
    node.Tick(10);
    answer();
  }
  REQUIRE(node->leader() == 2);
  // Away for as long as four rounds, again and again; answers are only read when it stays for long.
  for (int i = 0; i < 20; ++i) {
    for (int k = 0; k < 4; ++k) node.Tick(600);
    CHECK(node->leader() == 2);
    CHECK(node->role() == Role::kFollower);
    for (int k = 0; k < 30; ++k) {
      node.Tick(10);
      answer();
    }
  }
  // Silence while it is there is another matter.
  for (int i = 0; i < 100; ++i) node.Tick(10);
  CHECK(node->leader() == kNoNode);
}

}  // namespace
}  // namespace clustron::paxos
