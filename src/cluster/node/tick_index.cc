#include "cluster/node/tick_index.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace clustron::cluster {

TickIndex::TickIndex(NodeCore& core, const LeaderView& leader_view, Proposer& proposer)
    : core_(core), leader_view_(leader_view), proposer_(proposer), rounds_(core.FirstNumber(3)) {}

void TickIndex::Ask() {
  const bool again = std::exchange(again_, false);
  const uint64_t id = rounds_.TakeToAsk(core_.NowNs(), core_.config.resend_ns, again);
  if (id == 0 || !leader_view_.known()) return;
  if (leader_view_.here()) {
    Serve(core_.self(), id);
  } else {
    core_.transport.Send(leader_view_.leader(), Urgency::kUrgent, WireTickAsk(id));
  }
}

void TickIndex::Deliver() {
  uint64_t round;
  ReadGrant grant;
  while (rounds_.TakeReady(core_.state.applied_slot(), &round, &grant))
    core_.host.TicksReady(round, true);
}

void TickIndex::Expire(int64_t now_ns) {
  if (const uint64_t tick = rounds_.TakeExpired(now_ns, core_.config.hold_ns))
    core_.host.TicksReady(tick, false);
}

bool TickIndex::OnMessage(NodeId from, WireKind kind, std::string_view body) {
  uint64_t id;
  if (kind == WireKind::kTickAsk) {
    if (!ReadTickAsk(body, &id)) return false;
    Serve(from, id);
    return true;
  }
  CHECK(kind == WireKind::kTickGrant);
  Slot slot;
  if (!ReadTickGrant(body, &id, &slot)) return false;
  rounds_.Granted(id, {.index = slot});
  return true;
}

void TickIndex::Serve(NodeId from, uint64_t id) {
  if (!leader_view_.leading() || waiting_.size() >= kWaitingMax) return;
  const Slot slot = proposer_.SlotWithLiveClocks();
  waiting_.push_back({from, id, slot});
  if (slot == paxos::kNoSlot) proposer_.WantTick();
}

void TickIndex::OnProposed(Slot slot) {
  for (Waiting& tick : waiting_)
    if (tick.slot == paxos::kNoSlot) tick.slot = slot;
}

void TickIndex::Grant() {
  if (waiting_.empty()) return;
  CHECK(leader_view_.leading());
  std::erase_if(waiting_, [this](const Waiting& tick) {
    if (tick.slot == paxos::kNoSlot || tick.slot > core_.state.applied_slot()) return false;
    if (tick.from == core_.self()) {
      rounds_.Granted(tick.id, {.index = tick.slot});
    } else {
      core_.transport.Send(tick.from, Urgency::kUrgent, WireTickGrant(tick.id, tick.slot));
    }
    return true;
  });
}

}  // namespace clustron::cluster
