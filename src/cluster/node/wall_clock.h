// The cluster's wall clock as one node can tell it. No single machine's clock is believed: one that
// is wrong for a second would end keys that have years to live.
//
// With peers: the node's own clock, held within 500 ms of the median of the voters' clocks heard in
// the last 10 s, its own included (of an even number the lower middle). While it hears no majority,
// the wall goes on from where it stood by the node's monotonic clock. So one wrong clock carries
// nobody away, and does not stay; and nothing that has an absolute end ends early by more than
// 500 ms while most of the clocks heard are right.
//
// Alone: the machine's clock. Back at once. Forward by more than 10 s while running, or by more
// than 30 days since the last note before a start, only when it has stood there for 60 s.
//
// What is told may fall; what comes of that is judged where entries are applied (Executor::WallOf).
//
// Pure: clocks are handed in. Times: unix ms, and ns of this machine's monotonic clock, which
// counts through suspends. THREAD: one owner.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/paxos/types.h"

namespace clustron::cluster {

using paxos::NodeId;

class WallClock {
 public:
  static constexpr int64_t kApartMaxMs = 500;  // from the median
  static constexpr int64_t kHeardForNs = 10'000'000'000;
  // An answer that took longer says too little: it counts as of when it came, so that a delay can
  // only make a clock seem behind.
  static constexpr int64_t kRoundTripMaxNs = 500'000'000;
  static constexpr int64_t kStepMaxMs = 10'000;                 // alone, believed at once
  static constexpr int64_t kLeapMaxMs = 30LL * 86'400 * 1'000;  // … at a start
  static constexpr int64_t kStandNs = 60'000'000'000;
  // Walls beyond it (some 280,000 years) are no answers.
  static constexpr int64_t kWallMaxMs = int64_t{1} << 53;

  // What the log, or the node's own note before a start, says: the wall stood there. No effect
  // while a majority of clocks is heard.
  void GoOnFrom(int64_t wall_ms, int64_t now_ns);
  // A voter, asked at `asked_ns`, has answered that its clock shows `wall_ms`.
  void Hear(NodeId voter, int64_t wall_ms, int64_t asked_ns, int64_t now_ns);
  // Judges anew, with this machine's clock at `own_ms`. Call every 10 ms or so.
  void Look(int64_t own_ms, int64_t now_ns, NodeId self, const std::vector<NodeId>& voters);

  // The wall, as judged by the last Look.
  int64_t NowMs(int64_t own_ms, int64_t now_ns) const;
  // A majority of the voters' clocks was heard; alone: always.
  bool sure() const { return sure_; }
  // Somebody has said where the wall stands: the clocks, the log or the note.
  bool known() const { return sure_ || anchored_; }
  // By how much this machine's clock was ahead of what is believed at the last Look (below 0:
  // behind). 0: it is believed.
  int64_t ahead_ms() const { return ahead_ms_; }

 private:
  struct Heard {
    NodeId voter;
    int64_t wall_ms;
    int64_t at_ns;
  };
  void LookAlone(int64_t own_ms, int64_t now_ns);
  void LookAround(int64_t own_ms, int64_t now_ns, NodeId self, const std::vector<NodeId>& voters);
  void Anchor(int64_t wall_ms, int64_t now_ns);
  // Where the wall stands if it has gone on from the anchor.
  int64_t Expected(int64_t now_ns) const;

  std::vector<Heard> heard_;  // the last of each voter
  bool sure_ = false;
  bool alone_ = false;
  int64_t median_ms_ = 0;  // with peers and sure: at anchor_ns_
  bool anchored_ = false;  // the wall stood at anchor_ms_ at anchor_ns_
  int64_t anchor_ms_ = 0;
  int64_t anchor_ns_ = 0;
  int64_t ahead_ms_ = 0;

  // Alone.
  bool believed_ = false;  // once since the start
  bool doubted_ = false;   // a leap by doubted_ms_ has stood since doubted_ns_
  int64_t doubted_ms_ = 0;
  int64_t doubted_ns_ = 0;
};

}  // namespace clustron::cluster
