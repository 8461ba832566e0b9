#include "cluster/node/node_clock.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::cluster {

namespace {

constexpr int64_t kAskClocksNs = 1'000'000'000;
constexpr int64_t kAskClocksSoonNs = 100'000'000;  // while too few are heard
constexpr int64_t kMarkIdleNs = 3'600'000'000'000;
// A doubt is over when there has been none for so long.
constexpr int64_t kDoubtOverNs = 10'000'000'000;

}  // namespace

NodeClock::NodeClock(NodeCore& core, const LeaderView& leader_view, Roster& roster)
    : core_(core), leader_view_(leader_view), roster_(roster) {
  elapsed_.Continue(core_.state.elapsed_ms(), core_.NowNs());
  if (core_.state.wall_ms() > 0) wall_.GoOnFrom(core_.state.wall_ms(), core_.NowNs());
}

void NodeClock::ContinueElapsed(int64_t elapsed_ms, int64_t at_ns, Slot slot) {
  elapsed_.Continue(elapsed_ms, at_ns);
  elapsed_.Observe(core_.state.elapsed_ms(), core_.NowNs());
  counted_slot_ = slot;
}

int64_t NodeClock::LiveWallMs() const {
  if (Planted(Bug::kOwnWallBelieved)) return core_.clock.WallMs();
  // Who has heard nobody yet has nothing to say that would be for ever.
  if (!wall_.known()) return core_.state.wall_ms();
  const int64_t wall = wall_.NowMs(core_.clock.WallMs(), core_.NowNs());
  if (core_.state.feature_version() >= kWallMayFall) return wall;
  return std::max(core_.state.wall_ms(), wall);
}

void NodeClock::Look(int64_t now_ns) {
  const std::vector<NodeId>& voters = core_.replica.members().voters;
  wall_.Look(core_.clock.WallMs(), now_ns, core_.self(), voters);
  LogDoubt(now_ns);
  if (core_.alone()) return;
  if (now_ns - asked_ns_ < (wall_.sure() ? kAskClocksNs : kAskClocksSoonNs)) return;
  asked_ns_ = now_ns;
  for (const NodeId voter : voters) Ask(voter, now_ns);
}

void NodeClock::Ask(NodeId voter, int64_t now_ns) {
  if (voter != core_.self()) core_.transport.Send(voter, Urgency::kUrgent, WireClockAsk(now_ns));
}

bool NodeClock::OnMessage(NodeId from, WireKind kind, std::string_view body) {
  int64_t asked_ns;
  if (kind == WireKind::kClockAsk) {
    if (!ReadClockAsk(body, &asked_ns)) return false;
    core_.transport.Send(from, Urgency::kUrgent, WireClockAnswer(asked_ns, core_.clock.WallMs()));
    return true;
  }
  int64_t wall_ms;
  if (!ReadClockAnswer(body, &asked_ns, &wall_ms)) return false;
  wall_.Hear(from, wall_ms, asked_ns, core_.NowNs());
  Look(core_.NowNs());
  return true;
}

// One line when this machine's clock is no longer believed, one when it is again.
void NodeClock::LogDoubt(int64_t now_ns) {
  const int64_t ahead_ms = wall_.sure() ? wall_.ahead_ms() : 0;
  if (ahead_ms != 0) {
    doubted_ns_ = now_ns;
    if (std::exchange(doubted_, true)) return;
    REACH("wall clock not believed");
    const char* side = ahead_ms > 0 ? "ahead of" : "behind";
    if (core_.alone()) {
      Log(LogLevel::kWarning,
          "this machine's wall clock has leapt: it is {} ms {} what it was to show. It is believed "
          "when it has stood there for {} s; until then the wall goes on from where it was",
          std::abs(ahead_ms), side, WallClock::kStandNs / 1'000'000'000);
    } else {
      Log(LogLevel::kWarning,
          "this machine's wall clock is {} ms {} the median of the members': it is not believed",
          std::abs(ahead_ms), side);
    }
  } else if (doubted_ && now_ns - doubted_ns_ > kDoubtOverNs) {
    doubted_ = false;
    Log(LogLevel::kNotice, "this machine's wall clock is believed again");
  }
}

// From here on the elapsed clock counts what the leader logged, even if this node, leading before,
// had counted further: else its next leadership would leap, and end what has just been given its
// time. An entry that leaves the elapsed clock where it was counts like any other: its leader knew
// nothing of time that passed since. Alone it is the only one who counts: what it logged after its
// last mark is applied again before it leads, and does not take back the time that passed
// meanwhile.
void NodeClock::OnApplied(Slot slot, int64_t wall_before) {
  if (leader_view_.leading() || core_.alone()) return;
  if (slot > counted_slot_) GoOnFromState();
  if (!wall_.sure() && core_.state.wall_ms() != wall_before)
    wall_.GoOnFrom(core_.state.wall_ms(), core_.NowNs());
}

void NodeClock::NoteMark() {
  if (core_.restoring) return;
  const int64_t now = core_.NowNs();
  if (core_.state.applied_slot() == marked_slot_ && now - marked_ns_ < kMarkIdleNs &&
      !roster_.AcknowledgedMore())
    return;
  marked_slot_ = core_.state.applied_slot();
  marked_ns_ = now;
  core_.log.AppendMark({.boot = core_.clock.MachineBootId(),
                        .elapsed_ms = ElapsedMs(now),
                        .wall_ms = wall_.NowMs(core_.clock.WallMs(), now),
                        .monotonic_ns = now,
                        .slot = marked_slot_,
                        .members = roster_.TakeAcknowledged()});
}

}  // namespace clustron::cluster
