// What the store tells while entries are applied, passed on: to who serves waiters, to the leader's
// timers, and to this node's observer (notifications, counters). While entries are applied again
// only waiters, which are state, hear of it. THREAD: core loop.
#pragma once

#include <string_view>

#include "cluster/node/state_machine.h"
#include "state/wait_server.h"
#include "store/keyspace/events.h"

namespace clustron::state {

class ApplyNews final : public store::Observer {
 public:
  // It outlives this.
  explicit ApplyNews(WaitServer& waits) : waits_(waits) {}

  void SetListener(cluster::ApplyListener* listener) { listener_ = listener; }
  void SetDownstream(store::Observer* downstream) { downstream_ = downstream; }
  void SetRecovering(bool recovering) {
    recovering_ = recovering;
    waits_.SetRecovering(recovering);
  }
  // Null while nobody is to be told.
  cluster::ApplyListener* listener() const { return recovering_ ? nullptr : listener_; }

  // store::Observer
  void OnChange(const store::Change& change) override;
  void OnNotify(int db, std::string_view key, store::Event event) override;
  void OnFlush(int db, store::Revision revision) override;
  void OnSwap(int db_a, int db_b, store::Revision revision) override;
  void OnSetting() override;
  void OnLease(const store::LeaseEvent& event) override;
  void OnLock(const store::LockEvent& event) override;

 private:
  store::Observer* downstream() const { return recovering_ ? nullptr : downstream_; }

  WaitServer& waits_;
  cluster::ApplyListener* listener_ = nullptr;
  store::Observer* downstream_ = nullptr;
  bool recovering_ = false;
};

}  // namespace clustron::state
