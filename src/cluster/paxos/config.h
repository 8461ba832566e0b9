// What a replica is told once: who takes part, the timings and bounds, and what its disk held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cluster/paxos/types.h"

namespace clustron::paxos {

// Who takes part. Learners receive what is chosen but do not vote.
struct Members {
  std::vector<NodeId> voters;    // rising, 1 to 64
  std::vector<NodeId> learners;  // rising, none of them a voter

  friend bool operator==(const Members&, const Members&) = default;
};

// Of open slots, whatever Config says.
inline constexpr uint32_t kWindowSlotsMax = 64;

struct Config {
  NodeId self = kNoNode;
  Members members;
  uint64_t life = 0;  // random, another one in each life of the process
  // 0: a majority. Else phase 1 needs quorum1 and phase 2 quorum2 votes; checked: quorum1 + quorum2
  // > voters.
  uint32_t quorum1 = 0;
  uint32_t quorum2 = 0;

  int64_t heartbeat_ns = 50'000'000;  // leader to all
  int64_t round_ns = 150'000'000;     // election poll of everybody; ± 20 % each time
  uint32_t bad_rounds_max = 3;        // without a good leader, then take over
  // What a follower promises, from receipt. Nodes may differ (a leader counts with the smaller),
  // and so may two lives of a node (Recovered::longest_lease_ns).
  int64_t lease_ns = 450'000'000;
  double lease_drift = 0.01;  // how much faster another node's clock may run
  int64_t lease_margin_ns = 20'000'000;
  int64_t retry_ns = 100'000'000;  // prepare, accept, catch-up are sent again after this
  // A leader that could not get its oldest open slot chosen for this long steps down, although its
  // heartbeats are answered (wedged disk or apply, links that lose only bulk data).
  int64_t stall_ns = 10'000'000'000;

  size_t open_bytes_max = 64 << 20;  // of open slots; one more may always pass it
  // Of accepts that a peer was sent and has not acknowledged; or one. What it then misses it pulls
  // (CatchUpRequest).
  size_t flight_bytes_max = 16 << 20;
  uint32_t window_slots = 32;           // open slots of a leader, at most kWindowSlotsMax
  uint32_t ahead_slots_max = 256;       // how far beyond its chosen prefix a node accepts
  size_t window_bytes_max = 64 << 20;   // applied entries kept in memory for slow peers
  size_t catch_up_bytes_max = 1 << 20;  // per catch-up reply
  // Of records that the own disk does not have yet; one more may always pass it. From there on a
  // leader proposes nothing, and others take neither accepts nor catch-up, until the disk has some.
  size_t undurable_bytes_max = 64 << 20;
};

// What the node's disk said. Default: a new, empty member.
struct Recovered {
  Ballot promised;
  // Everything up to here has been applied by the driver already (from its snapshot and from chosen
  // entries of its log). At least compacted_up_to.
  Slot applied_up_to = 0;
  // Slots up to here are no longer in the driver's log, only in its snapshot.
  Slot compacted_up_to = 0;
  Slot chosen_hint = 0;
  std::vector<Accepted> accepted;  // by rising slot, all above applied_up_to
  // Slots whose record is damaged. They are answered as "unknown", never as "nothing accepted", and
  // not voted on until repaired. Above applied_up_to, by rising slot; an entry of `accepted` for
  // the same slot (an older record) is ignored.
  std::vector<Slot> unknown;
  // False only for the first start on an empty disk. A restarted member may have granted a lease
  // that it no longer knows of: it is silent in phase 1 for the longest that it may have granted,
  // and for Config::lease_ns at least.
  bool restarted = false;
  int64_t longest_lease_ns = 0;
};

}  // namespace clustron::paxos
