#include "tests/sim/nemesis.h"

#include <cmath>
#include <vector>

namespace clustron::sim {

namespace {
constexpr int64_t kYearMs = 365LL * 86'400'000;
}

Nemesis::Nemesis(Cluster* cluster) : cluster_(*cluster), rng_(cluster->loop().rng()) {}

int64_t Nemesis::Exponential(int64_t mean_ns) {
  return static_cast<int64_t>(-std::log(1.0 - rng_.Unit()) * static_cast<double>(mean_ns));
}

void Nemesis::Every(int64_t mean_ns, Fault fault) {
  if (mean_ns == 0) return;
  cluster_.loop().After(Exponential(mean_ns), [this, mean_ns, fault] {
    if (stopped_) return;
    if (!quiet_ && cluster_.loop().now_ns() >= alone_until_ns_) (this->*fault)();
    Every(mean_ns, fault);
  });
}

void Nemesis::Start() {
  const FaultRates& faults = cluster_.knobs().faults;
  rot_victim_ = AnyNode();
  if (cluster_.knobs().one_cut)
    cluster_.loop().After(rng_.Between(2 * kSecond, 10 * kSecond), [this] { CutOneLink(); });
  if (cluster_.size() > 1) {
    Every(faults.partition_ns, &Nemesis::DoPartition);
    Every(faults.break_ns, &Nemesis::DoBreak);
    Every(faults.clog_ns, &Nemesis::DoClog);
    Every(faults.hand_over_ns, &Nemesis::DoHandOver);
    Every(faults.lease_race_ns, &Nemesis::DoLeaseRace);
    Every(faults.vote_race_ns, &Nemesis::DoVoteRace);
    Every(faults.late_ack_race_ns, &Nemesis::DoLateAckRace);
    Every(faults.gap_race_ns, &Nemesis::DoGapRace);
    Every(faults.stale_race_ns, &Nemesis::DoStaleRace);
    Every(faults.sleep_race_ns, &Nemesis::DoSleepRace);
    Every(faults.old_vote_race_ns, &Nemesis::DoOldVoteRace);
    Every(faults.set_back_ns, &Nemesis::DoSetBack);
    Every(faults.loss_ns, &Nemesis::DoLoss);
    Every(faults.late_release_race_ns, &Nemesis::DoLateReleaseRace);
    Every(faults.two_lives_race_ns, &Nemesis::DoTwoLivesRace);
    Every(faults.behind_snapshot_race_ns, &Nemesis::DoBehindSnapshotRace);
  }
  if (cluster_.size() > 2) {
    Every(faults.rot_ns, &Nemesis::DoRot);
    Every(faults.rot_race_ns, &Nemesis::DoRotRace);
    Every(faults.snapshot_rot_ns, &Nemesis::DoSnapshotRot);
  }
  if (faults.disturb_at_ns != 0)
    cluster_.loop().After(faults.disturb_at_ns, [this] { DoDisturb(); });
  if (faults.poison_at_ns != 0) cluster_.loop().After(faults.poison_at_ns, [this] { DoPoison(); });
  Every(faults.kill_ns, &Nemesis::DoKill);
  Every(faults.power_ns, &Nemesis::DoPower);
  Every(faults.all_down_ns, &Nemesis::DoAllDown);
  Every(faults.stop_point_ns, &Nemesis::DoStopPoint);
  Every(faults.pause_ns, &Nemesis::DoPause);
  Every(faults.wall_jump_ns, &Nemesis::DoWallJump);
  Every(faults.wall_glitch_ns, &Nemesis::DoWallGlitch);
  Every(faults.disk_full_ns, &Nemesis::DoDiskFull);
  Every(faults.slow_disk_ns, &Nemesis::DoSlowDisk);
  Every(faults.sync_error_ns, &Nemesis::DoSyncError);
  Every(faults.shutdown_ns, &Nemesis::DoShutdown);
}

int Nemesis::AnyNode() {
  return static_cast<int>(rng_.Below(static_cast<uint64_t>(cluster_.size())));
}

int Nemesis::RunningNode() {
  // The leader is where most can go wrong.
  if (rng_.Percent(40) && cluster_.Leader() >= 0) return cluster_.Leader();
  for (int tries = 0; tries < 8; ++tries) {
    const int node = AnyNode();
    if (cluster_.node(node).running()) return node;
  }
  return -1;
}

void Nemesis::Partition() {
  SimNetwork& network = cluster_.network();
  const int size = cluster_.size();
  const auto cut = [&network](int a, int b) {
    network.Block(a, b, true);
    network.Block(b, a, true);
  };
  const int center = rng_.Percent(50) && cluster_.Leader() >= 0 ? cluster_.Leader() : AnyNode();
  network.HealAll();
  switch (rng_.Below(7)) {
    case 0:
      cluster_.report().Count("partitions: one node alone");
      for (int i = 0; i < size; ++i) {
        if (i != center) cut(i, center);
      }
      return;
    case 1: {
      cluster_.report().Count("partitions: two sides");
      std::vector<bool> side;
      for (int i = 0; i < size; ++i) side.push_back(rng_.Percent(50));
      for (int i = 0; i < size; ++i) {
        for (int j = 0; j < i; ++j) {
          if (side[i] != side[j]) cut(i, j);
        }
      }
      return;
    }
    case 2:
      cluster_.report().Count("partitions: all only through one");
      for (int i = 0; i < size; ++i) {
        for (int j = 0; j < i; ++j) {
          if (i != center && j != center) cut(i, j);
        }
      }
      return;
    case 3:
      cluster_.report().Count("partitions: a chain");
      for (int i = 0; i < size; ++i) {
        for (int j = 0; j + 1 < i; ++j) cut((i + center) % size, (j + center) % size);
      }
      return;
    case 4:
      cluster_.report().Count("partitions: one hears nothing");
      for (int i = 0; i < size; ++i) {
        if (i != center) network.Block(i, center, true);
      }
      return;
    case 5:
      cluster_.report().Count("partitions: one is not heard");
      for (int i = 0; i < size; ++i) {
        if (i != center) network.Block(center, i, true);
      }
      return;
    default:
      cluster_.report().Count("partitions: some directions");
      for (int i = 0; i < size; ++i) {
        for (int j = 0; j < size; ++j) {
          if (i != j && rng_.Percent(30)) network.Block(i, j, true);
        }
      }
  }
}

void Nemesis::DoPartition() {
  Partition();
  const uint64_t mine = partition_ = ++partitions_;
  cluster_.loop().After(Exponential(cluster_.knobs().faults.partition_hold_ns), [this, mine] {
    if (partition_ != mine || stopped_) return;
    partition_ = 0;
    cluster_.network().HealAll();
  });
}

void Nemesis::CutOneLink() {
  const int a = AnyNode();
  const int b = (a + 1 + static_cast<int>(rng_.Below(cluster_.size() - 1))) % cluster_.size();
  cluster_.report().Count("one link cut");
  cluster_.network().Block(a, b, true);
  cluster_.network().Block(b, a, true);
  cluster_.BeginStability(a, b);
}

void Nemesis::DoBreak() {
  const int a = AnyNode();
  const int b = AnyNode();
  if (a == b) return;
  cluster_.report().Count("links broken");
  cluster_.network().Break(a, b);
}

void Nemesis::DoClog() {
  const int a = AnyNode();
  const int b = AnyNode();
  if (a == b) return;
  cluster_.report().Count("links clogged");
  cluster_.network().Clog(a, b, rng_.Between(kMillisecond, 800 * kMillisecond),
                          cluster_.loop().now_ns() + rng_.Between(0, 5 * kSecond));
}

void Nemesis::DoKill() {
  const int node = RunningNode();
  if (node >= 0) cluster_.node(node).Crash(false, "killed");
}

void Nemesis::DoPower() {
  const int node = RunningNode();
  if (node >= 0) cluster_.node(node).Crash(true, "power lost");
}

void Nemesis::DoAllDown() {
  cluster_.report().Count("all nodes down at once");
  const bool power = rng_.Percent(50);
  for (int i = 0; i < cluster_.size(); ++i) {
    if (cluster_.node(i).running()) cluster_.node(i).Crash(power, "all at once");
  }
}

void Nemesis::DoStopPoint() {
  const int node = AnyNode();
  if (cluster_.node(node).dead()) return;
  cluster_.node(node).fs().StopAt(static_cast<uint64_t>(rng_.Between(1, 40)));
}

void Nemesis::DoPause() {
  const int node = RunningNode();
  if (node < 0) return;
  cluster_.report().Count("nodes paused");
  // It is over well before a healed cluster has to serve everybody.
  const int64_t hold_ns =
      std::min(Exponential(cluster_.knobs().faults.pause_hold_ns), 10 * kSecond);
  cluster_.node(node).Pause(cluster_.loop().now_ns() + hold_ns);
}

void Nemesis::DoWallJump() {
  cluster_.report().Count("wall clocks jumped");
  int64_t delta_ms =
      rng_.Percent(50) ? rng_.Between(-3'600'000, 3'600'000) : rng_.Between(-2'000, 2'000);
  if (rng_.Percent(20)) delta_ms = rng_.Between(-10 * kYearMs, 10 * kYearMs);
  SimClock& clock = cluster_.node(cluster_.knobs().clocks_right ? 0 : AnyNode()).clock();
  clock.JumpWall(delta_ms);
}

// As before NTP has looked: a clock is wrong by years for a moment. Where that may be, all clocks
// are a little ahead for a moment, so that much is due at once, and then the wall falls.
void Nemesis::DoWallGlitch() {
  cluster_.report().Count("wall clock glitches");
  const int64_t now_ns = cluster_.loop().now_ns();
  const bool alone = cluster_.size() == 1;
  if (alone || (!cluster_.knobs().clocks_right && rng_.Percent(60))) {
    const int64_t ahead_ms = rng_.Between(1'000, alone ? 9'000 : 20'000);
    const int64_t hold_ns = rng_.Between(kMillisecond, alone ? 100 * kMillisecond : 3 * kSecond);
    for (int i = 0; i < cluster_.size(); ++i)
      cluster_.node(i).clock().Glitch(ahead_ms, now_ns + hold_ns);
    // What is due then is looked at until the clocks have fallen, and a little longer.
    if (rng_.Percent(50)) cluster_.HurryTo(AnyNode(), Actor::Hurry::kEnds);
    return;
  }
  const int64_t by_ms = rng_.Between(-kYearMs, 10 * kYearMs);
  const int64_t hold_ns = rng_.Between(10 * kMillisecond, 3 * kSecond);
  SimClock& clock = cluster_.node(cluster_.knobs().clocks_right ? 0 : AnyNode()).clock();
  clock.Glitch(by_ms, now_ns + hold_ns);
}

void Nemesis::DoDiskFull() {
  const int node = AnyNode();
  SimFs& fs = cluster_.node(node).fs();
  cluster_.report().Count("disks filled");
  const int64_t room_max = cluster_.size() == 1 && rng_.Percent(50) ? 2'000 : 200'000;
  fs.SetCapacity(fs.used_bytes() + static_cast<uint64_t>(rng_.Between(1, room_max)));
  cluster_.loop().After(Exponential(cluster_.knobs().faults.disk_full_hold_ns),
                        [this, node] { cluster_.node(node).fs().SetCapacity(0); });
}

void Nemesis::DoSlowDisk() {
  const int node = AnyNode();
  cluster_.report().Count("disks slow for a while");
  cluster_.node(node).SlowDisk();
  cluster_.loop().After(rng_.Between(100 * kMillisecond, 5 * kSecond),
                        [this, node] { cluster_.node(node).RestoreDisk(); });
}

void Nemesis::DoRot() {
  SimNode& node = cluster_.node(rot_victim_);
  if (node.dead() || cluster_.DeadCount() > 0) return;
  node.Rot(rng_);
}

// The newest snapshot is damaged when its node starts again.
void Nemesis::DoSnapshotRot() {
  SimNode& node = cluster_.node(rot_victim_);
  if (!node.running() || cluster_.DeadCount() > 0) return;
  node.Crash(rng_.Percent(50), "its newest snapshot rots", rng_.Between(1, 200) * kMillisecond);
  node.RotNewestSnapshot(rng_);
}

void Nemesis::DoSyncError() {
  const int node = RunningNode();
  if (node < 0) return;
  cluster_.report().Count("syncs failed");
  cluster_.node(node).fs().FailNextSync();
  if (rng_.Percent(40)) return;
  // What that sync was to make durable is put to the test.
  const int64_t mean_ns = rng_.Percent(50) ? 20 * kMillisecond : 300 * kMillisecond;
  cluster_.loop().After(Exponential(mean_ns), [this, node] {
    if (!stopped_ && cluster_.node(node).running())
      cluster_.node(node).Crash(true, "power lost after a failed sync");
  });
}

void Nemesis::DoShutdown() {
  const int node = RunningNode();
  if (node < 0) return;
  cluster_.size() == 1 ? cluster_.node(node).ShutDown()
                       : cluster_.node(node).BeginShutdown(rng_.Percent(20));
}

void Nemesis::DoHandOver() {
  const int leader = cluster_.Leader();
  const int to = AnyNode();
  if (leader < 0 || leader == to) return;
  cluster_.report().Count("leadership handed over");
  if (rng_.Percent(40)) return cluster_.node(leader).HandOver(to);
  // As clients ask for it, at any node; now and then somebody thinks better of it.
  cluster_.node(to).AskForFailover(rng_.Between(200, 3000), false);
  if (rng_.Percent(80)) return;
  cluster_.loop().After(rng_.Between(0, 300) * kMillisecond,
                        [=, this] { cluster_.node(leader).AskForFailover(0, true); });
}

void Nemesis::DoDisturb() {
  const int node = RunningNode();
  if (node >= 0) cluster_.node(node).Disturb();
}

// Every node halts in front of the entry, as soon as it comes to it; then a person has all of them
// leave it out.
void Nemesis::DoPoison() {
  const int leader = cluster_.Leader();
  if (leader < 0) {
    if (!stopped_) cluster_.loop().After(100 * kMillisecond, [this] { DoPoison(); });
    return;
  }
  cluster_.node(leader).Poison();
  SkipPoison();
}

void Nemesis::SkipPoison() {
  for (int i = 0; i < cluster_.size(); ++i) {
    const auto wanted = cluster_.node(i).wanted_skip();
    if (!wanted) continue;
    cluster_.SkipSlot(*wanted);
    for (int j = 0; j < cluster_.size(); ++j) cluster_.node(j).SkipSlot(*wanted);
    break;
  }
  cluster_.loop().After(rng_.Between(100, 1000) * kMillisecond, [this] { SkipPoison(); });
}

bool Nemesis::PickThree(int* leader, int* first, int* second) {
  *leader = cluster_.Leader();
  if (*leader < 0 || cluster_.size() != 3) return false;
  const int turn = static_cast<int>(rng_.Between(1, 2));
  *first = (*leader + turn) % 3;
  *second = (*leader + 3 - turn) % 3;
  return true;
}

// A follower that has granted a lease forgets it in a restart, while the other one, which has heard
// nothing of the leader for long, asks for votes.
void Nemesis::DoLeaseRace() {
  int leader, granter, candidate;
  if (!PickThree(&leader, &granter, &candidate)) return;
  cluster_.report().Count("lease races");
  SimNetwork& network = cluster_.network();
  network.HealAll();
  network.Block(leader, candidate, true);
  network.Block(candidate, leader, true);
  network.Block(granter, candidate, true);
  network.Block(candidate, granter, true);
  cluster_.loop().After(rng_.Between(800, 2500) * kMillisecond, [=, this] {
    if (stopped_) return;
    SimNetwork& links = cluster_.network();
    links.HealAll();
    links.Block(leader, candidate, true);
    links.Block(candidate, leader, true);
    links.Block(leader, granter, true);
    links.Block(granter, leader, true);
    if (cluster_.node(granter).running()) {
      cluster_.node(granter).Crash(false, "restarts at once", rng_.Between(1, 20) * kMillisecond);
    }
    cluster_.loop().After(rng_.Between(1, 4) * kSecond, [this] { cluster_.network().HealAll(); });
  });
}

// What only the leader and one follower have is damaged at the follower, and the leader is away
// when the others elect.
void Nemesis::DoRotRace() {
  int leader, victim, behind;
  if (!PickThree(&leader, &victim, &behind)) return;
  if (cluster_.DeadCount() > 0) return;
  victim = rot_victim_;
  if (victim == leader || cluster_.node(victim).dead()) return;
  behind = 3 - leader - victim;
  cluster_.report().Count("rot races");
  SimNetwork& network = cluster_.network();
  network.HealAll();
  for (int other : {leader, victim}) {
    network.Block(other, behind, true);
    network.Block(behind, other, true);
  }
  cluster_.loop().After(rng_.Between(300, 1500) * kMillisecond, [=, this] {
    if (stopped_) return;
    if (cluster_.node(leader).running()) {
      cluster_.node(leader).Crash(false, "away", rng_.Between(2, 6) * kSecond);
    }
    if (cluster_.node(victim).running()) {
      cluster_.node(victim).Crash(false, "rots", rng_.Between(1, 200) * kMillisecond);
      cluster_.node(victim).RotLogTail(rng_);
    }
    cluster_.network().HealAll();
  });
}

// The leader's disk is slow, one follower has what it proposes; then the leader loses power and
// comes back while that follower is away.
void Nemesis::DoVoteRace() {
  int leader, follower, behind;
  if (!PickThree(&leader, &follower, &behind)) return;
  cluster_.report().Count("vote races");
  SimNetwork& network = cluster_.network();
  network.HealAll();
  for (int other : {leader, follower}) {
    network.Block(other, behind, true);
    network.Block(behind, other, true);
  }
  cluster_.node(leader).disk().base_ns = kSecond;
  cluster_.loop().After(rng_.Between(200, 900) * kMillisecond, [=, this] {
    cluster_.node(leader).disk() = cluster_.knobs().disk;
    if (stopped_) return;
    if (cluster_.node(leader).running()) {
      cluster_.node(leader).Crash(true, "loses what it had not synced",
                                  rng_.Between(1, 50) * kMillisecond);
    }
    if (cluster_.node(follower).running()) {
      cluster_.node(follower).Crash(false, "away", rng_.Between(3, 6) * kSecond);
    }
    cluster_.network().HealAll();
  });
}

// Acknowledgements are on their way for long; before the last ones arrive, those who sent them have
// stopped waiting for the leader.
void Nemesis::DoLateAckRace() {
  int leader, granter, candidate;
  if (!PickThree(&leader, &granter, &candidate)) return;
  cluster_.report().Count("late acknowledgement races");
  SimNetwork& network = cluster_.network();
  network.HealAll();
  for (int other : {leader, granter}) {
    network.Block(other, candidate, true);
    network.Block(candidate, other, true);
  }
  const int64_t delay_ns = cluster_.knobs().paxos.lease_ns * rng_.Between(50, 100) / 100;
  network.Clog(granter, leader, delay_ns, cluster_.loop().now_ns() + 3 * kSecond);
  cluster_.loop().After(rng_.Between(600, 1500) * kMillisecond, [=, this] {
    if (stopped_) return;
    SimNetwork& links = cluster_.network();
    links.Block(granter, candidate, false);
    links.Block(candidate, granter, false);
    links.Block(leader, granter, true);
    cluster_.loop().After(rng_.Between(2, 4) * kSecond, [this] { cluster_.network().HealAll(); });
  });
}

// What the leader sends is lost for a moment; what it sends next arrives, so the others have later
// entries and not the earlier ones. Before it can send those again it is gone for a while.
void Nemesis::DoGapRace() {
  int leader, first, second;
  if (!PickThree(&leader, &first, &second)) return;
  cluster_.report().Count("gap races");
  SimNetwork& network = cluster_.network();
  network.HealAll();
  const int64_t whole_ns = cluster_.loop().now_ns() + rng_.Between(10, 60) * kMillisecond;
  network.Lose(leader, first, whole_ns);
  network.Lose(leader, second, whole_ns);
  cluster_.loop().At(whole_ns + rng_.Between(5, 50) * kMillisecond, [=, this] {
    if (stopped_ || !cluster_.node(leader).running()) return;
    cluster_.node(leader).Crash(rng_.Percent(50), "away", rng_.Between(2, 6) * kSecond);
  });
}

// The leader is cut off with entries that nobody else has; the next leader is gone as soon as it is
// in office, and the one after that finds them, behind its predecessor's no-op.
void Nemesis::DoStaleRace() {
  int leader, first, second;
  if (!PickThree(&leader, &first, &second)) return;
  cluster_.report().Count("stale entry races");
  SimNetwork& network = cluster_.network();
  network.HealAll();
  for (int other : {first, second}) {
    network.Block(leader, other, true);
    network.Block(other, leader, true);
  }
  AwaitNextLeader(leader, cluster_.loop().now_ns() + 4 * kSecond);
}

void Nemesis::AwaitNextLeader(int deposed, int64_t until_ns) {
  if (stopped_) return;
  for (int i = 0; i < cluster_.size(); ++i) {
    const SimNode& node = cluster_.node(i);
    if (i == deposed || node.node() == nullptr || !node.node()->leading()) continue;
    cluster_.node(i).Crash(rng_.Percent(50), "away", rng_.Between(2, 6) * kSecond);
    cluster_.network().HealAll();
    return;
  }
  if (cluster_.loop().now_ns() >= until_ns) {
    cluster_.network().HealAll();
    return;
  }
  cluster_.loop().After(2 * kMillisecond, [=, this] { AwaitNextLeader(deposed, until_ns); });
}

// The leader sleeps until there is another; its clients' requests wait for it, and it hears of them
// before it hears of its successor.
void Nemesis::DoSleepRace() {
  int leader, first, second;
  if (!PickThree(&leader, &first, &second)) return;
  cluster_.report().Count("sleep races");
  SimNetwork& network = cluster_.network();
  network.HealAll();
  for (int other : {first, second}) {
    network.Block(leader, other, true);
    network.Block(other, leader, true);
  }
  const int64_t awake_ns = cluster_.loop().now_ns() + rng_.Between(1000, 3000) * kMillisecond;
  cluster_.node(leader).Pause(awake_ns);
  // What it alone would answer comes shortly before it wakes up.
  if (rng_.Percent(60)) {
    cluster_.loop().At(awake_ns - rng_.Between(20, 150) * kMillisecond, [=, this] {
      if (!stopped_ && cluster_.node(leader).paused())
        cluster_.HurryTo(leader, Actor::Hurry::kCalls);
    });
  }
  // Until it hears of the next one it goes on as the leader: what its clients read must not be old.
  cluster_.loop().At(awake_ns + rng_.Between(5, 400) * kMillisecond,
                     [this] { cluster_.network().HealAll(); });
}

// A leader that is cut off stops; the word of that reaches one of the others when it has just
// granted the next leader a lease and hears it no more, together with the first one's wish to lead
// again.
void Nemesis::DoLateReleaseRace() {
  const int first = cluster_.Leader();
  if (first < 0 || cluster_.size() != 3) return;
  cluster_.report().Count("late release races");
  partition_ = 0;
  cluster_.network().HealAll();
  Apart(first, first);
  const paxos::Config& paxos = cluster_.knobs().paxos;
  const int64_t ns = paxos.lease_ns + rng_.Between(4, 8) * paxos.round_ns;
  cluster_.loop().After(ns, [=, this] {
    const int next = cluster_.Leader();
    if (stopped_ || next < 0 || next == first) return;
    const int third = 3 - first - next;
    cluster_.network().HealAll();
    Cut(first, next, true);
    Cut(next, third, true);
  });
  cluster_.loop().After(ns + rng_.Between(1, 3) * kSecond,
                        [this] { cluster_.network().HealAll(); });
}

void Nemesis::SnapshotsNow() {
  for (int i = 0; i < cluster_.size(); ++i) cluster_.node(i).TakeSnapshot();
}

// A leader and one other are cut off with entries that are never chosen; what is chosen instead
// comes to the other in a snapshot; then the two meet.
void Nemesis::DoOldVoteRace() {
  const int leader = cluster_.Leader();
  if (leader < 0 || cluster_.size() < 5) return;
  const int size = cluster_.size();
  const int other = (leader + static_cast<int>(rng_.Between(1, size - 1))) % size;
  cluster_.report().Count("old vote races");
  cluster_.network().HealAll();
  Apart(leader, other);
  Apart(other, leader);
  EventLoop& loop = cluster_.loop();
  for (const int64_t at : {2'500, 4'000}) loop.After(at * kMillisecond, [this] { SnapshotsNow(); });
  loop.After(5 * kSecond, [=, this] {
    if (stopped_) return;
    cluster_.network().HealAll();
    Apart(leader, leader);
  });
  loop.After(rng_.Between(5'100, 6'500) * kMillisecond, [=, this] {
    if (stopped_) return;
    cluster_.network().HealAll();
    Apart(leader, other);
  });
  loop.After(8 * kSecond, [this] { cluster_.network().HealAll(); });
}

void Nemesis::Apart(int node, int friend_of) {
  for (int i = 0; i < cluster_.size(); ++i) {
    if (i != node && i != friend_of) Cut(node, i, true);
  }
}

// As before it, but the one whose disk may rot dies while it loads the snapshot. What it has voted
// for is still in its log when, later, the snapshot is lost.
void Nemesis::DoBehindSnapshotRace() {
  const int leader = cluster_.Leader();
  const int other = rot_victim_;
  if (leader < 0 || leader == other || cluster_.size() < 5 || cluster_.DeadCount() > 0) return;
  if (cluster_.node(other).dead()) return;
  cluster_.report().Count("behind a snapshot races");
  SnapshotsNow();
  partition_ = 0;
  cluster_.network().HealAll();
  Apart(leader, other);
  Apart(other, leader);
  EventLoop& loop = cluster_.loop();
  for (const int64_t at : {2'000, 3'500}) loop.After(at * kMillisecond, [this] { SnapshotsNow(); });
  loop.After(4 * kSecond, [=, this] {
    if (stopped_) return;
    cluster_.network().HealAll();
    Apart(leader, leader);
    DieWhileLoading(other, cluster_.loop().now_ns() + 2 * kSecond);
  });
  loop.After(6 * kSecond, [this] { cluster_.network().HealAll(); });
  loop.After(8 * kSecond, [=, this] {
    SimNode& node = cluster_.node(other);
    if (stopped_ || !node.running() || cluster_.DeadCount() > 0) return;
    node.Crash(false, "rots", 5 * kMillisecond);
    node.RotNewestSnapshot(rng_);
  });
}

void Nemesis::DieWhileLoading(int node, int64_t until_ns) {
  if (stopped_ || cluster_.loop().now_ns() > until_ns) return;
  const cluster::Node* running = cluster_.node(node).node();
  if (running != nullptr && running->restoring()) {
    cluster_.report().Count("nodes that died while they loaded a snapshot");
    cluster_.node(node).Crash(false, "dies while loading", 5 * kMillisecond);
    return;
  }
  cluster_.loop().After(kMillisecond / 10, [=, this] { DieWhileLoading(node, until_ns); });
}

void Nemesis::Cut(int a, int b, bool cut) {
  cluster_.network().Block(a, b, cut);
  cluster_.network().Block(b, a, cut);
}

// The leader sleeps. One other hears a quorum, by which it would lead if it did not wait for its
// own disk, which is slow; what it proposes last reaches one node only. It loses power, and before
// it hears anything of what has been, the old leader wakes up and hands over to it.
void Nemesis::DoTwoLivesRace() {
  const int leader = cluster_.Leader();
  const int size = cluster_.size();
  if (leader < 0 || size < 5) return;
  cluster_.report().Count("two lives races");
  const int candidate = (leader + static_cast<int>(rng_.Between(1, size - 1))) % size;
  int witness = (candidate + 1) % size;
  if (witness == leader) witness = (witness + 1) % size;
  partition_ = 0;
  cluster_.network().HealAll();
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j < i; ++j) {
      const bool through_candidate = i == candidate || j == candidate;
      if (!through_candidate || i == leader || j == leader) Cut(i, j, true);
    }
  }
  cluster_.node(candidate).disk().base_ns = 5 * kSecond;  // longer than this takes
  const paxos::Config& paxos = cluster_.knobs().paxos;
  EventLoop& loop = cluster_.loop();
  const int64_t crash_ns =
      loop.now_ns() + paxos.lease_ns + 6 * paxos.round_ns + rng_.Between(100, 600) * kMillisecond;
  const int64_t awake_ns =
      crash_ns + paxos.lease_ns * 11 / 10 + rng_.Between(100, 200) * kMillisecond;
  // Of seven many others may come in between.
  if (size == 7 && rng_.Percent(50)) alone_until_ns_ = awake_ns + 500 * kMillisecond;
  // The first thing it does.
  loop.At(awake_ns, [=, this] {
    if (!stopped_ && cluster_.node(leader).running()) cluster_.node(leader).HandOver(candidate);
  });
  cluster_.node(leader).Pause(awake_ns);
  loop.At(crash_ns - rng_.Between(30, 100) * kMillisecond, [=, this] {
    for (int i = 0; i < size && !stopped_; ++i) {
      if (i != candidate && i != witness) cluster_.network().Block(candidate, i, true);
    }
  });
  loop.At(crash_ns, [=, this] { BeginSecondLife(leader, candidate, witness, awake_ns); });
}

void Nemesis::BeginSecondLife(int leader, int candidate, int witness, int64_t awake_ns) {
  cluster_.node(candidate).disk() = cluster_.knobs().disk;
  if (stopped_) return;
  for (int i = 0; i < cluster_.size(); ++i) {
    if (i != candidate) Cut(i, candidate, true);
  }
  if (cluster_.node(candidate).running()) {
    cluster_.node(candidate).Crash(true, "forgets what it had not synced", 2 * kMillisecond);
  }
  EventLoop& loop = cluster_.loop();
  loop.At(awake_ns - 50 * kMillisecond, [=, this] {
    if (!stopped_) Cut(leader, candidate, false);
  });
  loop.At(awake_ns + rng_.Between(10, 50) * kMillisecond, [=, this] {
    for (int i = 0; i < cluster_.size() && !stopped_; ++i) {
      if (i != candidate && i != witness) Cut(i, candidate, false);
    }
  });
  loop.At(awake_ns + rng_.Between(500, 2000) * kMillisecond,
          [this] { cluster_.network().HealAll(); });
}

}  // namespace clustron::sim
