// One member of one Paxos group: multi-Paxos with a stable leader, as a pure state machine.
//
// It owns no clock, disk, socket or thread and keeps no reference to the outside. The driver tells
// it what happened (Tick, Step, Propose, OnDurable) and collects what to do (TakeReady):
//
//   1. hand Ready.persist to the WAL in order; when everything up to a sequence number is fsynced,
//      call OnDurable(seq). What depends on it is held back in here until then.
//   2. send Ready.send at once, in any order and at any speed; losing messages is harmless.
//   3. apply NextChosen() / Advance(): entries in slot order, each once.
//
// Time is a suspend-aware monotonic clock (CLOCK_BOOTTIME) in nanoseconds, handed in; it must not
// run backwards. Randomness comes from the given generator only.
//
// Lamport's multi-Paxos ("Paxos made simple", 2001); election by quorum connectivity after
// OmniPaxos (Ng, Haridi, Carbone, EuroSys 2023); leases as in Gray & Cheriton (1989), counted from
// the send time. The safety rules are checked by invariants.h after each step in tests.
//
// THREAD: one owner; not safe to share. Payloads may be read by other threads at any time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "cluster/paxos/config.h"
#include "cluster/paxos/messages.h"
#include "cluster/paxos/ready.h"
#include "cluster/paxos/types.h"

namespace clustron::paxos {

// Why there is no leader here, for INFO and the log.
struct Phase1Status {
  bool running = false;
  uint32_t promises = 0;  // complete answers, own included
  uint32_t needed = 0;
  Slot waits_for_slot = 0;  // no quorum of definite answers for it (damaged records); 0: none
  Slot catching_up_to = 0;  // chosen elsewhere, not yet here; 0: none
};

// What a peer's vote is here.
enum class PeerVote : uint8_t {
  kIgnored,  // what it says as a voter, candidate or leader; the rest is not
  kCounts,
  // This node leads only with its promise: more than safety needs. After a loss any quorum could be
  // one of nodes that have forgotten their votes.
  kWanted,
};

struct PeerStatus {
  NodeId node = kNoNode;
  bool voter = false;
  PeerVote vote = PeerVote::kCounts;
  int64_t heard_ns = 0;  // when a heartbeat's answer last came; 0: never
  Slot chosen = 0;       // as of its last answer
  Slot durable = 0;
  // As of the answer to the newest probe: what is chosen, as it knows itself, and on its disk. What
  // it merely voted for is not among it: that may be another value than the chosen one.
  Slot safe = 0;
  uint64_t answered_probe = 0;
  std::string blob;  // the driver's, from its last heartbeat or answer
};

class Replica {
 public:
  // The configuration must be sound (CHECKed); `recovered` is from the node's own disk, validated
  // by who read it, and checked again here.
  Replica(const Config& config, Recovered recovered, Rng rng, int64_t now_ns);
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // --- Inputs ---

  // Call at least every 10 ms or so.
  void Tick(int64_t now_ns);
  // A message that Decode accepted. From strangers (not a member): ignored, but for catch-up
  // requests and heartbeats of a node that does not know yet that it was removed.
  void Step(NodeId from, Message message, int64_t now_ns);
  // In the middle of anything that the owner does outside of this class: a reply to a heartbeat, to
  // be sent at once. Nullopt: there is more to it; it is to be given to Step later.
  std::optional<HeartbeatReply> AnswerWhileBusy(NodeId from, const Heartbeat& heartbeat,
                                                int64_t now_ns);
  // A leader's next heartbeat, if it is due: for all peers, at once.
  std::optional<Heartbeat> HeartbeatWhileBusy(int64_t now_ns);
  // Everything up to this record is fsynced. Counts our own vote, lets held messages go.
  void OnDurable(uint64_t persist_seq, int64_t now_ns);
  // A new link to a peer: what was sent on the one before may be lost.
  void OnLinkUp(NodeId peer, int64_t now_ns);

  // True on a leader past phase 1 whose window has room, whose disk is not too far behind, and that
  // is not handing over or waiting for a configuration to be applied. Room for kConfig: nothing
  // else in flight.
  bool CanPropose() const;
  bool CanProposeConfig() const;
  // REQUIRES: CanPropose() (kConfig: CanProposeConfig()); kind is kBatch or kConfig. Returns the
  // slot. The entry's first_ballot is ballot(). It may yet lose its slot: only NextChosen() tells.
  Slot Propose(EntryKind kind, Payload payload, int64_t now_ns);

  // --- Outputs ---

  // Clears *ready, then fills it. One "chosen up to" per peer goes out per call, however many slots
  // were chosen since the last.
  void TakeReady(Ready* ready);
  // The lowest chosen entry not applied yet, or null. Valid until the next non-const call.
  const Accepted* NextChosen() const;
  // That entry was applied. REQUIRES: NextChosen() != nullptr.
  void Advance();

  // --- Reads ---

  // While now_ns < lease_until_ns() on a leader, no other node can have become leader. 0: no lease.
  // To read: LeaseValid(now), own_noop_chosen(), and wait until chosen_slot() as of now is applied.
  bool LeaseValid(int64_t now_ns) const { return now_ns < lease_until_ns(); }
  int64_t lease_until_ns() const;
  // A quorum round without clocks: fresh probes leave at the next TakeReady; when
  // Ready.read_round_confirmed >= the returned id, this node was still the leader at some moment
  // after this call. The reader takes chosen_slot() at this call as its index. Rounds are lost when
  // the leadership changes; ids are never used again. REQUIRES: role() == kLeader and
  // own_noop_chosen().
  uint64_t StartReadRound(int64_t now_ns);

  // Asks all members now. What PeerStatus::safe says of those whose answered_probe is above the
  // returned number was true after this call.
  uint64_t AskAll(int64_t now_ns);

  // --- Control ---

  // Slots up to `upto` (applied) left the driver's log. Memory follows by itself.
  void Compact(Slot upto);
  // State up to `upto` came by a snapshot that is durable here: the log starts behind it. Older or
  // equal to what is applied: ignored.
  void InstallSnapshot(Slot upto, int64_t now_ns);
  // A slot's chosen entry from elsewhere (the replica asks its peers by itself too).
  // REQUIRES: it is chosen.
  void Repair(const Accepted& chosen, int64_t now_ns);
  // Stops leading at once and says so to the others; no effect on others than a leader.
  void StepDown(int64_t now_ns);
  // Stops proposing, waits until `to` has everything (at most 2 rounds of election, then it is
  // called off), steps down and lets it take over at once. False: not leader, or no such voter.
  bool TransferLeadership(NodeId to, int64_t now_ns);
  // The members as of an applied kConfig entry (or a snapshot). Opens the window again behind the
  // entry. A node that is no longer a voter stops leading and voting.
  void SetMembers(const Members& members, int64_t now_ns);
  // Without a vote a node promises, accepts, leads and grants nothing; it learns. At first it has
  // its vote. Quorums stay as they are.
  void SetVoting(bool voting, int64_t now_ns);
  // At first all count.
  void SetPeerVote(NodeId peer, PeerVote vote);
  // Promises this ballot to nobody in particular; nothing if it is not above promised().
  void RaisePromise(Ballot ballot, int64_t now_ns);
  // Attached to every heartbeat and answer from now on (≤ kMaxBlobBytes).
  void SetBlob(std::string blob);

  // --- State ---

  NodeId self() const;
  Role role() const;
  // The node that leads as far as known here (maybe self); kNoNode: none known.
  NodeId leader() const;
  // Leader and candidate: the own one. Follower: of the leader it follows (zero: none).
  Ballot ballot() const;
  Ballot promised() const;
  // Everything up to it is chosen and known here (not necessarily applied).
  Slot chosen_slot() const;
  Slot applied_slot() const;
  // Highest slot durably accepted here without a gap below it, under whatever ballots.
  Slot durable_slot() const;
  // Every slot up to it has been accepted or learned here, durably or not, or its record is
  // damaged.
  Slot accepted_slot() const;
  // Of the records made so far: the last, and the last that is durable.
  uint64_t persisted_seq() const;
  uint64_t durable_seq() const;
  // The own disk is behind by Config::undurable_bytes_max: nothing more is proposed or taken.
  bool log_full() const;
  size_t undurable_bytes() const;
  bool voting() const;
  Slot compacted_slot() const;
  // The highest slot accepted or proposed here.
  Slot last_slot() const;
  // Leader: the no-op of its own ballot is chosen (and everything below it); its slot.
  bool own_noop_chosen() const { return own_noop_slot() != kNoSlot; }
  Slot own_noop_slot() const;
  // Chosen entry still in memory, else null.
  const Accepted* ChosenInMemory(Slot slot) const;
  const Members& members() const;
  Phase1Status phase1_status() const;
  const std::vector<PeerStatus>& peers() const;
  size_t window_bytes() const;
  size_t unknown_count() const;

  // For invariants.h, which looks inside.
  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace clustron::paxos
