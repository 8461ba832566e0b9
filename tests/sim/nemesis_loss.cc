// A majority whose directories are put back, or lost, and the operator who accepts that: see
// DoLoss.
#include <algorithm>
#include <utility>
#include <vector>

#include "cluster/paxos/replica_impl.h"
#include "tests/sim/nemesis.h"

namespace clustron::sim {

namespace {

constexpr int64_t kLookEveryNs = 5 * kMillisecond;
// What was heard of the others goes with the log once a second, and then to the disk.
constexpr int64_t kKeptWithinNs = 2500 * kMillisecond;

cluster::Standing StandingOf(const cluster::Node& node) {
  return {node.replica().promised(), node.replica().accepted_slot()};
}

}  // namespace

struct Nemesis::LossRace {
  std::vector<bool> victim;
  std::vector<std::unique_ptr<SimFs>> copies;  // of the victims; null: it loses all of it
  std::vector<cluster::Standing> copied;       // at most so much is in them
  std::vector<uint64_t> nonces;                // of all, when they were made
  int64_t known_since_ns = -1;  // to those who keep theirs, that the copies are old ones
  int64_t crash_ns = 0;         // when it happened
  bool divided = false;         // those who remember were kept away from who votes again
};

// Hot copies of a majority's directories are made, or of one less than that and a whole half. Once
// all others know better, some go on alone; then all go down at once, and the copies are put back.
// What nobody has any more may be lost, and nothing else: neither what those who keep theirs have
// voted for, nor what anybody knows to be chosen.
void Nemesis::DoLoss() {
  const int size = cluster_.size();
  if (loss_ != nullptr || set_back_ != nullptr || !AllWell()) return;
  auto race = std::make_shared<LossRace>();
  race->victim.assign(static_cast<size_t>(size), false);
  const int leader = cluster_.Leader();
  if (leader >= 0 && rng_.Percent(70)) race->victim[leader] = true;
  while (std::count(race->victim.begin(), race->victim.end(), true) < size - size / 2)
    race->victim[static_cast<size_t>(AnyNode())] = true;
  for (int i = 0; i < size; ++i) {
    const cluster::Node& node = *cluster_.node(i).node();
    const bool copied = race->victim[i] && !rng_.Percent(15);
    race->copies.push_back(copied ? cluster_.node(i).CopyDisk() : nullptr);
    race->copied.push_back(StandingOf(node));
    race->nonces.push_back(node.roster().watch().own().nonce);
  }
  loss_ = race;
  AwaitOthersKnow(cluster_.loop().now_ns() + 8 * kSecond);
}

bool Nemesis::AllWell() {
  if (stopped_ || cluster_.DeadCount() > 0 || !cluster_.NobodySetBack()) return false;
  for (int i = 0; i < cluster_.size(); ++i) {
    SimNode& node = cluster_.node(i);
    if (!node.running() || node.paused() || node.disk().slow_percent != 0) return false;
  }
  return true;
}

// Those who keep theirs know, for long enough that no crash takes it from them, that there was more
// than is in the copies.
void Nemesis::AwaitOthersKnow(int64_t until_ns) {
  LossRace& race = *loss_;
  bool known = AllWell();
  bool same = known;
  for (int i = 0; known && i < cluster_.size(); ++i) {
    const cluster::MemberWatch& watch = cluster_.node(i).node()->roster().watch();
    same = same && watch.own().nonce == race.nonces[i];
    if (race.victim[i]) continue;
    for (int j = 0; j < cluster_.size(); ++j) {
      if (!race.victim[j]) continue;
      known = known && std::any_of(watch.records().begin(), watch.records().end(), [&](auto& r) {
                return r.node == cluster_.node(j).id() && r.nonce == race.nonces[j] &&
                       (race.copies[j] == nullptr || race.copied[j].Lacks(r.acknowledged));
              });
    }
  }
  const int64_t now_ns = cluster_.loop().now_ns();
  if (stopped_ || now_ns > until_ns || (AllWell() && !same)) {
    loss_.reset();
    return;
  }
  race.known_since_ns = !known ? -1 : race.known_since_ns < 0 ? now_ns : race.known_since_ns;
  if (known && now_ns - race.known_since_ns > kKeptWithinNs) {
    quiet_ = true;
    DivideForLoss();
    return;
  }
  cluster_.loop().After(kLookEveryNs, [this, until_ns] { AwaitOthersKnow(until_ns); });
}

// A bare majority goes on: what it acknowledges is known to few.
void Nemesis::DivideForLoss() {
  const int size = cluster_.size();
  const int leader = cluster_.Leader();
  // Where those go on who are about to be set back, nobody else knows of anything.
  const std::vector<bool>& victim = loss_->victim;
  const bool alone = leader >= 0 && victim[leader] && rng_.Percent(60);
  std::vector<bool> with = alone ? victim : std::vector<bool>(static_cast<size_t>(size), false);
  if (leader >= 0) with[leader] = true;
  while (std::count(with.begin(), with.end(), true) < size / 2 + 1)
    with[static_cast<size_t>(AnyNode())] = true;
  cluster_.report().Count("majorities about to be set back");
  cluster_.network().HealAll();
  partition_ = ++partitions_;
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j < size; ++j)
      if (with[i] != with[j]) cluster_.network().Block(i, j, true);
  }
  cluster_.loop().After(rng_.Between(300, 2500) * kMillisecond, [this] { Lose(); });
}

// All at once. A copy that is put back hears those who know better before it hears another one:
// two that are old could vote together, and nobody could know.
void Nemesis::Lose() {
  LossRace& race = *loss_;
  const int size = cluster_.size();
  bool running = !stopped_;
  for (int i = 0; i < size; ++i) {
    cluster_.node(i).fs().ClearFaults();
    running = running && cluster_.node(i).running() && !cluster_.node(i).paused();
  }
  cluster_.network().HealAll();
  if (!running) return EndLoss();
  cluster_.report().Count("majorities set back");
  race.crash_ns = cluster_.loop().now_ns();
  const bool power = rng_.Percent(30);
  for (int i = 0; i < size; ++i) {
    SimNode& node = cluster_.node(i);
    const uint64_t boot = node.node()->roster().watch().own().boot;
    const int64_t down_ms = race.victim[i] ? rng_.Between(200, 600) : rng_.Between(1, 100);
    node.Crash(power, race.victim[i] ? "is set back, with a majority" : "goes down with the others",
               down_ms * kMillisecond);
    if (race.victim[i])
      race.copies[i] == nullptr ? node.TakePlace(boot) : node.PutBack(*race.copies[i]);
    for (int j = 0; j < i; ++j)
      if (race.victim[i] && race.victim[j]) Cut(i, j, true);
  }
  AwaitVictimsKnow(cluster_.loop().now_ns() + 10 * kSecond);
}

void Nemesis::AwaitVictimsKnow(int64_t until_ns) {
  const LossRace& race = *loss_;
  bool all = true;
  for (int i = 0; i < cluster_.size(); ++i) {
    const cluster::Node* node = cluster_.node(i).node();
    all = all && node != nullptr && (!race.victim[i] || node->roster().watch().own().set_back);
  }
  if (all) {
    ReckonLoss();
    cluster_.network().HealAll();
    AwaitLeaderBehindLoss(cluster_.loop().now_ns() + 25 * kSecond);
    return;
  }
  if (cluster_.loop().now_ns() > until_ns) {
    cluster_.report().Fail("accepted loss",
                           "who was set back is not told so" + cluster_.Standing());
    return;
  }
  cluster_.loop().After(kLookEveryNs, [this, until_ns] { AwaitVictimsKnow(until_ns); });
}

// Up to where everything is left: chosen as far as anybody knows, or voted for by who keeps his.
void Nemesis::ReckonLoss() {
  const LossRace& race = *loss_;
  paxos::Slot kept = 0;
  for (int i = 0; i < cluster_.size(); ++i)
    kept = std::max(kept, cluster_.node(i).node()->replica().chosen_slot());
  const auto remembered = [&](paxos::Slot slot) {
    const paxos::Value* value = cluster_.ValueAt(slot);
    for (int i = 0; i < cluster_.size(); ++i) {
      if (race.victim[i]) continue;
      const auto& window = cluster_.node(i).node()->replica().impl().core.window;
      const paxos::Cell* cell = window.Find(slot);
      if (cell != nullptr && cell->accepted && value != nullptr && cell->entry.value == *value)
        return true;
    }
    return false;
  };
  while (remembered(kept + 1)) {
    ++kept;
    cluster_.report().Count("slots that only a vote remembers");
  }
  cluster_.LoseAbove(kept, race.crash_ns);
}

// The first leader has the promise of all who remember; in between they are kept away, or who votes
// again is restarted.
void Nemesis::AwaitLeaderBehindLoss(int64_t until_ns) {
  LossRace& race = *loss_;
  const int leader = cluster_.Leader();
  if (leader >= 0) {
    const paxos::Ballot ballot = cluster_.node(leader).node()->ballot();
    for (int i = 0; i < cluster_.size(); ++i) {
      if (race.victim[i] || i == leader || cluster_.node(i).promised() >= ballot) continue;
      return cluster_.report().Fail("accepted loss", "node " + std::to_string(leader) +
                                                         " leads without the promise of node " +
                                                         std::to_string(i) +
                                                         ", which was not set back");
    }
    cluster_.report().Count("leaders behind an accepted loss");
    return EndLoss();
  }
  if (stopped_ || cluster_.loop().now_ns() > until_ns) return EndLoss();
  cluster_.LookAfterSetBack();
  const auto votes = [&](int i) {
    const cluster::Node* node = cluster_.node(i).node();
    return race.victim[i] && node != nullptr && node->replica().voting();
  };
  int voting = 0;
  for (int i = 0; i < cluster_.size(); ++i) voting += votes(i) ? 1 : 0;
  if (voting > 0 && !std::exchange(race.divided, true) && rng_.Percent(80)) DivideBehindLoss();
  cluster_.loop().After(kMillisecond, [this, until_ns] { AwaitLeaderBehindLoss(until_ns); });
}

// One of those who remember is away for a while; perhaps others start anew meanwhile.
void Nemesis::DivideBehindLoss() {
  const LossRace& race = *loss_;
  cluster_.report().Count("who remembers is away behind a loss");
  int away = AnyNode();
  while (race.victim[away]) away = AnyNode();
  Apart(away, away);
  const int64_t now_ns = cluster_.loop().now_ns();
  const int64_t back_ns = now_ns + rng_.Between(500, 4000) * kMillisecond;
  for (int i = 0; i < cluster_.size(); ++i) {
    if (!rng_.Percent(25)) continue;
    cluster_.loop().At(rng_.Between(now_ns, back_ns), [this, i] {
      SimNode& node = cluster_.node(i);
      if (loss_ != nullptr && node.running())
        node.Crash(false, "restarts behind a loss", rng_.Between(1, 100) * kMillisecond);
    });
  }
  cluster_.loop().At(back_ns, [this] { cluster_.network().HealAll(); });
}

void Nemesis::EndLoss() {
  loss_.reset();
  quiet_ = false;
}

}  // namespace clustron::sim
