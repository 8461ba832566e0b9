#include "cluster/node/pump.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/memory.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::cluster {

namespace {

constexpr int64_t kApplySliceNs = 5'000'000;  // of a backlog, per loop turn

}  // namespace

void Pump::BeginTurn() {
  applied_ = 0;
  until_ns_ = core_.NowNs() + kApplySliceNs;
}

void Pump::Run() {
  CHECK(!running_);
  running_ = true;
  bool applied = false;
  for (;;) {
    core_.replica.TakeReady(&ready_);
    if (!ready_.contradiction.empty()) {
      core_.host.Fatal(ready_.contradiction);
      break;
    }
    if (!ready_.persist.empty()) core_.log.Append(ready_.persist);
    core_.log.Flush();
    for (const paxos::Outgoing& out : ready_.send) Send(out.to, out.message);
    for (const paxos::CatchUpNeed& need : ready_.catch_up) ServeCatchUp(need);
    if (ready_.leadership_changed) around_.leader_view.Look();
    if (ready_.read_round_confirmed != 0)
      around_.listener.OnRoundConfirmed(ready_.read_round_confirmed);
    const bool progress = ApplyChosen();
    if (core_.halted) break;
    applied |= progress;
    if (ready_.Empty() && !progress) break;
  }
  running_ = false;
  if (applied) around_.listener.OnEntriesApplied();
}

bool Pump::ApplyChosen() {
  if (core_.restoring) return false;
  bool any = false;
  backlog_ = false;
  paxos::Replica& replica = core_.replica;
  while (const paxos::Accepted* chosen = replica.NextChosen()) {
    const Slot slot = chosen->slot;
    if (slot > core_.state.applied_slot()) {
      if (TimeIsUp()) {
        REACH("applied in slices");
        backlog_ = true;
        break;
      }
      if (!Apply(slot, chosen->value)) return any;
      any = true;
    }
    replica.Advance();
    const bool own_noop = replica.own_noop_chosen() && slot == replica.own_noop_slot();
    if (own_noop && !around_.leader_view.leading()) around_.leader_view.Look();
  }
  return any;
}

// False: this program can't apply it, and the node is halted.
bool Pump::Apply(Slot slot, const paxos::Value& chosen) {
  StateMachine& state = core_.state;
  CHECK(slot == state.applied_slot() + 1 || Planted(Bug::kChosenOutOfOrder));
  if (const Status can = state.CanApply(slot, chosen); !can) {
    const bool another_log = can.error().code == Errc::kCorruption;
    around_.halt.Halt(another_log ? HaltCause::kDiverged : HaltCause::kCannotApply,
                      can.error().detail);
    return false;
  }
  // The replica may let go of the entry while its items are answered: hold the bytes.
  const paxos::Value value = chosen;
  const int64_t wall_before = state.wall_ms();
  state.Apply(slot, value, false);
  CHECK(state.applied_slot() == slot || Planted(Bug::kChosenOutOfOrder));
  const bool is_void = value.first_ballot < state.newest_noop();
  if (value.kind == paxos::EntryKind::kBatch && !is_void)
    around_.clock.OnApplied(slot, wall_before);
  around_.leader_view.OnApplied(value.first_ballot);
  around_.writer.BeginIfWanted();
  return true;
}

// Who was away may have much to catch up with, and has to answer heartbeats meanwhile. A leader is
// never behind by more than what it may propose, and reads its state at once: it does all.
bool Pump::TimeIsUp() {
  if (around_.leader_view.leading() || Planted(Bug::kNoOwnBallotNoop)) return false;
  return applied_++ >= core_.config.apply_entries_per_turn || core_.NowNs() > until_ns_;
}

void Pump::Send(NodeId to, const paxos::Message& message) {
  if (wire_.capacity() > (1 << 20)) FreeString(&wire_);
  wire_.clear();
  wire_.push_back(static_cast<char>(WireKind::kPaxos));
  paxos::Payload tail = paxos::EncodeHead(message, &wire_);
  if (tail.size() <= kSharedBytesMin) {
    wire_.append(tail.view());
    tail.reset();
  }
  const Urgency urgency = paxos::IsUrgent(message) ? Urgency::kUrgent : Urgency::kBulk;
  if (wire_.size() > kSharedBytesMin) {
    std::string big;
    big.swap(wire_);
    core_.transport.Send(to, urgency, std::move(big), std::move(tail));
  } else {
    core_.transport.Send(to, urgency, wire_, std::move(tail));
  }
}

void Pump::ServeCatchUp(const paxos::CatchUpNeed& need) {
  if (core_.restoring) return;
  // What the log has of slots that came with a snapshot may be votes for what was never chosen.
  const bool within_snapshot =
      need.first <= around_.receiver.loaded_slot() && !Planted(Bug::kOldVoteServed);
  if (within_snapshot) REACH("catch-up wants slots that came with a snapshot");
  if (within_snapshot || !core_.log.Has(need.first)) {
    around_.sender.Start(need.peer);
    return;
  }
  auto entries = core_.log.ReadRange(need.first, std::min(need.last, core_.state.applied_slot()),
                                     core_.config.paxos.catch_up_bytes_max);
  if (!entries) {
    REACH("own record unreadable while serving catch-up");
    return;  // the peer asks again, and another node may have it
  }
  Send(need.peer, paxos::CatchUpReply{.chosen = core_.replica.chosen_slot(),
                                      .compacted = core_.log.floor(),
                                      .entries = *std::move(entries)});
}

}  // namespace clustron::cluster
