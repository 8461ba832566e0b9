// The checkers find what they are for.
#include "cluster/paxos/invariants.h"

#include <doctest/doctest.h>

#include "cluster/paxos/replica_impl.h"

namespace clustron::paxos {
namespace {

std::unique_ptr<Replica> MakeReplica(NodeId self, Recovered recovered = {}) {
  Config config;
  config.self = self;
  config.members.voters = {1, 2, 3};
  return std::make_unique<Replica>(config, std::move(recovered), Rng(1), 0);
}

Accepted Entry(Slot slot, const std::string& bytes, Ballot ballot = {1, 2}) {
  return {slot, ballot, {EntryKind::kBatch, ballot, std::make_shared<const std::string>(bytes)}};
}

// The inside of a replica, to break it.
Replica::Impl& Inside(Replica& replica) { return const_cast<Replica::Impl&>(replica.impl()); }

TEST_CASE("a sound replica passes") {
  auto replica = MakeReplica(1);
  Invariants invariants;
  CHECK_FALSE(invariants.Check(*replica));
  replica->Step(2, Accept{Entry(1, "a"), 0}, 1);
  CHECK_FALSE(invariants.Check(*replica));
  replica->Step(2, Chosen{{1, 2}, 1}, 2);
  CHECK_FALSE(invariants.Check(*replica));
}

TEST_CASE("a promise that falls is found, over a restart too") {
  Invariants invariants({5, 1});
  CHECK(invariants.Check(*MakeReplica(1)).has_value());
}

TEST_CASE("a changed value is found") {
  auto replica = MakeReplica(1);
  Invariants invariants;
  replica->Step(2, Accept{Entry(1, "a"), 0}, 1);
  REQUIRE_FALSE(invariants.Check(*replica));
  SUBCASE("under one ballot") { Inside(*replica).core.window.Store(Entry(1, "b"), 9); }
  SUBCASE("by a lower ballot") { Inside(*replica).core.window.Store(Entry(1, "b", {1, 1}), 9); }
  SUBCASE("after it was chosen") {
    replica->Step(2, Chosen{{1, 2}, 1}, 2);
    REQUIRE_FALSE(invariants.Check(*replica));
    Inside(*replica).core.window.Store(Entry(1, "b", {2, 2}), 9).chosen = true;
  }
  CHECK(invariants.Check(*replica).has_value());
}

TEST_CASE("broken cells are found") {
  auto replica = MakeReplica(1);
  Invariants invariants;
  replica->Step(2, Accept{Entry(1, "a"), 0}, 1);
  Cell* cell = Inside(*replica).core.window.Find(1);
  SUBCASE("unknown and accepted") { cell->unknown = true; }
  SUBCASE("chosen without a value") { cell->accepted = false, cell->chosen = true; }
  SUBCASE("accepted above the promise") { cell->entry.ballot = {9, 9}; }
  SUBCASE("first proposed after it was accepted") { cell->entry.value.first_ballot = {9, 9}; }
  SUBCASE("another slot's entry") { cell->entry.slot = 2; }
  CHECK(invariants.Check(*replica).has_value());
}

TEST_CASE("another value chosen elsewhere is found") {
  Agreement agreement;
  auto a = MakeReplica(1);
  auto b = MakeReplica(3);
  a->Repair(Entry(1, "a"), 1);
  b->Repair(Entry(1, "a"), 1);
  CHECK_FALSE(agreement.Check(*a));
  CHECK_FALSE(agreement.Check(*b));
  a->Repair(Entry(2, "a"), 1);
  b->Repair(Entry(2, "b"), 1);
  CHECK_FALSE(agreement.Check(*a));
  CHECK(agreement.Check(*b).has_value());
  CHECK(agreement.last() == 2);
}

TEST_CASE("broken words are found") {
  Commitments commitments;
  auto replica = MakeReplica(1);
  constexpr int64_t kLease = 450;
  SUBCASE("phase 1 answered under a lease") {
    HeartbeatReply reply;
    reply.ballot = {5, 2};
    reply.granted = true;
    CHECK_FALSE(commitments.OnSend(*replica, 2, reply, 100, kLease));
    CHECK(commitments.IsBound(1, {5, 2}, 549));
    CHECK_FALSE(commitments.IsBound(1, {5, 2}, 550));
    CHECK_FALSE(commitments.IsBound(1, {6, 2}, 200));
    const Promise promise{{6, 3}, 1, kMaxSlot, 0, 0, {}, {}};
    CHECK(commitments.OnSend(*replica, 3, promise, 549, kLease).has_value());
    CHECK_FALSE(commitments.OnSend(*replica, 3, promise, 550, kLease));
  }
  SUBCASE("a forgotten promise") {
    const Promise promise{{6, 3}, 1, kMaxSlot, 0, 0, {}, {}};
    CHECK_FALSE(commitments.OnSend(*replica, 3, promise, 1, kLease));
    Recovered recovered;
    CHECK(commitments.OnRecovered(1, recovered).has_value());
    recovered.promised = {6, 3};
    CHECK_FALSE(commitments.OnRecovered(1, recovered));
  }
  SUBCASE("a forgotten vote") {
    replica->Step(2, Accept{Entry(1, "a"), 0}, 1);
    CHECK_FALSE(commitments.OnSend(*replica, 2, AcceptOk{{1, 2}, 1, 0}, 1, kLease));
    Recovered recovered;
    CHECK(commitments.OnRecovered(1, recovered).has_value());
    recovered.unknown = {1};
    CHECK_FALSE(commitments.OnRecovered(1, recovered));
    recovered.unknown = {};
    recovered.accepted = {Entry(1, "a")};
    CHECK_FALSE(commitments.OnRecovered(1, recovered));
  }
  SUBCASE("a damaged record reported as empty") {
    Recovered recovered;
    recovered.unknown = {2};
    auto damaged = MakeReplica(1, recovered);
    Promise promise{{6, 3}, 1, kMaxSlot, 0, 0, {}, {}};
    CHECK(commitments.OnSend(*damaged, 3, promise, 1, kLease).has_value());
    promise.unknown = {2};
    CHECK_FALSE(commitments.OnSend(*damaged, 3, promise, 1, kLease));
  }
}

}  // namespace
}  // namespace clustron::paxos
