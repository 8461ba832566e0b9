// One replica, its peers played by hand.
#include "cluster/paxos/replica.h"

#include <doctest/doctest.h>

#include "cluster/paxos/invariants.h"

namespace clustron::paxos {
namespace {

constexpr int64_t kMs = 1'000'000;

Payload Bytes(const std::string& bytes) { return std::make_shared<const std::string>(bytes); }

Value Batch(Ballot first, const std::string& bytes) {
  return {EntryKind::kBatch, first, Bytes(bytes)};
}

// A replica, what it asked for, and a disk that is as fast as the test says.
class Bench {
 public:
  explicit Bench(uint32_t voters, Recovered recovered = {}, NodeId self = 1) {
    Config config;
    config.self = self;
    for (NodeId node = 1; node <= voters; ++node) config.members.voters.push_back(node);
    replica_.emplace(config, std::move(recovered), Rng(7), now_ns_);
  }

  Replica& operator*() { return *replica_; }
  Replica* operator->() { return &*replica_; }

  void Tick(int64_t ms = 0) {
    now_ns_ += ms * kMs;
    replica_->Tick(now_ns_);
    Collect();
  }
  void Step(NodeId from, Message message) {
    replica_->Step(from, std::move(message), now_ns_);
    Collect();
  }
  // Everything asked for so far reaches the disk.
  void Fsync() {
    if (persisted_ == 0) return;
    replica_->OnDurable(persisted_, now_ns_);
    Collect();
  }
  void Propose(const std::string& bytes) {
    replica_->Propose(EntryKind::kBatch, Bytes(bytes), now_ns_);
    Collect();
  }
  void Collect() {
    Ready ready;
    replica_->TakeReady(&ready);
    for (LogRecord& record : ready.persist) {
      CHECK(record.seq == persisted_ + 1);
      persisted_ = record.seq;
      records.push_back(std::move(record));
    }
    for (Outgoing& out : ready.send) sent.push_back(std::move(out));
    if (ready.read_round_confirmed != 0) read_confirmed = ready.read_round_confirmed;
    changed = changed || ready.leadership_changed;
    const auto violation = invariants_.Check(*replica_);
    CHECK_MESSAGE(!violation, *violation);
  }
  // Messages of a kind sent since the last call of this, oldest first; others are forgotten.
  template <typename M>
  std::vector<M> Sent(NodeId to) {
    std::vector<M> found;
    for (const Outgoing& out : sent) {
      if (const M* message = std::get_if<M>(&out.message); message && out.to == to) {
        found.push_back(*message);
      }
    }
    return found;
  }
  template <typename M>
  std::vector<M> TakeSent(NodeId to) {
    std::vector<M> found = Sent<M>(to);
    sent.clear();
    return found;
  }
  // Elected with the promises of all others, own no-op chosen.
  void Lead() {
    for (NodeId peer : replica_->members().voters) AnswerPolls(peer);
    for (int i = 0; i < 20 && replica_->role() == Role::kFollower; ++i) {
      Tick(50);
      for (NodeId peer : replica_->members().voters) AnswerPolls(peer);
    }
    REQUIRE(replica_->role() == Role::kCandidate);
    Fsync();
    for (NodeId peer : replica_->members().voters) {
      if (peer != replica_->self()) {
        Step(peer,
             Promise{replica_->ballot(), replica_->chosen_slot() + 1, kMaxSlot, 0, 0, {}, {}});
      }
    }
    REQUIRE(replica_->role() == Role::kLeader);
    Fsync();
    AckAll();
    REQUIRE(replica_->own_noop_chosen());
    sent.clear();
  }
  void AckAll() {
    for (NodeId peer : replica_->members().voters) {
      if (peer != replica_->self())
        Step(peer, AcceptOk{replica_->ballot(), replica_->last_slot(), 0});
    }
  }
  // Every heartbeat sent to this peer and not answered yet is.
  void AnswerPolls(NodeId peer, bool granted = true) {
    for (const Heartbeat& poll : TakeSentTo(peer)) {
      HeartbeatReply reply;
      reply.probe = poll.probe;
      reply.sent_ns = poll.sent_ns;
      reply.ballot = poll.ballot;
      reply.promised = poll.ballot;
      reply.leader = poll.ballot;
      reply.granted = granted && poll.ballot;
      reply.lease_ns = 450 * kMs;
      Step(peer, reply);
    }
  }
  int64_t now_ns() const { return now_ns_; }
  void Wait(int64_t ms) { now_ns_ += ms * kMs; }

  std::vector<LogRecord> records;
  std::vector<Outgoing> sent;
  uint64_t read_confirmed = 0;
  bool changed = false;

 private:
  std::vector<Heartbeat> TakeSentTo(NodeId peer) {
    std::vector<Heartbeat> polls;
    std::erase_if(sent, [&](const Outgoing& out) {
      const auto* poll = std::get_if<Heartbeat>(&out.message);
      if (out.to != peer || poll == nullptr) return false;
      polls.push_back(*poll);
      return true;
    });
    return polls;
  }

  int64_t now_ns_ = 1'000'000'000;
  uint64_t persisted_ = 0;
  std::optional<Replica> replica_;
  Invariants invariants_;
};

// --- Acceptor
// -------------------------------------------------------------------------------------

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
  CHECK(node.records[0].accepted.value.payload == accept.entry.value.payload);
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

// --- Learner
// --------------------------------------------------------------------------------------

TEST_CASE("chosen under a ballot means what was accepted under that ballot only") {
  Bench node(3);
  node.Step(2, Accept{{1, {5, 2}, Batch({5, 2}, "old")}, 0});
  node.Step(3, Chosen{{6, 3}, 1});
  CHECK(node->chosen_slot() == 0);
  // It asks for what it doesn't know, after a moment.
  node.Step(3, HeartbeatReply{});
  node.Wait(20);
  node.Tick();
  node.Tick(20);
  const auto requests = node.TakeSent<CatchUpRequest>(3);
  REQUIRE(requests.size() == 0);  // never answered a poll: not known to be reachable
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
  CHECK(node.TakeSent<CatchUpReply>(2).empty());
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

// --- Leader
// ---------------------------------------------------------------------------------------

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
  for (int i = 0; i < 20 && node->role() == Role::kFollower; ++i) {
    node.Tick(50);
    node.AnswerPolls(2);
    node.AnswerPolls(3);
  }
  const Ballot ballot = node->ballot();
  CHECK(ballot.node == 1);
  CHECK(ballot > Ballot{3, 2});
  node.Fsync();
  node.sent.clear();
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
  CHECK(accepts[4].entry == Accepted{5, ballot, {EntryKind::kNoop, ballot, nullptr}});
  CHECK_FALSE(node->own_noop_chosen());
  // The two others are enough: the own disk is one vote like theirs.
  node.Step(2, AcceptOk{ballot, 5, 0});
  CHECK(node->chosen_slot() == 0);
  node.Step(3, AcceptOk{ballot, 3, 0b10});
  CHECK(node->chosen_slot() == 3);
  node.Step(3, AcceptOk{ballot, 4, 1});
  CHECK(node->own_noop_slot() == 5);
}

TEST_CASE("a promise in parts: a lost one is asked for again") {
  Recovered recovered;
  recovered.promised = {3, 2};
  Bench node(3, recovered);
  for (int i = 0; i < 20 && node->role() == Role::kFollower; ++i) {
    node.Tick(50);
    node.AnswerPolls(2);
    node.AnswerPolls(3);
  }
  node.Fsync();
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

TEST_CASE("a candidate learns what others know to be chosen before it leads") {
  Recovered recovered;
  recovered.promised = {3, 2};
  Bench node(3, recovered);
  for (int i = 0; i < 20 && node->role() == Role::kFollower; ++i) {
    node.Tick(50);
    node.AnswerPolls(2);
    node.AnswerPolls(3);
  }
  node.Fsync();
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

// --- Reads
TEST_CASE("an inherited slot that became known as chosen is not proposed again") {
  Recovered recovered;
  recovered.promised = {3, 2};
  for (Slot slot = 1; slot <= 40; ++slot) {
    recovered.accepted.push_back({slot, {3, 2}, Batch({3, 2}, std::to_string(slot))});
  }
  Bench node(3, recovered);
  node->Repair(recovered.accepted[32], node.now_ns());
  for (int i = 0; i < 20 && node->role() == Role::kFollower; ++i) {
    node.Tick(50);
    node.AnswerPolls(2);
    node.AnswerPolls(3);
  }
  node.Fsync();
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

// ----------------------------------------------------------------------------------------

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

TEST_CASE("a configuration of an earlier leader asks for a new phase 1 when it is applied") {
  Recovered recovered;
  recovered.promised = {3, 2};
  recovered.accepted = {{1, {3, 2}, {EntryKind::kConfig, {3, 2}, Bytes("members")}},
                        {2, {3, 2}, Batch({3, 2}, "behind it")}};
  Bench node(3, recovered);
  for (int i = 0; i < 20 && node->role() == Role::kFollower; ++i) {
    node.Tick(50);
    node.AnswerPolls(2);
    node.AnswerPolls(3);
  }
  node.Fsync();
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

}  // namespace
}  // namespace clustron::paxos
