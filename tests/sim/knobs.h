// What one seed is like: how many nodes, how good the network, disks and clocks are, which faults
// happen how often, how the product is tuned, what the clients do. Each seed draws its own mix
// (swarm testing: Groce et al., 2012): a run without partitions finds what partitions would hide.
#pragma once

#include <cstdint>
#include <string>

#include "base/rng.h"
#include "cluster/log/log_store.h"
#include "cluster/paxos/config.h"
#include "tests/sim/sim_network.h"
#include "tests/sim/sim_task_runner.h"

namespace clustron::sim {

// Mean time between two of a kind; 0: never.
struct FaultRates {
  int64_t partition_ns = 0;
  int64_t partition_hold_ns = 3 * kSecond;  // mean
  int64_t break_ns = 0;                     // a connection is cut
  int64_t clog_ns = 0;
  int64_t kill_ns = 0;        // a process dies
  int64_t power_ns = 0;       // a machine loses power
  int64_t all_down_ns = 0;    // all of them at once
  int64_t stop_point_ns = 0;  // dies at one of its next file operations
  int64_t down_ns = kSecond;  // mean time until it is started again
  int64_t pause_ns = 0;
  int64_t pause_hold_ns = kSecond;
  int64_t wall_jump_ns = 0;
  int64_t wall_glitch_ns = 0;  // wrong for a moment: by years, or everybody's
  int64_t disk_full_ns = 0;
  int64_t disk_full_hold_ns = 4 * kSecond;
  int64_t slow_disk_ns = 0;
  int64_t rot_ns = 0;           // bits on the disk of one chosen node change
  int64_t snapshot_rot_ns = 0;  // its newest snapshot, at a restart
  int64_t sync_error_ns = 0;    // an fsync fails, which ends the process
  int64_t hand_over_ns = 0;     // leadership is moved
  int64_t lease_race_ns = 0;    // scripted: see Nemesis
  int64_t rot_race_ns = 0;
  int64_t vote_race_ns = 0;
  int64_t late_ack_race_ns = 0;
  int64_t gap_race_ns = 0;
  int64_t stale_race_ns = 0;
  int64_t sleep_race_ns = 0;
  int64_t old_vote_race_ns = 0;
  int64_t set_back_ns = 0;
  int64_t late_release_race_ns = 0;
  int64_t two_lives_race_ns = 0;
  int64_t behind_snapshot_race_ns = 0;
  int64_t loss_ns = 0;      // a majority is set back, and its operator accepts that
  int64_t shutdown_ns = 0;  // a node alone is stopped in the orderly way
  // Once, at this time; 0: never.
  int64_t disturb_at_ns = 0;  // one node's state becomes another one than its log's
  int64_t poison_at_ns = 0;   // an entry that nobody can apply is chosen
};

struct WorkloadMix {
  bool strings = false;
  bool mortal = false;
  bool counters = false;
  bool groups = false;
  bool bank = false;
  bool hashes = false;
  bool pipelines = false;
  bool locks = false;
  bool leases = false;
  bool budgets = false;
  bool ends = false;
  bool bulk = false;  // much at once
  bool waits = false;
  bool pauses = false;
  bool rules = false;
  bool lists = false;
  bool waiting = false;  // for elements of lists
  bool lock_queues = false;
  bool txns = false;  // that stay open
  bool watches = false;
  bool indexes = false;
  bool index_flushes = false;
  bool flush_all = false;  // then nobody else has data
  int64_t operations_per_second = 50;
  double burst_percent = 20;
  std::string ToString() const;
};

struct Knobs {
  int nodes = 3;
  NetworkOptions network;
  DiskSpeed disk;
  double drift_max = 0.0045;  // of each node's monotonic clock, either way
  int64_t wall_offset_ms_max = 200;
  // Nothing goes wrong but that one link is cut: nobody may notice but who needs it.
  bool one_cut = false;
  // Only node 0's wall clock is ever wrong by more than that.
  bool clocks_right = false;
  int64_t client_delay_ns = 200 * kMicrosecond;
  FaultRates faults;
  WorkloadMix work;

  // The product.
  cluster::Durability durability = cluster::Durability::kAlways;
  paxos::Config paxos;
  int64_t hold_ns = 2 * kSecond;
  int64_t resend_ns = 300 * kMillisecond;
  uint64_t window_bytes = 16 << 20;
  uint64_t segment_bytes = 64 << 10;
  uint64_t spare_bytes = 64 << 10;
  uint64_t low_water_bytes = 64 << 10;
  uint64_t disk_bytes = 0;  // 0: no limit
  uint64_t snapshot_log_bytes_min = 256 << 10;
  uint64_t restore_keys_per_turn = 20'000;
  uint64_t apply_entries_per_turn = 1'000'000;
  // Nodes run programs that know different feature versions, and are upgraded at restarts.
  bool mixed_versions = false;
  uint64_t expire_per_entry = 1000;

  // Nothing is done to it: whoever leads goes on leading, and every command is answered.
  bool calm = false;

  bool lease_changes = false;  // starts after the first have a shorter lease, or this one again
  bool quorum_reads = false;

  std::string ToString() const;
};

// Links carry only so much, and windows are small (--flow). Set before a simulation starts.
extern bool flow_seeds;

// `nodes`: 0 lets the seed decide.
Knobs DrawKnobs(Rng& rng, int nodes);

}  // namespace clustron::sim
