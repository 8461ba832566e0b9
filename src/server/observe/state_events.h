// What the applied log tells this node: its subscribers, its counters, and its own copy of the
// cluster-wide settings. THREAD: core loop.
#pragma once

#include <string_view>

#include "cluster/node/node.h"
#include "server/config/config.h"
#include "server/observe/notifications.h"
#include "server/observe/pubsub_hub.h"
#include "server/observe/stats.h"
#include "state/executor.h"
#include "store/keyspace/events.h"

namespace clustron::server {

class StateEvents final : public store::Observer {
 public:
  // All outlive it.
  StateEvents(Config& config, state::Executor& executor, PubsubHub& hub, Stats& stats)
      : config_(config), executor_(executor), hub_(hub), stats_(stats), notifications_(hub) {}

  // The state is restored and this node runs: settings of the state work from now on.
  void SetNode(cluster::Node& node);
  // A reader here found no such key: counted and, if `announce`, told to who asked for keymiss.
  void KeyMissed(int db, std::string_view key, bool announce);

  // --- store::Observer -------------------------------------------------------------------------
  void OnChange(const store::Change& change) override;
  void OnNotify(int db, std::string_view key, store::Event event) override;
  void OnFlush(int, store::Revision) override {}
  void OnSwap(int, int, store::Revision) override {}
  void OnSetting() override;
  void OnLease(const store::LeaseEvent& event) override;
  void OnLock(const store::LockEvent& event) override;

 private:
  void TellOwners(const store::LeaseEvent& event, std::string_view word);
  void ShowSettings();

  Config& config_;
  state::Executor& executor_;
  PubsubHub& hub_;
  Stats& stats_;
  Notifications notifications_;
  cluster::Node* node_ = nullptr;  // null while the state is being restored
};

}  // namespace clustron::server
