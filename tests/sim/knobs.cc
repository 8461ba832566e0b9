#include "tests/sim/knobs.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace clustron::sim {

bool flow_seeds = false;

namespace {

// Between low and high, small values as likely as big ones.
int64_t LogBetween(Rng& rng, int64_t low, int64_t high) {
  const double ratio = static_cast<double>(high) / static_cast<double>(low);
  return static_cast<int64_t>(static_cast<double>(low) * std::pow(ratio, rng.Unit()));
}

// A fault's mean interval, if this seed has it.
int64_t Rate(Rng& rng, double percent, int64_t low_ns, int64_t high_ns) {
  const bool has = rng.Percent(percent);
  const int64_t interval_ns = LogBetween(rng, low_ns, high_ns);
  return has ? interval_ns : 0;
}

void DrawNetwork(Rng& rng, NetworkOptions* network) {
  network->datagram = rng.Percent(25);
  network->delay_ns = LogBetween(rng, 50 * kMicrosecond, 5 * kMillisecond);
  network->jitter_ns = LogBetween(rng, 50 * kMicrosecond, 5 * kMillisecond);
  if (rng.Percent(40)) {
    network->tail_percent = static_cast<double>(rng.Between(1, 50)) / 10.0;
    network->tail_ns = LogBetween(rng, 10 * kMillisecond, 500 * kMillisecond);
  }
  if (rng.Percent(40)) network->loss_percent = rng.Unit() * (rng.Percent(20) ? 20 : 3);
  if (rng.Percent(50)) network->duplicate_percent = rng.Unit() * 10;
  network->break_after_ns = LogBetween(rng, 200 * kMillisecond, 5 * kSecond);
  network->reconnect_ns = LogBetween(rng, 5 * kMillisecond, 500 * kMillisecond);
}

void DrawFaults(Rng& rng, FaultRates* faults) {
  faults->partition_ns = Rate(rng, 60, 2 * kSecond, 20 * kSecond);
  faults->partition_hold_ns = LogBetween(rng, 300 * kMillisecond, 8 * kSecond);
  faults->break_ns = Rate(rng, 30, 500 * kMillisecond, 10 * kSecond);
  faults->clog_ns = Rate(rng, 25, kSecond, 10 * kSecond);
  faults->kill_ns = Rate(rng, 45, 3 * kSecond, 20 * kSecond);
  faults->power_ns = Rate(rng, 45, 3 * kSecond, 20 * kSecond);
  faults->all_down_ns = Rate(rng, 15, 10 * kSecond, 30 * kSecond);
  faults->stop_point_ns = Rate(rng, 30, 2 * kSecond, 15 * kSecond);
  faults->down_ns = LogBetween(rng, 20 * kMillisecond, 5 * kSecond);
  faults->pause_ns = Rate(rng, 30, 2 * kSecond, 15 * kSecond);
  faults->pause_hold_ns = LogBetween(rng, 50 * kMillisecond, 4 * kSecond);
  faults->wall_jump_ns = Rate(rng, 30, 2 * kSecond, 20 * kSecond);
  faults->disk_full_ns = Rate(rng, 15, 8 * kSecond, 30 * kSecond);
  faults->disk_full_hold_ns = LogBetween(rng, kSecond, 8 * kSecond);
  faults->slow_disk_ns = Rate(rng, 25, 3 * kSecond, 20 * kSecond);
  faults->rot_ns = Rate(rng, 25, 3 * kSecond, 20 * kSecond);
  faults->sync_error_ns = Rate(rng, 15, 5 * kSecond, 25 * kSecond);
  faults->hand_over_ns = Rate(rng, 20, 2 * kSecond, 15 * kSecond);
  faults->lease_race_ns = Rate(rng, 15, 5 * kSecond, 15 * kSecond);
  faults->rot_race_ns = Rate(rng, 15, 5 * kSecond, 15 * kSecond);
  faults->vote_race_ns = Rate(rng, 15, 5 * kSecond, 15 * kSecond);
  faults->late_ack_race_ns = Rate(rng, 30, 3 * kSecond, 10 * kSecond);
}

void DrawWork(Rng& rng, WorkloadMix* work) {
  bool* const kinds[] = {&work->strings,   &work->mortal, &work->counters,
                         &work->groups,    &work->bank,   &work->hashes,
                         &work->pipelines, &work->locks,  &work->leases};
  for (bool* kind : kinds) *kind = rng.Percent(45);
  *kinds[rng.Below(std::size(kinds))] = true;
  work->burst_percent = rng.Percent(30) ? 60 : 15;
}

void DrawProduct(Rng& rng, Knobs* knobs) {
  paxos::Config& paxos = knobs->paxos;
  // Timings as they come, or scaled together: the rules between them must hold.
  if (rng.Percent(40)) {
    const double scale = static_cast<double>(LogBetween(rng, 60, 250)) / 100.0;
    const auto scaled = [scale](int64_t ns) {
      return static_cast<int64_t>(static_cast<double>(ns) * scale);
    };
    paxos.heartbeat_ns = scaled(paxos.heartbeat_ns);
    paxos.round_ns = scaled(paxos.round_ns);
    paxos.lease_ns = scaled(paxos.lease_ns);
    paxos.retry_ns = scaled(paxos.retry_ns);
  }
  // A lease that is nearly never valid: reads go by quorum rounds.
  if (rng.Percent(20)) paxos.lease_ns = paxos.lease_margin_ns + paxos.heartbeat_ns / 10;
  if (rng.Percent(30)) paxos.window_slots = static_cast<uint32_t>(rng.Between(1, 8));
  if (rng.Percent(20)) paxos.window_bytes_max = 1 << 12;  // catch-up comes from disk
  if (rng.Percent(20)) paxos.catch_up_bytes_max = 1 << 10;
  if (rng.Percent(30)) knobs->resend_ns = LogBetween(rng, 50 * kMillisecond, kSecond);
  knobs->segment_bytes = static_cast<uint64_t>(LogBetween(rng, 8 << 10, 256 << 10));
  knobs->spare_bytes = static_cast<uint64_t>(LogBetween(rng, 16 << 10, 128 << 10));
  knobs->low_water_bytes = knobs->spare_bytes * 2;
  knobs->snapshot_log_bytes_min =
      static_cast<uint64_t>(LogBetween(rng, 2 << 10, rng.Percent(20) ? 4 << 20 : 32 << 10));
  knobs->restore_keys_per_turn = static_cast<uint64_t>(LogBetween(rng, 1, 1000));
  if (knobs->restore_keys_per_turn % 3 == 0)
    knobs->apply_entries_per_turn = 1 + knobs->restore_keys_per_turn % 8;
  // A slow disk is soon too far behind.
  if (knobs->restore_keys_per_turn % 5 == 1) paxos.undurable_bytes_max = 4 << 10;
}

// Beyond what is allowed for clocks' drift alone, nearly all that drift and margin allow together.
double DriftThatAMarginBears(const paxos::Config& paxos) {
  const double lease = static_cast<double>(paxos.lease_ns);
  const double spare = lease * paxos.lease_drift + static_cast<double>(paxos.lease_margin_ns);
  return std::min(0.03, 0.9 * spare / (2 * lease));
}

// One link is cut, nothing else.
void DrawOneCut(Knobs* knobs) {
  const int nodes = knobs->nodes;
  const WorkloadMix work = knobs->work;
  *knobs = Knobs();
  knobs->nodes = nodes;
  knobs->one_cut = true;
  knobs->work = work;
  knobs->work.strings = true;
}

// Links that carry only so much, and windows that are small beside what is asked.
void DrawFlow(Rng& rng, Knobs* knobs) {
  NetworkOptions& network = knobs->network;
  network.bytes_per_s = LogBetween(rng, 1 << 20, 20 << 20);
  knobs->window_bytes = static_cast<uint64_t>(LogBetween(rng, 4 << 10, 256 << 10));
  knobs->paxos.flight_bytes_max = static_cast<size_t>(LogBetween(rng, 4 << 10, 256 << 10));
  // As the product has it: parts of a sixteenth; four windows, and what a snapshot has on its way.
  const size_t window = std::max<size_t>(knobs->window_bytes, knobs->paxos.flight_bytes_max);
  knobs->paxos.catch_up_bytes_max =
      std::min(knobs->paxos.catch_up_bytes_max, std::max<size_t>(window / 16, 1 << 10));
  network.queue_bytes_max = 4 * window + (2 << 20);
  // Who is behind by what may be under way does not need a snapshot for it.
  knobs->snapshot_log_bytes_min = std::max<uint64_t>(knobs->snapshot_log_bytes_min, 16 * window);
  knobs->work.bulk = true;
}

void MakeCalm(Knobs* knobs) {
  knobs->calm = true;
  knobs->faults = {};
  NetworkOptions& network = knobs->network;
  network.datagram = false;
  network.tail_percent = network.loss_percent = network.duplicate_percent = 0;
  knobs->disk.slow_percent = 0;
  // One link has a tenth of it, which must carry all that is written, without a backlog: a majority
  // does not wait for who lags, and a node that falls behind the log's beginning fails its clients'
  // commands. For the same reason a catch-up reply must be worth its way, the log long enough, and
  // no disk too slow for what is on its way.
  constexpr uint64_t kBiggestItem = 64 << 10;
  network.bytes_per_s = std::max<int64_t>(network.bytes_per_s, 400 << 20);
  knobs->paxos.catch_up_bytes_max = std::max<size_t>(knobs->paxos.catch_up_bytes_max, kBiggestItem);
  knobs->snapshot_log_bytes_min = std::max(knobs->snapshot_log_bytes_min, 16 * kBiggestItem);
  knobs->paxos.undurable_bytes_max = paxos::Config().undurable_bytes_max;
}

// One node below `always`: the inline path.
void DrawAlone(Rng& rng, Knobs* knobs) {
  knobs->nodes = 1;
  const bool memory = rng.Percent(30);
  knobs->durability = memory ? cluster::Durability::kMemory : cluster::Durability::kEverySec;
  FaultRates& faults = knobs->faults;
  faults.power_ns = Rate(rng, 80, 3 * kSecond, 15 * kSecond);
  if (!memory) faults.shutdown_ns = Rate(rng, 40, 4 * kSecond, 15 * kSecond);
  faults.disk_full_ns = Rate(rng, 50, 3 * kSecond, 15 * kSecond);
  // A reserve that is no help, and no warning: the write at the end of a turn has no room.
  if (rng.Percent(30)) {
    knobs->segment_bytes = 8 << 10;
    knobs->spare_bytes = 2 << 10;
    knobs->low_water_bytes = 4 << 10;
  }
  // Tokens are what a node that has lost the end of its log could give twice.
  knobs->work.locks = knobs->work.locks || rng.Percent(70);
  if (!memory) return;
  // Only what needs nothing from before a crash.
  WorkloadMix& work = knobs->work;
  work.counters = work.bank = work.pipelines = false;
  const bool any = work.strings || work.mortal || work.groups || work.hashes || work.locks;
  work.strings |= !any;
}

// One node's state is made to differ: only the comparison of digests can see it. Little else goes
// wrong, and nothing that would carry the wrong state to others or away.
void DrawDisturbed(Rng& rng, Knobs* knobs) {
  const FaultRates faults = std::exchange(knobs->faults, {});
  knobs->faults.partition_ns = faults.partition_ns;
  knobs->faults.partition_hold_ns = std::min(faults.partition_hold_ns, 2 * kSecond);
  knobs->faults.break_ns = faults.break_ns;
  knobs->faults.hand_over_ns = faults.hand_over_ns;
  knobs->faults.disturb_at_ns = rng.Between(5, 30) * kSecond;
  knobs->snapshot_log_bytes_min = 1 << 30;
  knobs->mixed_versions = false;  // states are compared from the second version on
  const WorkloadMix work = std::exchange(knobs->work, {});
  knobs->work.burst_percent = work.burst_percent;
  knobs->work.counters = true;
  knobs->work.hashes = work.hashes;
  knobs->work.strings = work.strings;
}

// A majority forgets what it has acknowledged, where its members must know that for sure. Scripts
// of other faults would come in between; and who waits for others can't tell what was lost.
void DrawLoss(int64_t loss_ns, Knobs* knobs) {
  FaultRates& faults = knobs->faults;
  if (knobs->nodes < 3 || faults.disturb_at_ns != 0 || faults.poison_at_ns != 0 || knobs->one_cut ||
      knobs->calm || knobs->mixed_versions)
    return;
  faults.loss_ns = loss_ns;
  faults.rot_ns = faults.rot_race_ns = faults.snapshot_rot_ns = 0;
  faults.disk_full_ns = faults.sync_error_ns = 0;
  faults.lease_race_ns = faults.vote_race_ns = faults.late_ack_race_ns = faults.gap_race_ns = 0;
  faults.stale_race_ns = faults.sleep_race_ns = faults.old_vote_race_ns = 0;
  faults.late_release_race_ns = faults.two_lives_race_ns = faults.behind_snapshot_race_ns = 0;
  WorkloadMix& work = knobs->work;
  work.waiting = work.waits = work.lock_queues = work.rules = work.txns = work.pauses = false;
  work.locks = true;  // a token that is lost must not be given again
}

// Nobody but who flushes it has data.
void FlushAll(WorkloadMix* work) {
  *work = {.index_flushes = true,
           .flush_all = true,
           .operations_per_second = work->operations_per_second,
           .burst_percent = work->burst_percent};
}

}  // namespace

Knobs DrawKnobs(Rng& rng, int nodes) {
  Knobs knobs;
  constexpr int kNodes[] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 7, 5, 5, 5, 1, 2, 4};
  knobs.nodes = kNodes[rng.Below(std::size(kNodes))];
  if (nodes != 0) knobs.nodes = nodes;
  DrawNetwork(rng, &knobs.network);
  knobs.disk.base_ns = LogBetween(rng, 50 * kMicrosecond, 2 * kMillisecond);
  knobs.disk.jitter_ns = LogBetween(rng, 50 * kMicrosecond, 5 * kMillisecond);
  if (rng.Percent(30)) {
    knobs.disk.slow_percent = rng.Unit() * 2;
    knobs.disk.slow_ns = LogBetween(rng, 20 * kMillisecond, 2 * kSecond);
  }
  if (rng.Percent(50)) knobs.wall_offset_ms_max = 3'600'000;
  knobs.client_delay_ns = LogBetween(rng, 50 * kMicrosecond, 5 * kMillisecond);
  DrawFaults(rng, &knobs.faults);
  DrawWork(rng, &knobs.work);
  DrawProduct(rng, &knobs);
  knobs.faults.gap_race_ns = Rate(rng, 20, 3 * kSecond, 10 * kSecond);
  knobs.faults.stale_race_ns = Rate(rng, 20, 3 * kSecond, 10 * kSecond);
  knobs.faults.sleep_race_ns = Rate(rng, 40, 4 * kSecond, 12 * kSecond);
  if (knobs.nodes >= 5) {
    knobs.faults.two_lives_race_ns = Rate(rng, 60, 6 * kSecond, 12 * kSecond);
    knobs.faults.behind_snapshot_race_ns = Rate(rng, 50, 8 * kSecond, 14 * kSecond);
    knobs.faults.old_vote_race_ns = Rate(rng, 80, 8 * kSecond, 14 * kSecond);
    // Catching up is to need a snapshot.
    if (knobs.faults.old_vote_race_ns != 0 || knobs.faults.behind_snapshot_race_ns != 0) {
      knobs.segment_bytes = std::min<uint64_t>(knobs.segment_bytes, 16 << 10);
      knobs.paxos.window_bytes_max = 1 << 12;
    }
    if (knobs.faults.behind_snapshot_race_ns != 0)
      knobs.restore_keys_per_turn = std::min<uint64_t>(knobs.restore_keys_per_turn, 10);
  }
  knobs.faults.wall_glitch_ns = Rate(rng, 40, kSecond, 8 * kSecond);
  knobs.expire_per_entry = rng.Percent(40) ? rng.Below(3) + 1 : 1000;
  knobs.work.ends = rng.Percent(knobs.faults.wall_glitch_ns != 0 ? 80 : 20);
  knobs.clocks_right = rng.Percent(50) && knobs.nodes > 1;
  if (knobs.clocks_right) knobs.wall_offset_ms_max = 200;
  const bool alone = rng.Percent(12);
  if (nodes == 0 ? alone : nodes == 1) DrawAlone(rng, &knobs);
  // What a member forgets must be known to all others for sure.
  FaultRates& faults = knobs.faults;
  const int64_t set_back_ns = Rate(rng, 40, 3 * kSecond, 10 * kSecond);
  if (knobs.nodes > 1 && faults.rot_ns == 0 && faults.rot_race_ns == 0 &&
      faults.disk_full_ns == 0 && faults.sync_error_ns == 0)
    faults.set_back_ns = set_back_ns;
  if (knobs.nodes > 2 && faults.set_back_ns == 0)
    faults.snapshot_rot_ns = Rate(rng, 30, 6 * kSecond, 20 * kSecond);
  if (knobs.nodes > 1) knobs.faults.shutdown_ns = Rate(rng, 20, 4 * kSecond, 15 * kSecond);
  knobs.faults.late_release_race_ns = Rate(rng, 25, 3 * kSecond, 10 * kSecond);
  knobs.lease_changes = rng.Percent(25);
  knobs.quorum_reads = rng.Percent(15);
  knobs.work.waits = knobs.nodes > 1 && rng.Percent(40);
  if (rng.Percent(50)) knobs.drift_max = DriftThatAMarginBears(knobs.paxos);
  knobs.mixed_versions = knobs.nodes > 1 && rng.Percent(12);
  const bool disturbed = rng.Percent(4);
  const bool poisoned = rng.Percent(4);
  if (knobs.nodes >= 3 && disturbed) {
    DrawDisturbed(rng, &knobs);
  } else if (knobs.nodes > 1 && poisoned) {
    knobs.faults.poison_at_ns = rng.Between(5, 20) * kSecond;
    knobs.faults.rot_ns = knobs.faults.rot_race_ns = knobs.faults.snapshot_rot_ns = 0;
  }
  knobs.work.budgets = rng.Percent(25);
  if (flow_seeds) {
    DrawFlow(rng, &knobs);
    if (rng.Percent(20)) MakeCalm(&knobs);
  }
  if (rng.Percent(4) && knobs.nodes > 2) DrawOneCut(&knobs);
  knobs.work.rules = rng.Percent(40);
  // A machine that comes back alone goes on by its wall clock, whatever that says.
  if (knobs.nodes == 1) {
    knobs.faults.wall_jump_ns = 0;
    knobs.clocks_right = false;
  }
  // Where clients have to be answered soon nobody keeps them waiting.
  knobs.work.pauses =
      knobs.work.ends && !knobs.one_cut && faults.set_back_ns == 0 && rng.Percent(40);
  const bool lists = rng.Percent(40);
  knobs.work.lists = lists && faults.disturb_at_ns == 0 && !knobs.one_cut;
  const bool waiting = rng.Percent(40);
  knobs.work.waiting = waiting && faults.disturb_at_ns == 0 && !knobs.one_cut &&
                       knobs.durability == cluster::Durability::kAlways;
  // Long enough for the others to find out.
  const bool long_down = rng.Percent(50);
  if (knobs.work.waiting && knobs.nodes > 2 && long_down)
    faults.down_ns = std::max(faults.down_ns, 4 * kSecond);
  const bool lock_queues = rng.Percent(40);
  knobs.work.lock_queues = lock_queues && faults.disturb_at_ns == 0 && !knobs.one_cut;
  const bool txns = rng.Percent(40);
  knobs.work.txns = txns && faults.disturb_at_ns == 0 && !knobs.one_cut;
  const bool watches = rng.Percent(40);
  knobs.work.watches = watches && faults.disturb_at_ns == 0 && !knobs.one_cut;
  const bool indexes = rng.Percent(40);
  knobs.work.indexes = indexes && faults.disturb_at_ns == 0 && !knobs.one_cut;
  // What one node asks another often comes twice.
  if (rng.Percent(25) && knobs.work.txns && !flow_seeds) {
    knobs.network.datagram = true;
    knobs.network.duplicate_percent = 10 + rng.Unit() * 20;
  }
  const int64_t loss_ns = Rate(rng, 12, 4 * kSecond, 15 * kSecond);
  if (loss_ns != 0) DrawLoss(loss_ns, &knobs);
  const bool index_flushes = rng.Percent(30);
  knobs.work.index_flushes = index_flushes && faults.disturb_at_ns == 0 && !knobs.one_cut;
  const bool flush_all = rng.Percent(20);
  if (knobs.work.index_flushes && flush_all && knobs.faults.loss_ns == 0) FlushAll(&knobs.work);
  return knobs;
}

std::string WorkloadMix::ToString() const {
  std::string text;
  const auto add = [&text](bool on, const char* name) {
    if (on) text += std::string(" ") + name;
  };
  add(strings, "strings");
  add(mortal, "mortal");
  add(counters, "counters");
  add(groups, "groups");
  add(bank, "bank");
  add(hashes, "hashes");
  add(lists, "lists");
  add(waiting, "waiting");
  add(lock_queues, "lock-queues");
  add(txns, "txns");
  add(watches, "watches");
  add(indexes, "indexes");
  add(index_flushes, "index-flushes");
  add(flush_all, "flush-all");
  add(pipelines, "pipelines");
  add(locks, "locks");
  add(leases, "leases");
  add(budgets, "budgets");
  add(ends, "ends");
  add(bulk, "bulk");
  add(waits, "waits");
  add(pauses, "pauses");
  add(rules, "rules");
  return text;
}

std::string Knobs::ToString() const {
  std::string text = std::to_string(nodes) + " nodes, ";
  if (one_cut) text += "one link cut, ";
  if (durability == cluster::Durability::kEverySec) text += "everysec, ";
  if (durability == cluster::Durability::kMemory) text += "memory, ";
  if (lease_changes) text += "lease changes, ";
  if (quorum_reads) text += "reads by quorum, ";
  text += network.datagram ? "datagrams" : "streams";
  text += " delay " + std::to_string(network.delay_ns / kMicrosecond) + "us";
  text += " loss " + std::to_string(network.loss_percent).substr(0, 4) + "%";
  if (network.bytes_per_s != 0)
    text += " " + std::to_string(network.bytes_per_s >> 10) + " KB/s, window " +
            std::to_string(window_bytes >> 10) + " KB, flight " +
            std::to_string(paxos.flight_bytes_max >> 10) + " KB";
  if (calm) text += ", calm";
  const auto add = [&text](int64_t interval_ns, const char* name) {
    if (interval_ns != 0) {
      text += std::string(", ") + name + "/" + std::to_string(interval_ns / kMillisecond) + "ms";
    }
  };
  add(faults.partition_ns, "partition");
  add(faults.break_ns, "break");
  add(faults.clog_ns, "clog");
  add(faults.kill_ns, "kill");
  add(faults.power_ns, "power");
  add(faults.all_down_ns, "all-down");
  add(faults.stop_point_ns, "stop-point");
  add(faults.pause_ns, "pause");
  add(faults.wall_jump_ns, "wall-jump");
  add(faults.wall_glitch_ns, "wall-glitch");
  add(faults.disk_full_ns, "disk-full");
  add(faults.slow_disk_ns, "slow-disk");
  add(faults.rot_ns, "rot");
  add(faults.snapshot_rot_ns, "snapshot-rot");
  add(faults.sync_error_ns, "sync-error");
  add(faults.hand_over_ns, "hand-over");
  add(faults.lease_race_ns, "lease-race");
  add(faults.rot_race_ns, "rot-race");
  add(faults.vote_race_ns, "vote-race");
  add(faults.late_ack_race_ns, "late-ack-race");
  add(faults.gap_race_ns, "gap-race");
  add(faults.stale_race_ns, "stale-race");
  add(faults.sleep_race_ns, "sleep-race");
  add(faults.old_vote_race_ns, "old-vote-race");
  add(faults.set_back_ns, "set-back");
  add(faults.late_release_race_ns, "late-release-race");
  add(faults.two_lives_race_ns, "two-lives-race");
  add(faults.behind_snapshot_race_ns, "behind-snapshot-race");
  add(faults.loss_ns, "loss");
  add(faults.shutdown_ns, "shutdown");
  add(faults.disturb_at_ns, "disturbed-at");
  add(faults.poison_at_ns, "poison-at");
  if (mixed_versions) text += ", mixed versions";
  return text + "; work:" + work.ToString();
}

}  // namespace clustron::sim
