// The leader and, before it, the candidate.
#include "cluster/paxos/leader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/support/paxos_bench.h"

namespace clustron::paxos {
namespace {

TEST_CASE("the only voter leads as soon as its promise is durable, and keeps nothing applied") {
  Bench node(1);
  node.Tick();
  CHECK(node->role() == Role::kCandidate);
  node.Fsync();
  CHECK(node->role() == Role::kLeader);
  CHECK_FALSE(node->own_noop_chosen());
  node.Fsync();
  CHECK(node->own_noop_slot() == 1);
  CHECK(node->LeaseValid(node.now_ns() + 1'000'000 * kMs));
  node.Propose("a");
  CHECK(node->chosen_slot() == 1);
  node.Fsync();
  CHECK(node->chosen_slot() == 2);
  while (node->NextChosen() != nullptr) node->Advance();
  CHECK(node->window_bytes() == 0);
  const uint64_t round = node->StartReadRound(node.now_ns());
  node.Collect();
  CHECK(node.read_confirmed == round);
}

TEST_CASE("a new leader proposes what it found, closes holes, then its own no-op") {
  Recovered recovered;
  recovered.promised = {3, 2};
  recovered.accepted = {{2, {3, 2}, Batch({3, 2}, "two")}};
  Bench node(3, recovered);
  node.Stand();
  const Ballot ballot = node->ballot();
  CHECK(ballot.node == 1);
  CHECK(ballot > Ballot{3, 2});
  // Under a later ballot, node 2 has another value for slot 2, and one for slot 4 that an even
  // earlier leader proposed first.
  node.Step(2, Promise{ballot,
                       1,
                       kMaxSlot,
                       0,
                       0,
                       {{2, {3, 3}, Batch({3, 3}, "TWO")}, {4, {4, 3}, Batch({1, 2}, "four")}},
                       {}});
  CHECK(node->role() == Role::kLeader);
  const auto accepts = node.TakeSent<Accept>(3);
  REQUIRE(accepts.size() == 5);
  CHECK(accepts[0].entry == Accepted{1, ballot, {EntryKind::kFiller, ballot, nullptr}});
  CHECK(accepts[1].entry == Accepted{2, ballot, Batch({3, 3}, "TWO")});
  CHECK(accepts[2].entry == Accepted{3, ballot, {EntryKind::kFiller, ballot, nullptr}});
  CHECK(accepts[3].entry == Accepted{4, ballot, Batch({1, 2}, "four")});
  CHECK(accepts[4].entry.value.kind == EntryKind::kNoop);
  CHECK(accepts[4].entry.value.first_ballot == ballot);
  CHECK(BytesOf(accepts[4].entry.value.payload).size() == 8);  // no other life's
  CHECK_FALSE(node->own_noop_chosen());
  // The two others are enough: the own disk is one vote like theirs.
  node.Step(2, AcceptOk{ballot, 5, 0});
  CHECK(node->chosen_slot() == 0);
  node.Step(3, AcceptOk{ballot, 3, 0b10});
  CHECK(node->chosen_slot() == 3);
  node.Step(3, AcceptOk{ballot, 4, 1});
  CHECK(node->own_noop_slot() == 5);
}

TEST_CASE("of what several acceptors report of a slot the highest ballot's value is proposed") {
  for (const bool higher_first : {true, false}) {
    Recovered recovered;
    recovered.promised = {3, 2};
    Bench node(5, recovered);
    node.Stand();
    const Ballot ballot = node->ballot();
    const std::vector<Accepted> low = {{1, {1, 4}, Batch({1, 4}, "low")}};
    const std::vector<Accepted> high = {{1, {1, 5}, Batch({1, 5}, "high")}};
    node.Step(2, Promise{ballot, 1, kMaxSlot, 0, 0, higher_first ? high : low, {}});
    node.Step(3, Promise{ballot, 1, kMaxSlot, 0, 0, higher_first ? low : high, {}});
    REQUIRE(node->role() == Role::kLeader);
    const auto accepts = node.TakeSent<Accept>(4);
    REQUIRE(accepts.size() == 2);
    CHECK(accepts[0].entry == Accepted{1, ballot, high[0].value});
  }
}

// All answer that nobody leads. Its promise is not durable then.
void PollUntilCandidate(Bench& node) {
  for (int i = 0; i < 40 && node->role() == Role::kFollower; ++i) {
    node.Tick(50);
    for (NodeId peer = 2; peer <= 5; ++peer) node.AnswerPolls(peer);
  }
  REQUIRE(node->role() == Role::kCandidate);
}

TEST_CASE("a candidate asks, and leads, once its own promise is durable") {
  Bench node(5);
  PollUntilCandidate(node);
  const Ballot ballot = node->ballot();
  node.Tick(150);
  for (NodeId peer = 2; peer <= 5; ++peer) CHECK(node.Sent<Prepare>(peer).empty());
  // Answers that another life of this node may have asked for are good, and not enough.
  for (NodeId peer = 2; peer <= 5; ++peer)
    node.Step(peer, Promise{ballot, 1, kMaxSlot, 0, 0, {}, {}});
  CHECK(node->role() == Role::kCandidate);
  CHECK(node.Sent<Accept>(2).empty());
  node.Fsync();
  CHECK(node->role() == Role::kLeader);
  CHECK(node->ballot() == ballot);
}

TEST_CASE("a candidate whose disk is busy with much else waits for it under one ballot") {
  Bench node(5);
  PollUntilCandidate(node);
  const Ballot ballot = node->ballot();
  // Far longer than others' silence is borne.
  for (int i = 0; i < 80; ++i) {
    node.Tick(50);
    for (NodeId peer = 2; peer <= 5; ++peer) node.AnswerPolls(peer);
  }
  CHECK(node->role() == Role::kCandidate);
  CHECK(node->ballot() == ballot);
  node.Fsync();
  CHECK(node.Sent<Prepare>(2).size() == 1);
}

TEST_CASE("two reports of different values under one ballot stop the candidate") {
  Recovered recovered;
  recovered.promised = {3, 2};
  const auto entry = [](const std::string& bytes) {
    return Accepted{1, {3, 2}, Batch({3, 2}, bytes)};
  };
  SUBCASE("of two others") {
    Bench node(5, recovered);
    node.Stand();
    node.Step(3, Promise{node->ballot(), 1, kMaxSlot, 0, 0, {entry("a")}, {}});
    node.Step(4, Promise{node->ballot(), 1, kMaxSlot, 0, 0, {entry("b")}, {}});
    CHECK(node->role() == Role::kCandidate);
    CHECK(!node.contradiction.empty());
  }
  SUBCASE("of another and its own") {
    recovered.accepted = {entry("a")};
    Bench node(3, recovered);
    node.Stand();
    node.Step(3, Promise{node->ballot(), 1, kMaxSlot, 0, 0, {entry("b")}, {}});
    CHECK(node->role() == Role::kCandidate);
    CHECK(!node.contradiction.empty());
  }
  SUBCASE("the same value twice is none") {
    recovered.accepted = {entry("a")};
    Bench node(3, recovered);
    node.Stand();
    node.Step(3, Promise{node->ballot(), 1, kMaxSlot, 0, 0, {entry("a")}, {}});
    CHECK(node->role() == Role::kLeader);
    CHECK(node.contradiction.empty());
  }
}

TEST_CASE("a candidate does not vote for a leader that has stopped, and goes on") {
  Bench node(3);
  node.Stand();
  const Ballot ballot = node->ballot();
  const Ballot later{ballot.round + 2, 2};
  node.Step(2, Release{later, 3});
  node.Step(2, Accept{{1, later, Batch(later, "overtaken by the release")}, 0});
  node.Fsync();
  CHECK(node.Sent<AcceptOk>(2).empty());
  node.Step(3, Promise{ballot, 1, kMaxSlot, 0, 0, {}, {}});
  CHECK(node->role() == Role::kLeader);
}

TEST_CASE("a promise in parts: a lost one is asked for again") {
  Recovered recovered;
  recovered.promised = {3, 2};
  Bench node(3, recovered);
  node.Stand();
  const Ballot ballot = node->ballot();
  const auto entry = [&](Slot slot) { return Accepted{slot, {1, 2}, Batch({1, 2}, "x")}; };
  node.Step(2, Promise{ballot, 4, kMaxSlot, 0, 0, {entry(4)}, {}});  // the first part is missing
  CHECK(node->role() == Role::kCandidate);
  node.Step(2, Promise{ballot, 1, 3, 0, 0, {entry(1)}, {}});
  CHECK(node->role() == Role::kCandidate);
  CHECK(node->phase1_status().promises == 1);
  node.sent.clear();
  node.Tick(101);
  const auto prepares = node.Sent<Prepare>(2);
  REQUIRE(prepares.size() == 1);
  CHECK(prepares[0].first == 4);
  node.Step(2, Promise{ballot, 4, kMaxSlot, 0, 0, {entry(4)}, {}});
  CHECK(node->role() == Role::kLeader);
  CHECK(node->last_slot() == 5);
}

TEST_CASE("a candidate whose way is slow asks seldom, and has more patience after each attempt") {
  Recovered recovered;
  recovered.promised = {3, 2};
  Bench node(3, recovered);
  std::vector<int> lasted_ms;
  std::vector<size_t> asked;
  for (int attempt = 0; attempt < 3; ++attempt) {
    node.sent.clear();
    node.Stand();
    REQUIRE(node->role() == Role::kCandidate);
    int ms = 0;
    for (; node->role() == Role::kCandidate && ms < 10'000; ms += 10) node.Tick(10);
    lasted_ms.push_back(ms);
    asked.push_back(node.Sent<Prepare>(2).size());
  }
  CHECK(lasted_ms[0] < 1'000);
  CHECK(lasted_ms[1] > 3 * lasted_ms[0] / 2);
  CHECK(lasted_ms[2] > 3 * lasted_ms[1] / 2);
  CHECK(asked[0] <= 4);
  CHECK(asked[2] <= 6);
}

TEST_CASE("a candidate learns what others know to be chosen before it leads") {
  Recovered recovered;
  recovered.promised = {3, 2};
  Bench node(3, recovered);
  node.Stand();
  node.Step(2, Promise{node->ballot(), 1, kMaxSlot, 2, 0, {}, {}});
  CHECK(node->role() == Role::kCandidate);
  CHECK(node->phase1_status().catching_up_to == 2);
  node.Tick(5);
  node.Tick(20);
  CHECK(node.Sent<CatchUpRequest>(2).size() == 1);
  node.Step(2,
            CatchUpReply{2, 0, {{1, {1, 2}, Batch({1, 2}, "a")}, {2, {1, 2}, Batch({1, 2}, "b")}}});
  CHECK(node->role() == Role::kLeader);
  CHECK(node->chosen_slot() == 2);
}

TEST_CASE("a leader's own vote counts when its disk has it, and one peer is enough then") {
  Bench node(3);
  node.Lead();
  node.Propose("a");
  const Slot slot = node->last_slot();
  node.Step(2, AcceptOk{node->ballot(), slot, 0});
  CHECK(node->chosen_slot() == slot - 1);
  node.Fsync();
  CHECK(node->chosen_slot() == slot);
  CHECK(node.Sent<Chosen>(2).size() == 1);
  CHECK(node.Sent<Chosen>(3).size() == 1);
}

TEST_CASE("votes are for one ballot, doubled ones count once") {
  Bench node(5);
  node.Lead();
  node.Propose("a");
  node.Fsync();
  const Slot before = node->chosen_slot();
  const Ballot ballot = node->ballot();
  node.Step(2, AcceptOk{ballot, before + 1, 0});
  node.Step(2, AcceptOk{ballot, before + 1, 0});
  node.Step(3, AcceptOk{{ballot.round - 1, 1}, before + 1, 0});
  node.Step(9, AcceptOk{ballot, before + 1, 0});
  CHECK(node->chosen_slot() == before);
  node.Step(3, AcceptOk{ballot, before + 1, 0});
  CHECK(node->chosen_slot() == before + 1);
}

TEST_CASE("a leader's own vote does not count where its record is damaged") {
  Recovered recovered;
  recovered.promised = {3, 2};
  recovered.unknown = {1};
  Bench node(3, recovered);
  node.Stand();
  const Ballot ballot = node->ballot();
  for (const NodeId peer : {2, 3}) node.Step(peer, Promise{ballot, 1, kMaxSlot, 0, 0, {}, {}});
  REQUIRE(node->role() == Role::kLeader);
  node.Fsync();
  node.Step(2, AcceptOk{ballot, 2, 0});
  node.Fsync();
  CHECK(node->chosen_slot() == 0);
  node.Step(3, AcceptOk{ballot, 1, 0});
  CHECK(node->chosen_slot() == 2);
}

TEST_CASE("the window bounds what is open") {
  Bench node(3);
  node.Lead();
  int proposed = 0;
  for (; node->CanPropose(); ++proposed) node.Propose("x");
  CHECK(proposed == 32);
  node.Fsync();
  node.Step(2, AcceptOk{node->ballot(), node->chosen_slot() + 10, 0});
  CHECK(node->CanPropose());
}

TEST_CASE("so do their bytes, but for one entry that is bigger") {
  Bench node(3);
  node.Lead();
  node.Propose(std::string(40 << 20, 'x'));
  CHECK(node->CanPropose());
  node.Propose(std::string(40 << 20, 'y'));
  CHECK_FALSE(node->CanPropose());
  node.Fsync();
  node.Step(2, AcceptOk{node->ballot(), node->chosen_slot() + 1, 0});
  CHECK(node->CanPropose());
  node.AckAll();
  node.Propose(std::string(100 << 20, 'z'));
  CHECK_FALSE(node->CanPropose());
}

// A leader of three; whoever is asked has all that is proposed, but its own disk hangs.
struct SlowDisk {
  static Config Small() {
    Config config;
    config.self = 1;
    config.undurable_bytes_max = 2000;
    return config;
  }
  Bench node{3, {}, Small()};
  SlowDisk() { node.Lead(); }
  int Fill() {
    int proposed = 0;
    for (; node->CanPropose() && proposed < 100; ++proposed) {
      node.Propose(std::string(500, 'x'));
      node.AckAll();
    }
    CHECK(node->chosen_slot() == node->last_slot());
    return proposed;
  }
  void Wait(int64_t ms) {
    for (int64_t t = 0; t < ms; t += 50) {
      node.Tick(50);
      for (NodeId peer : {2u, 3u}) node.AnswerPolls(peer);
    }
  }
};

TEST_CASE_FIXTURE(SlowDisk, "a leader whose own disk is too far behind proposes nothing more") {
  node.Fsync();
  CHECK(Fill() <= 4);
  CHECK(node->log_full());
  CHECK_FALSE(node->CanProposeConfig());
  node.Fsync();
  const int again = Fill();
  CHECK(again >= 3);
  CHECK(again <= 4);
}

TEST_CASE_FIXTURE(SlowDisk, "it gives the lead away if its disk does nothing for long") {
  Fill();
  Wait(9'000);
  CHECK(node->role() == Role::kLeader);
  SUBCASE("but not while it does a little") {
    for (int i = 0; i < 3; ++i) {
      node.Fsync();
      Fill();
      REQUIRE(node->log_full());
      Wait(9'000);
    }
    CHECK(node->role() == Role::kLeader);
  }
  SUBCASE("nor if there is no need for it") {
    node.Fsync();
    node.Propose("a");
    node.AckAll();
    Wait(30'000);
    CHECK(node->role() == Role::kLeader);
  }
  SUBCASE("it does nothing") {
    Wait(1'200);
    CHECK(node->role() == Role::kFollower);
    CHECK(node.Sent<Release>(2).size() == 1);
  }
}

TEST_CASE("what one leadership left open takes no room from the next") {
  Bench node(3);
  node.Lead();
  node.Propose(std::string(40 << 20, 'x'));
  node.Propose(std::string(40 << 20, 'y'));
  REQUIRE_FALSE(node->CanPropose());
  node->StepDown(node.now_ns());
  node.Stand();
  for (const NodeId peer : {2, 3})
    node.Step(peer, Promise{node->ballot(), node->chosen_slot() + 1, kMaxSlot, 0, 0, {}, {}});
  REQUIRE(node->role() == Role::kLeader);
  for (int i = 0; i < 3; ++i) {
    node.Fsync();
    node.AckAll();
  }
  CHECK(node->own_noop_chosen());
  CHECK(node->CanPropose());
}

TEST_CASE("accepts are sent again to who has not answered, less and less often") {
  Bench node(3);
  node.Lead();
  node.AnswerPolls(2);
  node.AnswerPolls(3);
  node.Propose("x");
  node.Fsync();
  node.Step(2, AcceptOk{node->ballot(), node->last_slot(), 0});
  node.Propose("y");
  node.sent.clear();
  int sent_again = 0;
  for (int i = 0; i < 100; ++i) {
    node.Tick(10);
    sent_again += static_cast<int>(node.Sent<Accept>(3).size());
    std::erase_if(node.sent,
                  [](const Outgoing& out) { return std::holds_alternative<Accept>(out.message); });
    node.AnswerPolls(2);
    node.AnswerPolls(3);
  }
  CHECK(sent_again >= 2);
  CHECK(sent_again <= 6);
}

TEST_CASE("on a way that takes long an accept is sent once as soon as that is known") {
  Bench node(3);
  node.Lead();
  std::vector<size_t> times;
  for (int round = 0; round < 6; ++round) {
    node.sent.clear();
    node.Propose("x");
    for (int i = 0; i < 120; ++i) {  // 1.2 s there and back
      node.Tick(10);
      node.AnswerPolls(2);
      node.AnswerPolls(3);
    }
    times.push_back(node.Sent<Accept>(3).size());
    node.Fsync();
    node.Step(3, AcceptOk{node->ballot(), node->last_slot(), 0});
  }
  CHECK(times[0] >= 3);
  CHECK(times[1] <= 2);
  CHECK(std::vector<size_t>(times.begin() + 2, times.end()) == std::vector<size_t>(4, 1));
}

// --- What is on its way to a peer ---

const std::string kMegabyte(1 << 20, 'x');

// Slots of the accepts sent to `to` since the last call.
std::vector<Slot> SentSlots(Bench& node, NodeId to) {
  std::vector<Slot> slots;
  for (const Accept& accept : node.Sent<Accept>(to)) slots.push_back(accept.entry.slot);
  std::erase_if(node.sent, [to](const Outgoing& out) {
    return out.to == to && std::holds_alternative<Accept>(out.message);
  });
  return slots;
}

TEST_CASE("a peer has a bounded amount on its way, and gets more as it acknowledges") {
  Bench node(3);
  node.Lead();
  const Slot first = node->last_slot() + 1;
  for (int i = 0; i < 30; ++i) node.Propose(kMegabyte);
  CHECK(SentSlots(node, 2).size() == 15);
  CHECK(SentSlots(node, 3).size() == 15);
  node.Step(2, AcceptOk{node->ballot(), first + 3, 0});
  CHECK(SentSlots(node, 2) == std::vector<Slot>{first + 15, first + 16, first + 17, first + 18});
  CHECK(SentSlots(node, 3).empty());
  // With a gap before it, a slot is off the way all the same.
  node.Step(2, AcceptOk{node->ballot(), first + 3, 0b110});
  CHECK(SentSlots(node, 2) == std::vector<Slot>{first + 19, first + 20});
  // One that is more than all goes alone.
  node.Step(2, AcceptOk{node->ballot(), node->last_slot(), 0});
  node.Fsync();
  node.Propose(std::string(20 << 20, 'y'));
  CHECK(SentSlots(node, 2) == std::vector<Slot>{node->last_slot()});
}

TEST_CASE("of what was lost a part is sent again at first, and more as it arrives") {
  Bench node(3);
  node.Lead();
  const Slot first = node->last_slot() + 1;
  for (size_t i = 0; i < 32; ++i) node.Propose(std::string(256 << 10, 'x'));
  node.Fsync();
  node.sent.clear();
  const auto wait_for_accepts = [&] {
    for (int i = 0; i < 2000; ++i) {
      node.Tick(10);
      node.AnswerPolls(2);
      node.AnswerPolls(3);
      if (auto slots = SentSlots(node, 3); !slots.empty()) return slots;
    }
    return std::vector<Slot>();
  };
  CHECK(wait_for_accepts() == std::vector<Slot>{first, first + 1, first + 2});
  node.Step(3, AcceptOk{node->ballot(), first + 2, 0});
  CHECK(SentSlots(node, 3).size() == 7);  // twice as much
}

TEST_CASE("one lost accept among many is sent again alone") {
  Bench node(3);
  node.Lead();
  const Slot first = node->last_slot() + 1;
  for (size_t i = 0; i < 5; ++i) node.Propose("x");
  node.sent.clear();
  node.Step(3, AcceptOk{node->ballot(), first, 0b1110});
  std::vector<Slot> again;
  for (int i = 0; i < 15; ++i) {
    node.Tick(10);
    node.AnswerPolls(2);
    node.AnswerPolls(3);
    for (Slot slot : SentSlots(node, 3)) again.push_back(slot);
  }
  CHECK(again == std::vector<Slot>{first + 1});
}

TEST_CASE("a lost accept is sent again while others of its time are acknowledged") {
  Bench node(3);
  node.Lead();
  const Slot lost = node->last_slot() + 1;
  node.Propose("lost");
  node.sent.clear();
  int again = 0;
  for (int i = 0; i < 20; ++i) {
    node.Propose("x");
    node.Step(3, AcceptOk{node->ballot(), lost - 1, (uint64_t{2} << (i + 1)) - 2});
    node.Tick(10);
    node.AnswerPolls(3);
    for (Slot slot : SentSlots(node, 3)) again += slot == lost ? 1 : 0;
  }
  CHECK(again == 1);
}

TEST_CASE("a peer that lags is sent nothing until it has pulled what it missed") {
  Bench node(3);
  node.Lead();
  const Slot first = node->last_slot() + 1;
  const auto propose = [&](int count) {
    for (int i = 0; i < count; ++i) {
      node.Propose(kMegabyte);
      node.Fsync();
      node.Step(2, AcceptOk{node->ballot(), node->last_slot(), 0});
    }
  };
  propose(20);
  CHECK(node->chosen_slot() == first + 19);
  CHECK(SentSlots(node, 3).size() == 15);
  node.Step(3, AcceptOk{node->ballot(), first + 14, 0});
  propose(1);
  CHECK(SentSlots(node, 3).empty());
  node.sent.clear();
  node.Step(3, CatchUpRequest{first + 15, kMaxSlot});
  const auto replies = node.Sent<CatchUpReply>(3);
  REQUIRE(replies.size() == 1);
  REQUIRE_FALSE(replies[0].entries.empty());
  CHECK(replies[0].entries.front().slot == first + 15);
  CHECK(SentSlots(node, 3).empty());
  for (Slot slot = replies[0].entries.back().slot + 1; slot <= node->chosen_slot();)
    node.Step(3, CatchUpRequest{slot++, kMaxSlot});
  propose(1);
  CHECK(SentSlots(node, 3) == std::vector<Slot>{node->last_slot()});
}

TEST_CASE("what is on its way to a peer is not sent to it a second time for its asking") {
  Bench node(3);
  node.Lead();
  node.Propose(kMegabyte);
  node.Fsync();
  node.Step(2, AcceptOk{node->ballot(), node->last_slot(), 0});
  node.sent.clear();
  node.Step(3, CatchUpRequest{node->last_slot(), kMaxSlot});
  auto replies = node.TakeSent<CatchUpReply>(3);
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].entries.empty());
  CHECK(IsUrgent(replies[0]));
  // Links keep their order: who has the next one has lost this.
  node.Propose("y");
  node.Step(3, AcceptOk{node->ballot(), node->last_slot() - 2, 0b10});
  node.sent.clear();
  node.Step(3, CatchUpRequest{node->last_slot() - 1, kMaxSlot});
  replies = node.TakeSent<CatchUpReply>(3);
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].entries.size() == 1);
}

TEST_CASE("on a new link to a peer what it has not acknowledged is sent at once") {
  Bench node(3);
  node.Lead();
  node.Propose("x");
  node.Propose("y");
  node.Step(3, AcceptOk{node->ballot(), node->last_slot() - 1, 0});
  node.sent.clear();
  node->OnLinkUp(3, node.now_ns());
  node.Collect();
  CHECK(SentSlots(node, 3) == std::vector<Slot>{node->last_slot()});
  CHECK(SentSlots(node, 2).empty());
}

TEST_CASE("news of what is chosen rides on a small accept, not on a big one") {
  Bench node(3);
  node.Lead();
  for (const bool small : {true, false}) {
    CAPTURE(small);
    node.Propose("a");
    node.AckAll();
    node.sent.clear();
    node.Fsync();
    node.sent.clear();
    node->Propose(EntryKind::kBatch, Bytes("b"), node.now_ns());
    node->Step(2, AcceptOk{node->ballot(), node->last_slot(), 0}, node.now_ns());
    node->Step(3, AcceptOk{node->ballot(), node->last_slot(), 0}, node.now_ns());
    node->Propose(EntryKind::kBatch, Bytes(std::string(small ? 10 : 100'000, 'c')), node.now_ns());
    node.Collect();
    const auto accepts = node.Sent<Accept>(2);
    REQUIRE(accepts.size() == 2);
    CHECK(accepts[1].chosen == node->chosen_slot());
    // The small "b" takes it along in either case.
    CHECK(node.Sent<Chosen>(2).empty());
    node.sent.clear();
    node.AckAll();
    node.Fsync();
  }
}

TEST_CASE("a later ballot ends a leadership at once") {
  Bench node(3);
  node.Lead();
  node.Propose("mine");
  const Ballot later{node->ballot().round + 1, 2};
  SUBCASE("seen in a heartbeat") { node.Step(2, Heartbeat{1, 0, later, 0, ""}); }
  SUBCASE("seen in an accept") {
    node.Step(2, Accept{{node->last_slot(), later, Batch(later, "theirs")}, 0});
  }
  SUBCASE("seen in the word that something is chosen") { node.Step(2, Chosen{later, 1}); }
  CHECK(node->role() == Role::kFollower);
  CHECK(node->leader() == 2);
  CHECK_FALSE(node->CanPropose());
  CHECK_FALSE(node->own_noop_chosen());
  CHECK_FALSE(node->LeaseValid(node.now_ns()));
  CHECK(node.changed);
}

TEST_CASE("under its lease a leader answers no other candidate") {
  Bench node(3);
  node.Lead();
  node.Tick(50);
  node.AnswerPolls(2);
  REQUIRE(node->LeaseValid(node.now_ns()));
  const Ballot later{node->ballot().round + 5, 3};
  node.Step(3, Prepare{later, 1, {}});
  CHECK(node->role() == Role::kLeader);
  node.Wait(430);
  CHECK_FALSE(node->LeaseValid(node.now_ns()));
  node.Step(3, Prepare{later, 1, {}});
  CHECK(node->role() == Role::kFollower);
}

TEST_CASE("a leader does not take a past leader's word for what it is about to propose again") {
  Recovered recovered;
  recovered.promised = {3, 2};
  recovered.accepted = {{1, {3, 2}, Batch({3, 2}, "one")}};
  Bench node(3, recovered);
  node.Stand();
  node.Step(3, Promise{node->ballot(), 1, kMaxSlot, 0, 0, {}, {}});
  REQUIRE(node->role() == Role::kLeader);
  node.Step(2, Chosen{{3, 2}, 1});
  CHECK(node->chosen_slot() == 0);
  for (int i = 0; i < 30; ++i) {
    node.Tick(10);
    node.AnswerPolls(3);
  }
  for (const NodeId peer : {2, 3}) CHECK(node.Sent<CatchUpRequest>(peer).empty());
  node.Fsync();
  node.Step(3, AcceptOk{node->ballot(), node->last_slot(), 0});
  CHECK(node->chosen_slot() == node->last_slot());
}

TEST_CASE("an inherited slot that became known as chosen is not proposed again") {
  Recovered recovered;
  recovered.promised = {3, 2};
  for (Slot slot = 1; slot <= 40; ++slot) {
    recovered.accepted.push_back({slot, {3, 2}, Batch({3, 2}, std::to_string(slot))});
  }
  Bench node(3, recovered);
  node->Repair(recovered.accepted[32], node.now_ns());
  node.Stand();
  node.Step(2, Promise{node->ballot(), 1, kMaxSlot, 0, 0, {}, {}});
  REQUIRE(node->role() == Role::kLeader);
  node.Fsync();
  CHECK(node.TakeSent<Accept>(2).size() == 32);
  node.Step(2, AcceptOk{node->ballot(), 32, 0});
  CHECK(node->chosen_slot() == 33);
  const auto accepts = node.Sent<Accept>(2);
  REQUIRE(accepts.size() == 8);
  CHECK(accepts[0].entry.slot == 34);
  CHECK(accepts[7].entry.value.kind == EntryKind::kNoop);
}

}  // namespace
}  // namespace clustron::paxos
