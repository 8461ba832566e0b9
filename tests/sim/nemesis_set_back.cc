// Directories that are put back from a copy, or lost: see DoSetBack.
#include <algorithm>
#include <vector>

#include "tests/sim/nemesis.h"

namespace clustron::sim {

namespace {

enum class CopyKind : uint8_t { kCold, kHot, kTwoLives, kEmpty };

constexpr int64_t kLookEveryNs = 5 * kMillisecond;
// What was heard of the others goes with the log once a second, and then to the disk.
constexpr int64_t kKeptWithinNs = 2500 * kMillisecond;

cluster::Standing StandingOf(const cluster::Node& node) {
  return {node.replica().promised(), node.replica().accepted_slot()};
}

}  // namespace

struct Nemesis::SetBackRace {
  CopyKind kind = CopyKind::kCold;
  int victim = 0;
  std::unique_ptr<SimFs> copy;
  cluster::Standing copied;      // at most so much is in it
  uint64_t copied_nonce = 0;     // of the start that made it
  int64_t known_since_ns = -1;   // to all others, that it is an old one
  std::vector<uint64_t> nonces;  // of all, then
  std::vector<bool> with;        // those who go on with the victim, and know what it will forget
};

Nemesis::~Nemesis() = default;

// A copy of one node's directory is made: when it is down, while it runs, or two lives before. Once
// all others know better, a bare majority with that node goes on alone; then the copy is put back,
// or an empty directory, and those who know what it has forgotten are away, or go away as soon as
// it votes. (Without that knowledge of the others nothing could be done about it.)
void Nemesis::DoSetBack() {
  if (set_back_ != nullptr || loss_ != nullptr || cluster_.DeadCount() > 0 ||
      !cluster_.NobodySetBack())
    return;
  const int victim = RunningNode();
  if (victim < 0) return;
  set_back_ = std::make_shared<SetBackRace>();
  // Of a hot copy only what the others remember tells, as its boot looks new.
  constexpr CopyKind kKinds[] = {CopyKind::kHot, CopyKind::kHot, CopyKind::kCold,
                                 CopyKind::kTwoLives, CopyKind::kEmpty};
  set_back_->kind = kKinds[rng_.Below(std::size(kKinds))];
  set_back_->victim = victim;
  set_back_->copied = StandingOf(*cluster_.node(victim).node());
  CopyDirectory();
}

void Nemesis::CopyDirectory() {
  SetBackRace& race = *set_back_;
  SimNode& node = cluster_.node(race.victim);
  race.copied_nonce = node.node()->roster().watch().own().nonce;
  if (race.kind == CopyKind::kHot) {
    race.copy = node.CopyDisk();
  } else if (race.kind != CopyKind::kEmpty) {
    node.Crash(false, "is copied while it is down", rng_.Between(10, 300) * kMillisecond);
    race.copy = node.CopyDisk();
    if (race.kind == CopyKind::kTwoLives) {
      cluster_.loop().After(rng_.Between(500, 1500) * kMillisecond, [this] {
        if (set_back_ == nullptr) return;
        SimNode& again = cluster_.node(set_back_->victim);
        if (again.running()) again.Crash(false, "restarts", rng_.Between(10, 300) * kMillisecond);
      });
    }
  }
  cluster_.loop().After(rng_.Between(800, 2000) * kMillisecond,
                        [this] { AwaitKnowledge(cluster_.loop().now_ns() + 8 * kSecond); });
}

// All others know this start, and that what is in the copy is less than there was: for long enough
// that no crash takes it from them.
void Nemesis::AwaitKnowledge(int64_t until_ns) {
  SetBackRace& race = *set_back_;
  if (stopped_ || cluster_.loop().now_ns() > until_ns) {
    set_back_.reset();
    return;
  }
  std::vector<uint64_t> nonces;
  bool known = cluster_.DeadCount() == 0 && cluster_.NobodySetBack();
  for (int i = 0; known && i < cluster_.size(); ++i) {
    const cluster::Node& other = *cluster_.node(i).node();
    nonces.push_back(other.roster().watch().own().nonce);
    known = !cluster_.node(i).paused() && cluster_.node(i).disk().slow_percent == 0;
    if (i == race.victim) {
      known = known && (race.kind == CopyKind::kHot || race.kind == CopyKind::kEmpty ||
                        other.roster().watch().own().nonce != race.copied_nonce);
      continue;
    }
    const auto& records = other.roster().watch().records();
    const cluster::OwnLife& life = cluster_.node(race.victim).node()->roster().watch().own();
    known = known && std::any_of(records.begin(), records.end(), [&](const auto& record) {
              return record.node == life.node && record.nonce == life.nonce &&
                     (race.kind != CopyKind::kHot || race.copied.Lacks(record.acknowledged));
            });
  }
  const int64_t now_ns = cluster_.loop().now_ns();
  if (!known || nonces != race.nonces) race.known_since_ns = known ? now_ns : -1;
  race.nonces = nonces;
  if (race.known_since_ns >= 0 && now_ns - race.known_since_ns > kKeptWithinNs) {
    DivideForSetBack();
    return;
  }
  cluster_.loop().After(kLookEveryNs, [this, until_ns] { AwaitKnowledge(until_ns); });
}

void Nemesis::DivideForSetBack() {
  SetBackRace& race = *set_back_;
  const int size = cluster_.size();
  race.with.assign(static_cast<size_t>(size), false);
  race.with[race.victim] = true;
  // The leader goes on if it is not the victim: no time is lost with an election.
  const int leader = cluster_.Leader();
  if (leader >= 0) race.with[leader] = true;
  while (std::count(race.with.begin(), race.with.end(), true) < size / 2 + 1)
    race.with[static_cast<size_t>(AnyNode())] = true;
  cluster_.report().Count("directories about to be set back");
  cluster_.network().HealAll();
  partition_ = ++partitions_;
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j < size; ++j)
      if (race.with[i] != race.with[j]) cluster_.network().Block(i, j, true);
  }
  cluster_.loop().After(rng_.Between(300, 2500) * kMillisecond, [this] { PutDirectoryBack(); });
}

void Nemesis::PutDirectoryBack() {
  SetBackRace& race = *set_back_;
  SimNode& victim = cluster_.node(race.victim);
  if (stopped_ || !victim.running()) {
    set_back_.reset();
    cluster_.network().HealAll();
    return;
  }
  const uint64_t boot = victim.node()->roster().watch().own().boot;
  victim.Crash(rng_.Percent(30), "is set back", rng_.Between(20, 400) * kMillisecond);
  race.kind == CopyKind::kEmpty ? victim.TakePlace(boot) : victim.PutBack(*race.copy);
  const bool away = rng_.Percent(60);
  const bool restart = rng_.Percent(race.kind == CopyKind::kHot ? 80 : 50);
  cluster_.network().HealAll();
  partition_ = ++partitions_;
  for (int i = 0; i < cluster_.size(); ++i) {
    SimNode& node = cluster_.node(i);
    if (i == race.victim || !node.running()) continue;
    if (!race.with[i]) {
      // What it knows of the victim is on its disk.
      if (restart) node.Crash(false, "restarts", rng_.Between(1, 100) * kMillisecond);
    } else if (away) {
      node.Crash(false, "away", rng_.Between(2, 6) * kSecond);
    }
  }
  if (away) {
    EndSetBack(cluster_.loop().now_ns() + 12 * kSecond);
    return;
  }
  // All can tell it what they know; those who know what it has forgotten can't tell the rest.
  for (int i = 0; i < cluster_.size(); ++i) {
    for (int j = 0; j < cluster_.size(); ++j) {
      const bool victims = i == race.victim || j == race.victim;
      if (!victims && race.with[i] != race.with[j]) cluster_.network().Block(i, j, true);
    }
  }
  WatchVote(cluster_.loop().now_ns() + 2500 * kMillisecond);
}

void Nemesis::WatchVote(int64_t until_ns) {
  if (stopped_) return;
  SetBackRace& race = *set_back_;
  const SimNode& victim = cluster_.node(race.victim);
  const bool votes = victim.running() && victim.node()->replica().voting();
  const bool late = cluster_.loop().now_ns() >= until_ns;
  if (!votes && !late) {
    cluster_.loop().After(kMillisecond, [this, until_ns] { WatchVote(until_ns); });
    return;
  }
  if (votes) {
    cluster_.report().Count("set back nodes that vote while few know");
    for (int i = 0; i < cluster_.size(); ++i) {
      if (i != race.victim && race.with[i] && cluster_.node(i).running())
        cluster_.node(i).Crash(false, "away", rng_.Between(2, 6) * kSecond);
    }
  }
  cluster_.network().HealAll();
  EndSetBack(cluster_.loop().now_ns() + 12 * kSecond);
}

void Nemesis::EndSetBack(int64_t until_ns) {
  if (stopped_) return;
  if (cluster_.node(set_back_->victim).running()) cluster_.LookAfterSetBack();
  if (cluster_.NobodySetBack()) cluster_.report().Count("set back nodes that recovered");
  if (cluster_.NobodySetBack() || cluster_.loop().now_ns() >= until_ns) {
    set_back_.reset();
    return;
  }
  cluster_.loop().After(50 * kMillisecond, [this, until_ns] { EndSetBack(until_ns); });
}

}  // namespace clustron::sim
