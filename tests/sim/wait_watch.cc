#include "tests/sim/wait_watch.h"

#include <algorithm>
#include <string>

#include "store/tables/lock_table.h"
#include "store/tables/wait_table.h"

namespace clustron::sim {

namespace {

constexpr int64_t kBehindNsMax = 500 * kMillisecond;
// That a node is gone is known after three rounds without a word from it, and said a tick later.
constexpr int64_t kNodeGoneNsMax = 2 * kSecond;

std::string Describe(const store::Wait& wait) {
  std::string text = "the waiter " + std::to_string(wait.id.id) + " of node " +
                     std::to_string(wait.id.owner.node) + " boot " +
                     std::to_string(wait.id.owner.boot) + (wait.parked ? ", parked" : "") +
                     ", database " + std::to_string(wait.db);
  for (const std::string& arg : wait.args) text += " " + arg;
  return text;
}

// A lock on one of its keys may hold it back.
bool Guarded(const store::Store& state, const store::Wait& wait) {
  const store::LockTable& locks = LocksOf(state);
  return std::any_of(wait.args.begin(), wait.args.end(),
                     [&](const std::string& arg) { return locks.Guard(wait.db, arg) != nullptr; });
}

}  // namespace

bool WaitWatch::Pace::Keeps(uint64_t has, uint64_t there_is, int64_t now_ns) {
  if (has >= target) {
    target = there_is;
    reached_ns = now_ns;
  }
  return now_ns - reached_ns <= kBehindNsMax;
}

// The only one, and the loop of its process runs; null: there is none.
const SimNode* WaitWatch::Leader() const {
  const SimNode* leader = nullptr;
  for (const auto& node : nodes_) {
    if (node->node() == nullptr || !node->node()->leading()) continue;
    if (leader != nullptr) return nullptr;
    leader = node.get();
  }
  return leader == nullptr || leader->paused() ? nullptr : leader;
}

void WaitWatch::EndSteadiness() {
  if (steady_since_ns_ >= 0) steady_.emplace_back(steady_since_ns_, loop_.now_ns());
  steady_since_ns_ = -1;
}

void WaitWatch::Look() {
  const int64_t now_ns = loop_.now_ns();
  const SimNode* leader = Leader();
  const uint64_t last = leader == nullptr ? 0 : leader->node()->replica().last_slot();
  bool leads = leader != nullptr;
  bool all_follow = leads;
  for (const auto& node : nodes_) {
    Pace& pace = paces_[node->index()];
    if (!leads || !node->running()) {
      pace = {};
      continue;
    }
    const bool keeps =
        pace.Keeps(node->engine()->executor().applied_slot(), last, now_ns) && !node->paused();
    all_follow = all_follow && keeps;
    // With a slow disk of its own it proposes nothing, and so serves and parks nobody.
    if (node.get() == leader) leads = keeps && !node->node()->replica().log_full();
  }
  if (!leads || leader->index() != leader_) leads_since_ns_ = now_ns;
  leader_ = leads ? leader->index() : -1;
  if (!leads || !all_follow || leads_since_ns_ == now_ns) {
    EndSteadiness();
  } else if (steady_since_ns_ < 0) {
    steady_since_ns_ = now_ns;
  }
  if (leads) LookForGone(*leader);
  if (++looks_ % 4 == 0) LookAtStates();
}

bool WaitWatch::Steady(int64_t from_ns, int64_t to_ns) const {
  if (steady_since_ns_ >= 0 && steady_since_ns_ <= from_ns) return true;
  return std::any_of(steady_.begin(), steady_.end(), [=](const auto& time) {
    return time.first <= from_ns && to_ns <= time.second;
  });
}

bool WaitWatch::InReach(const SimNode& node, const SimNode& leader) const {
  return &node == &leader || !network_.blocked(node.index(), leader.index()) ||
         !network_.blocked(leader.index(), node.index());
}

void WaitWatch::LookForGone(const SimNode& leader) {
  const int64_t now_ns = loop_.now_ns();
  for (const auto& node : nodes_) {
    if (!node->running() || !InReach(*node, leader)) continue;
    const cluster::Session& session = node->engine()->node().session();
    seen_ns_[{session.node, session.boot}] = now_ns;
  }
  for (const cluster::Session& owner : leader.engine()->executor().ServedWaiters()) {
    const int64_t seen_ns = seen_ns_.try_emplace({owner.node, owner.boot}, now_ns).first->second;
    if (now_ns - std::max(seen_ns, leads_since_ns_) <= kNodeGoneNsMax) continue;
    report_.Fail("waiting", "node " + std::to_string(leader.index()) + " leads and would serve " +
                                "clients of node " + std::to_string(owner.node - 1) + " boot " +
                                std::to_string(owner.boot) + ", which was last within its reach " +
                                std::to_string((now_ns - seen_ns) / kMillisecond) + " ms ago");
  }
}

void WaitWatch::LookAtStates() {
  for (const auto& node : nodes_) {
    if (!node->running() || node->engine()->node().restoring()) continue;
    const state::Executor& executor = std::as_const(*node).engine()->executor();
    const store::Store& state = executor.store();
    LookAtLocks(*node, state);
    WaitsOf(state).ForEach([&](store::WaitPlace, const store::Wait& wait) {
      if (wait.for_lock()) return LookAtTicket(*node, state, wait);
      if (wait.parked || Guarded(state, wait)) return;
      for (const std::string& key : wait.keys) {
        const store::KeyRecord* record = state.Find(wait.db, key);
        if (record == nullptr || record->type() != wait.type) continue;
        report_.Fail("waiting", "node " + std::to_string(node->index()) + " has " + key +
                                    " at slot " + std::to_string(executor.applied_slot()) +
                                    ", but " + Describe(wait) + " waits on");
      }
    });
  }
}

// Who can't be answered must not be granted a lock; whoever can has a ticket.
void WaitWatch::LookAtTicket(const SimNode& node, const store::Store& state,
                             const store::Wait& wait) {
  const store::Lock* lock = LocksOf(state).Find(wait.db, wait.keys[0]);
  const bool there = lock != nullptr && lock->IsWaitedFor(wait.ticket, wait.id);
  if (there && lock->present.contains(wait.ticket) != wait.parked) return;
  report_.Fail("waiting", "node " + std::to_string(node.index()) + ": the ticket of " +
                              Describe(wait) +
                              (there ? " is in the wrong place" : " is not in the queue"));
}

// A lock that somebody could be granted is granted.
void WaitWatch::LookAtLocks(const SimNode& node, const store::Store& state) {
  const store::KeyName* ready = LocksOf(state).index().Ready();
  if (ready == nullptr) return;
  report_.Fail("waiting", "node " + std::to_string(node.index()) + ": the lock " + ready->name +
                              " could be granted to whoever is first in its queue");
}

bool WaitWatch::Settled() const {
  return std::all_of(nodes_.begin(), nodes_.end(), [this](const auto& node) {
    if (node->dead()) return true;
    if (!node->running()) return false;
    bool settled = true;
    const store::WaitTable& waits = WaitsOf(std::as_const(*node).engine()->executor().store());
    waits.ForEach([&](store::WaitPlace, const store::Wait& wait) {
      const bool lives = std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& other) {
        if (!other->running()) return false;
        const cluster::Session& session = other->engine()->node().session();
        return session.node == wait.id.owner.node && session.boot == wait.id.owner.boot;
      });
      settled = settled && wait.parked && !lives;
    });
    return settled;
  });
}

void WaitWatch::CheckSettled() {
  LookAtStates();
  if (Settled()) return;
  for (const auto& node : nodes_) {
    if (!node->running()) continue;
    const store::WaitTable& waits = WaitsOf(std::as_const(*node).engine()->executor().store());
    waits.ForEach([&](store::WaitPlace, const store::Wait& wait) {
      report_.Fail("waiting", "no client waits any more, and node " +
                                  std::to_string(node->index()) + " has " + Describe(wait));
    });
  }
}

}  // namespace clustron::sim
