// What the store tells while entries are applied, passed on: to who serves waiters, to who gathers
// changes for watches, to the leader's timers, and to this node's observer (notifications,
// counters). While entries are applied again only waiters, which are state, and the history of
// watches hear of it. THREAD: core loop.
#pragma once

#include <string_view>

#include "cluster/node/state_machine.h"
#include "state/revision_changes.h"
#include "state/wait_server.h"
#include "store/keyspace/events.h"

namespace clustron::state {

class ApplyNews final : public store::Observer {
 public:
  // Both outlive it.
  ApplyNews(WaitServer& waits, store::Store& store) : waits_(waits), changes_(store) {}

  RevisionChanges& changes() { return changes_; }
  const RevisionChanges& changes() const { return changes_; }
  // An item is done: what it changed is told to watches.
  void EndRevision() {
    if (changes_.any()) changes_.End(!recovering_);
  }

  void SetListener(cluster::ApplyListener* listener) { listener_ = listener; }
  void SetDownstream(store::Observer* downstream) {
    downstream_ = downstream;
    changes_.SetOthersHear(downstream_ != nullptr && downstream_follows_);
  }
  // Whether it is told of every change, or only of keys that expire.
  void SetDownstreamFollows(bool changes) {
    downstream_follows_ = changes;
    changes_.SetOthersHear(downstream_ != nullptr && downstream_follows_);
  }
  void SetRecovering(bool recovering) {
    recovering_ = recovering;
    waits_.SetRecovering(recovering);
  }
  // Null while nobody is to be told.
  cluster::ApplyListener* listener() const { return recovering_ ? nullptr : listener_; }

  // store::Observer
  void BeforeChange(int db, const store::KeyRecord& record) override;
  void OnChange(const store::Change& change) override;
  bool OnPut(const store::KeyRecord& record, int db, store::Reason reason, bool existed) override;
  void OnNotify(int db, std::string_view key, store::Event event) override;
  void OnFlush(int db, store::Revision revision) override;
  void OnSwap(int db_a, int db_b, store::Revision revision) override;
  void OnSetting() override;
  void OnLease(const store::LeaseEvent& event) override;
  void OnLock(const store::LockEvent& event) override;

 private:
  [[gnu::noinline]] bool OnFollowedPut(const store::KeyRecord& record, int db, store::Reason reason,
                                       bool existed);
  store::Observer* downstream() const { return recovering_ ? nullptr : downstream_; }

  WaitServer& waits_;
  RevisionChanges changes_;
  cluster::ApplyListener* listener_ = nullptr;
  store::Observer* downstream_ = nullptr;
  bool downstream_follows_ = true;
  bool recovering_ = false;
};

}  // namespace clustron::state
