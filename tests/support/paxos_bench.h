// One replica on a bench: its peers are played by hand, its disk is as fast as the test says, and
// the invariants are checked after every input.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/paxos/invariants.h"
#include "cluster/paxos/replica.h"

namespace clustron::paxos {

inline constexpr int64_t kMs = 1'000'000;

inline Payload Bytes(const std::string& bytes) {
  return std::make_shared<const std::string>(bytes);
}

inline Value Batch(Ballot first, const std::string& bytes) {
  return {EntryKind::kBatch, first, Bytes(bytes)};
}

// A replica, what it asked for, and a disk that is as fast as the test says.
class Bench {
 public:
  explicit Bench(uint32_t voters, Recovered recovered = {}, NodeId self = 1,
                 uint32_t window_slots = 32)
      : Bench(voters, std::move(recovered), ConfigOf(self, window_slots)) {}
  // The members are filled in.
  Bench(uint32_t voters, Recovered recovered, Config config) {
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
    contradiction = ready.contradiction;
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
    Stand();
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
  // Polled into candidacy; its promise is durable.
  void Stand() {
    for (int i = 0; i < 40 && replica_->role() == Role::kFollower; ++i) {
      Tick(50);
      for (NodeId peer : replica_->members().voters) AnswerPolls(peer);
    }
    REQUIRE(replica_->role() == Role::kCandidate);
    Fsync();
    sent.clear();
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
      reply.durable = peers_durable;
      Step(peer, reply);
    }
  }
  int64_t now_ns() const { return now_ns_; }
  void Wait(int64_t ms) { now_ns_ += ms * kMs; }

  std::vector<LogRecord> records;
  std::vector<Outgoing> sent;
  uint64_t read_confirmed = 0;
  bool changed = false;
  std::string contradiction;
  Slot peers_durable = 0;  // what AnswerPolls says that others have

 private:
  static Config ConfigOf(NodeId self, uint32_t window_slots) {
    Config config;
    config.self = self;
    config.window_slots = window_slots;
    return config;
  }
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

}  // namespace clustron::paxos
