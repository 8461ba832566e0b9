#include "cluster/node/read_index.h"

#include <utility>

#include "base/check.h"
#include "base/reach.h"

namespace clustron::cluster {

ReadIndex::ReadIndex(NodeCore& core, const LeaderView& leader_view, const NodeClock& clock)
    : core_(core), leader_view_(leader_view), clock_(clock), rounds_(core.FirstNumber(1)) {}

bool ReadIndex::CanReadNow(ReadGrant* grant) const {
  const Slot applied = core_.state.applied_slot();
  if (!leader_view_.leading() || applied < core_.replica.chosen_slot()) return false;
  const int64_t now = core_.NowNs();
  if (!LeadsByLease(now)) return false;
  *grant = {applied, clock_.ElapsedMs(now), clock_.LiveWallMs()};
  return true;
}

void ReadIndex::Ask() {
  const bool again = std::exchange(again_, false);
  const uint64_t id = rounds_.TakeToAsk(core_.NowNs(), core_.config.resend_ns, again);
  if (id == 0 || !leader_view_.known()) return;
  if (leader_view_.here()) {
    Serve(core_.self(), id);
  } else {
    core_.transport.Send(leader_view_.leader(), Urgency::kUrgent, WireReadAsk(id));
  }
}

void ReadIndex::Deliver() {
  uint64_t round;
  ReadGrant grant;
  while (rounds_.TakeReady(core_.state.applied_slot(), &round, &grant))
    core_.host.ReadsReady(round, true, grant);
}

void ReadIndex::Expire(int64_t now_ns) {
  if (const uint64_t round = rounds_.TakeExpired(now_ns, core_.config.hold_ns))
    core_.host.ReadsReady(round, false, {});
}

bool ReadIndex::OnMessage(NodeId from, WireKind kind, std::string_view body) {
  uint64_t id;
  if (kind == WireKind::kReadAsk) {
    if (!ReadReadAsk(body, &id)) return false;
    Serve(from, id);
    return true;
  }
  CHECK(kind == WireKind::kReadGrant);
  ReadGrant grant;
  if (!ReadReadGrant(body, &id, &grant)) return false;
  rounds_.Granted(id, grant);
  return true;
}

void ReadIndex::Serve(NodeId from, uint64_t id) {
  if (!leader_view_.leading()) return;
  const Slot index = core_.replica.chosen_slot();
  if (LeadsByLease(core_.NowNs())) {
    Grant(from, id, index);
    return;
  }
  REACH("read by quorum round");
  if (waiting_.size() >= kWaitingMax) return;
  waiting_.push_back({from, id, core_.replica.StartReadRound(core_.NowNs()), index});
}

void ReadIndex::Grant(NodeId to, uint64_t id, Slot index) {
  const ReadGrant grant{index, clock_.LiveElapsedMs(), clock_.LiveWallMs()};
  if (to == core_.self()) {
    rounds_.Granted(id, grant);
  } else {
    core_.transport.Send(to, Urgency::kUrgent, WireReadGrant(id, grant));
  }
}

void ReadIndex::OnRoundConfirmed(uint64_t round) {
  CHECK(leader_view_.leading());
  std::vector<Waiting> asks;
  std::swap(asks, waiting_);
  for (const Waiting& ask : asks) {
    if (ask.read_round <= round) {
      Grant(ask.from, ask.id, ask.index);
    } else {
      waiting_.push_back(ask);
    }
  }
}

}  // namespace clustron::cluster
