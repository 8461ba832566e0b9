// Node: its clocks (cluster_clock.h, wall_clock.h), and entries that are wanted for their clocks.
#include <algorithm>

#include "base/log.h"
#include "base/planted_bugs.h"
#include "base/reach.h"
#include "cluster/node/node.h"

namespace clustron::cluster {

namespace {

constexpr int64_t kAskClocksNs = 1'000'000'000;
constexpr int64_t kAskClocksSoonNs = 100'000'000;  // while too few are heard
constexpr int64_t kMarkIdleNs = 3'600'000'000'000;
// A doubt is over when there has been none for so long.
constexpr int64_t kDoubtOverNs = 10'000'000'000;

}  // namespace

// --- The wall clock ------------------------------------------------------------------------------

int64_t Node::LiveWallMs() const {
  if (Planted(Bug::kOwnWallBelieved)) return clock_.WallMs();
  // Who has heard nobody yet has nothing to say that would be for ever.
  if (!wall_clock_.known()) return state_.wall_ms();
  const int64_t wall = wall_clock_.NowMs(clock_.WallMs(), NowNs());
  if (state_.feature_version() >= kWallMayFall) return wall;
  return std::max(state_.wall_ms(), wall);
}

void Node::LookAtClocks(int64_t now_ns) {
  const std::vector<NodeId>& voters = replica_.members().voters;
  wall_clock_.Look(clock_.WallMs(), now_ns, self(), voters);
  LogDoubt(now_ns);
  if (alone()) return;
  if (now_ns - clocks_asked_ns_ < (wall_clock_.sure() ? kAskClocksNs : kAskClocksSoonNs)) return;
  clocks_asked_ns_ = now_ns;
  for (const NodeId voter : voters) AskClock(voter, now_ns);
}

void Node::AskClock(NodeId voter, int64_t now_ns) {
  if (voter != self()) transport_.Send(voter, Urgency::kUrgent, WireClockAsk(now_ns));
}

// One line when this machine's clock is no longer believed, one when it is again.
void Node::LogDoubt(int64_t now_ns) {
  const int64_t ahead_ms = wall_clock_.sure() ? wall_clock_.ahead_ms() : 0;
  if (ahead_ms != 0) {
    wall_doubted_ns_ = now_ns;
    if (std::exchange(wall_doubted_, true)) return;
    REACH("wall clock not believed");
    const char* side = ahead_ms > 0 ? "ahead of" : "behind";
    if (alone()) {
      Log(LogLevel::kWarning,
          "this machine's wall clock has leapt: it is {} ms {} what it was to show. It is believed "
          "when it has stood there for {} s; until then the wall goes on from where it was",
          std::abs(ahead_ms), side, WallClock::kStandNs / 1'000'000'000);
    } else {
      Log(LogLevel::kWarning,
          "this machine's wall clock is {} ms {} the median of the members': it is not believed",
          std::abs(ahead_ms), side);
    }
  } else if (wall_doubted_ && now_ns - wall_doubted_ns_ > kDoubtOverNs) {
    wall_doubted_ = false;
    Log(LogLevel::kNotice, "this machine's wall clock is believed again");
  }
}

// Carries both clocks over a restart of the process; see LogStore's local marks.
void Node::NoteClock() {
  if (restore_ != nullptr) return;
  const int64_t now = NowNs();
  if (state_.applied_slot() == marked_slot_ && now - marked_ns_ < kMarkIdleNs &&
      !roster_.AcknowledgedMore())
    return;
  marked_slot_ = state_.applied_slot();
  marked_ns_ = now;
  log_.AppendMark({.boot = clock_.MachineBootId(),
                   .elapsed_ms = cluster_clock_.ElapsedMs(now),
                   .wall_ms = wall_clock_.NowMs(clock_.WallMs(), now),
                   .monotonic_ns = now,
                   .slot = marked_slot_,
                   .members = roster_.TakeAcknowledged()});
}

// --- Ticks ---------------------------------------------------------------------------------------

void Node::AskTicks() {
  const int64_t now = NowNs();
  uint64_t id = ticks_.TakeUnasked(now);
  if (id == 0 && ticks_.Unanswered() &&
      (ticks_again_ || now - ticks_.asked_ns() > config_.resend_ns))
    id = ticks_.AskAgain(now);
  ticks_again_ = false;
  if (id == 0 || known_leader_ == paxos::kNoNode) return;
  if (known_leader_ == self()) {
    ServeTickAsk(self(), id);
  } else {
    transport_.Send(known_leader_, Urgency::kUrgent, WireTickAsk(id));
  }
}

// The leader's side. What it can't serve is dropped: the asker asks again.
void Node::ServeTickAsk(NodeId from, uint64_t id) {
  if (!leading_ || waiting_ticks_.size() >= kWaitingMax) return;
  const bool has_them = proposed_slot_ != paxos::kNoSlot &&
                        proposed_elapsed_ms_ >= cluster_clock_.ElapsedMs(NowNs()) &&
                        proposed_wall_ms_ >= LiveWallMs();
  waiting_ticks_.push_back({from, id, has_them ? proposed_slot_ : paxos::kNoSlot});
  tick_wanted_ = tick_wanted_ || !has_them;
}

void Node::TickProposed(Slot slot) {
  tick_wanted_ = false;
  proposed_slot_ = slot;
  for (WaitingTick& tick : waiting_ticks_)
    if (tick.slot == paxos::kNoSlot) tick.slot = slot;
}

// Told when it is applied here: then the slot is chosen, and will be applied where it is waited
// for.
void Node::GrantTicks() {
  if (waiting_ticks_.empty()) return;
  std::erase_if(waiting_ticks_, [this](const WaitingTick& tick) {
    if (tick.slot == paxos::kNoSlot || tick.slot > state_.applied_slot()) return false;
    if (tick.from == self()) {
      ticks_.Granted(tick.id, {.index = tick.slot});
    } else {
      transport_.Send(tick.from, Urgency::kUrgent, WireTickGrant(tick.id, tick.slot));
    }
    return true;
  });
}

}  // namespace clustron::cluster
