#include "cluster/paxos/learner.h"

#include <doctest/doctest.h>

#include "tests/support/paxos_bench.h"

namespace clustron::paxos {
namespace {

TEST_CASE("chosen under a ballot means what was accepted under that ballot only") {
  Bench node(3);
  node.Step(2, Accept{{1, {5, 2}, Batch({5, 2}, "old")}, 0});
  node.Step(3, Chosen{{6, 3}, 1});
  CHECK(node->chosen_slot() == 0);
  // It asks for what it doesn't know, after a moment.
  node.AnswerPolls(3);
  node.Tick(20);
  node.AnswerPolls(3);
  CHECK(node.Sent<CatchUpRequest>(3).empty());
  node.Tick(20);
  const auto requests = node.Sent<CatchUpRequest>(3);
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].first == 1);
  node.Step(3, CatchUpReply{1, 0, {{1, {6, 3}, Batch({6, 3}, "new")}}});
  CHECK(node->chosen_slot() == 1);
  REQUIRE(node->NextChosen() != nullptr);
  CHECK(BytesOf(node->NextChosen()->value.payload) == "new");
}

TEST_CASE("chosen entries come in slot order, each once") {
  Bench node(3);
  node.Step(2, Accept{{2, {5, 2}, Batch({5, 2}, "b")}, 0});
  node.Step(2, Chosen{{5, 2}, 2});
  CHECK(node->NextChosen() == nullptr);
  node.Step(2, Accept{{1, {5, 2}, Batch({5, 2}, "a")}, 2});
  CHECK(node->chosen_slot() == 2);
  std::string applied;
  while (const Accepted* entry = node->NextChosen()) {
    applied += BytesOf(entry->value.payload);
    node->Advance();
  }
  CHECK(applied == "ab");
  CHECK(node->applied_slot() == 2);
}

TEST_CASE("what is chosen is hinted to the disk, beside other records or after a while") {
  Bench node(3);
  node.Step(2, Accept{{1, {5, 2}, Batch({5, 2}, "a")}, 0});
  node.Step(2, Chosen{{5, 2}, 1});
  CHECK(node.records.size() == 1);
  node.Tick();
  REQUIRE(node.records.size() == 2);
  CHECK(node.records[1].type == LogRecord::Type::kChosen);
  CHECK(node.records[1].slot == 1);
  node.Step(2, Accept{{2, {5, 2}, Batch({5, 2}, "b")}, 0});
  node.Step(2, Chosen{{5, 2}, 2});
  node.Tick();
  CHECK(node.records.size() == 3);
  node.Step(2, Accept{{3, {5, 2}, Batch({5, 2}, "c")}, 2});
  REQUIRE(node.records.size() == 5);
  CHECK(node.records[4].slot == 2);
}

TEST_CASE("the hint says what is chosen as this node has it, not what others know of") {
  Bench node(3);
  const Ballot ballot{5, 2};
  node.Step(2, Accept{{1, ballot, Batch(ballot, "a")}, 0});
  node.Step(2, Accept{{2, ballot, Batch(ballot, "perhaps another is chosen here")}, 0});
  node.Step(3, Heartbeat{1, 0, {}, 2, ""});
  node.Step(2, Chosen{ballot, 1});
  node.Tick();
  REQUIRE(node.records.back().type == LogRecord::Type::kChosen);
  CHECK(node.records.back().slot == 1);
}

TEST_CASE("catch-up is served from memory, and else asked of the driver") {
  Recovered recovered;
  recovered.promised = {4, 3};
  recovered.applied_up_to = 10;
  recovered.chosen_hint = 12;
  recovered.accepted = {{11, {4, 3}, Batch({4, 3}, "k")}, {12, {4, 3}, Batch({4, 3}, "l")}};
  Bench node(3, recovered);
  node.Step(2, CatchUpRequest{11, kMaxSlot});
  const auto replies = node.TakeSent<CatchUpReply>(2);
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].entries.size() == 2);
  CHECK(replies[0].chosen == 12);
  node->Step(2, CatchUpRequest{5, kMaxSlot}, node.now_ns());
  Ready ready;
  node->TakeReady(&ready);
  REQUIRE(ready.catch_up.size() == 1);
  CHECK(ready.catch_up[0].peer == 2);
  CHECK(ready.catch_up[0].first == 5);
  CHECK(ready.catch_up[0].last == 12);
  node.Step(2, CatchUpRequest{13, kMaxSlot});
  CHECK(node.sent.empty());
}

TEST_CASE("the same big part is not sent to the same peer twice while it may be on its way") {
  Recovered recovered;
  recovered.promised = {4, 3};
  recovered.chosen_hint = 2;
  recovered.accepted = {{1, {4, 3}, Batch({4, 3}, std::string(1 << 20, 'x'))},
                        {2, {4, 3}, Batch({4, 3}, std::string(1 << 20, 'y'))}};
  Bench node(3, recovered);
  node.Step(2, CatchUpRequest{1, kMaxSlot});
  CHECK(node.TakeSent<CatchUpReply>(2).size() == 1);
  node.Wait(100);
  node.Step(2, CatchUpRequest{1, kMaxSlot});
  const auto on_its_way = node.TakeSent<CatchUpReply>(2);
  REQUIRE(on_its_way.size() == 1);
  CHECK(on_its_way[0].entries.empty());
  node.Step(3, CatchUpRequest{1, kMaxSlot});
  CHECK(node.TakeSent<CatchUpReply>(3).size() == 1);
  node.Wait(10);
  node.Step(2, CatchUpRequest{1, kMaxSlot});
  CHECK(node.TakeSent<CatchUpReply>(2).size() == 1);
  node.Step(2, CatchUpRequest{2, kMaxSlot});
  CHECK(node.TakeSent<CatchUpReply>(2).size() == 1);
}

TEST_CASE("who makes progress does not ask for what is on its way") {
  Bench node(3);
  node.Tick(50);
  node.AnswerPolls(2);
  for (Slot slot = 1; slot <= 10; ++slot) {
    node.Step(2, Accept{{slot, {5, 2}, Batch({5, 2}, "x")}, slot});
    node.Step(2, Heartbeat{slot, 0, {5, 2}, 100, ""});
    node.Tick(10);
    node.AnswerPolls(2);
  }
  CHECK(node.Sent<CatchUpRequest>(2).empty());
  node.Tick(10);
  node.Tick(10);
  const auto requests = node.Sent<CatchUpRequest>(2);
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].first == 11);
}

TEST_CASE("a node whose disk is too far behind takes nothing, and asks again when it has room") {
  Config config;
  config.self = 1;
  config.undurable_bytes_max = 2000;
  Bench node(3, {}, config);
  const Ballot ballot{5, 2};
  uint64_t probe = 0;
  const auto hear = [&](int64_t ms) {
    node.Step(2, Heartbeat{++probe, 0, ballot, 100, ""});
    node.Tick(ms);
    node.AnswerPolls(2);
  };
  const std::string bytes(500, 'x');
  const auto entry = [&](Slot slot) { return Accepted{slot, ballot, Batch(ballot, bytes)}; };
  for (Slot slot = 1; slot <= 10; ++slot) node.Step(2, Accept{entry(slot), 100});
  const Slot taken = node->chosen_slot();
  CHECK(taken >= 2);
  CHECK(taken <= 4);
  CHECK(node->log_full());
  CHECK(node->last_slot() == taken);
  for (int i = 0; i < 50; ++i) hear(20);
  CHECK(node.TakeSent<CatchUpRequest>(2).empty());
  CHECK(node->leader() == 2u);
  // What an earlier question brings.
  CatchUpReply late{.chosen = 100, .compacted = 0, .entries = {}};
  for (Slot slot = taken + 1; slot <= 20; ++slot) late.entries.push_back(entry(slot));
  node.Step(2, late);
  CHECK(node->chosen_slot() == taken);
  CHECK(node.Sent<CatchUpRequest>(2).empty());
  CHECK(node.Sent<AcceptOk>(2).empty());

  node.Fsync();
  CHECK_FALSE(node->log_full());
  hear(20);
  REQUIRE(node.Sent<CatchUpRequest>(2).size() == 1);
  CHECK(node.TakeSent<CatchUpRequest>(2)[0].first == taken + 1);
  // As much of an answer as there is room for; the rest is asked for when there is room again.
  node.Step(2, late);
  CHECK(node->chosen_slot() > taken);
  CHECK(node->chosen_slot() < 20);
  CHECK(node.TakeSent<CatchUpRequest>(2).empty());
  node.Fsync();
  for (int i = 0; i < 2; ++i) hear(20);
  CHECK(node.Sent<CatchUpRequest>(2).size() == 1);
}

// What a node says that it has promised must be on its disk at the next start.
TEST_CASE("only entries that are written imply a promise") {
  Bench node(3);
  const Ballot first{5, 2}, later{8, 3};
  node.Step(2, Accept{{1, first, Batch(first, "a")}, 0});
  node.Step(2, Chosen{first, 1});
  REQUIRE(node->chosen_slot() == 1);
  const size_t records = node.records.size();
  // Late, and chosen here already.
  CatchUpReply late;
  late.chosen = 1;
  late.entries = {{1, later, Batch(first, "a")}};
  node.Step(3, late);
  CHECK(node.records.size() == records);
  CHECK(node->promised() == first);
  node->Repair({1, later, Batch(first, "a")}, node.now_ns());
  node.Collect();
  CHECK(node->promised() == first);
  // Too far ahead to be taken.
  CatchUpReply far;
  far.chosen = kWindowSlotsMax * 1000;
  far.entries = {{far.chosen, later, Batch(later, "z")}};
  node.Step(3, far);
  CHECK(node->promised() == first);
  late.entries.push_back({2, later, Batch(later, "b")});
  node.Step(3, late);
  CHECK(node.records.size() > records);
  CHECK(node->promised() == later);
}

TEST_CASE("a snapshot moves the log's beginning") {
  Bench node(3);
  node.Step(2, Accept{{5, {5, 2}, Batch({5, 2}, "e")}, 0});
  node.Step(2, Accept{{6, {5, 2}, Batch({5, 2}, "f")}, 0});
  node->InstallSnapshot(5, node.now_ns());
  node.Collect();
  CHECK(node->chosen_slot() == 5);
  CHECK(node->applied_slot() == 5);
  CHECK(node->compacted_slot() == 5);
  node->InstallSnapshot(3, node.now_ns());
  CHECK(node->applied_slot() == 5);
  node.Step(2, Chosen{{5, 2}, 6});
  CHECK(node->chosen_slot() == 6);
}

}  // namespace
}  // namespace clustron::paxos
