// A node's two clocks (cluster_clock.h, wall_clock.h): it asks the other voters what their walls
// show, says in the log's local marks where both clocks stand, and says when its machine's clock is
// not believed.
//
// THREAD: core loop.
#pragma once

#include <cstdint>

#include "cluster/node/cluster_clock.h"
#include "cluster/node/leader_view.h"
#include "cluster/node/node_core.h"
#include "cluster/node/roster.h"
#include "cluster/node/wall_clock.h"

namespace clustron::cluster {

class NodeClock final : public MessageHandler {
 public:
  NodeClock(NodeCore& core, const LeaderView& leader_view, Roster& roster);

  // At start: the elapsed clock stood at `elapsed_ms` at `at_ns` of this machine's clock, when
  // `slot` was the last entry applied.
  void ContinueElapsed(int64_t elapsed_ms, int64_t at_ns, Slot slot);
  // At start, alone: by this node's own note the wall clock would stand there now, at least.
  void ContinueWall(int64_t wall_ms) { wall_.GoOnFrom(wall_ms, core_.NowNs()); }

  // The clocks that an entry proposed now would have.
  int64_t ElapsedMs(int64_t now_ns) const { return elapsed_.ElapsedMs(now_ns); }
  int64_t LiveElapsedMs() const { return ElapsedMs(core_.NowNs()); }
  int64_t LiveWallMs() const;
  // What TIME tells.
  int64_t ShownWallMs() const { return wall_.known() ? LiveWallMs() : core_.clock.WallMs(); }
  const WallClock& wall() const { return wall_; }

  // Judges the wall anew, and asks the others for theirs when it is time to.
  void Look(int64_t now_ns);
  void Ask(NodeId voter, int64_t now_ns);
  // kClockAsk, kClockAnswer
  bool OnMessage(NodeId from, WireKind kind, std::string_view body) override;

  // An entry that says the clocks (a batch that is not void) is applied; before it the applied wall
  // stood there.
  void OnApplied(Slot slot, int64_t wall_before);
  // This node begins to lead: what is applied was counted by others.
  void OnLeading() { elapsed_.Observe(core_.state.elapsed_ms(), core_.NowNs()); }
  // The state is a snapshot's: the elapsed clock goes on from there.
  void GoOnFromState() { elapsed_.Continue(core_.state.elapsed_ms(), core_.NowNs()); }

  // Carries both clocks over a restart of the process: a local mark, if there is something new.
  void NoteMark();

 private:
  void LogDoubt(int64_t now_ns);

  NodeCore& core_;
  const LeaderView& leader_view_;
  Roster& roster_;
  ClusterClock elapsed_;
  WallClock wall_;
  int64_t asked_ns_ = 0;
  bool doubted_ = false;  // and said so
  int64_t doubted_ns_ = 0;
  Slot counted_slot_ = 0;  // entries up to it were counted before the restart
  Slot marked_slot_ = 0;
  int64_t marked_ns_ = 0;
};

}  // namespace clustron::cluster
