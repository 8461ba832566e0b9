// This server as handlers of commands see it: where each of the ports leads. THREAD: core loop.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "commands/core/ports.h"
#include "server/config/config.h"
#include "server/dispatch/open_transactions.h"
#include "server/front/client_table.h"
#include "server/observe/pubsub_hub.h"
#include "server/observe/state_events.h"
#include "server/observe/watch_hub.h"
#include "server/ops/cluster_news.h"
#include "server/ops/node_control.h"

namespace clustron::server {

class ServerPorts final : public commands::ServerPort {
 public:
  // Where they lead; all outlive it. `info` may be null until a command asks.
  struct Around {
    Config& config;
    ClientTable& clients;
    PubsubHub& hub;
    StateEvents& events;
    ClusterNews& news;
    NodeControl& control;
    OpenTransactions& transactions;
    WatchHub& watches;
    commands::InfoPort* const& info;
  };
  explicit ServerPorts(const Around& around) : around_(around) {}

  uint64_t Publish(std::string_view channel, std::string_view message, bool sharded,
                   bool local_only) override {
    return around_.news.Publish(channel, message, sharded, local_only);
  }
  void KeyMissed(int db, std::string_view key, bool announce) override {
    around_.events.KeyMissed(db, key, announce);
  }
  commands::ClientsPort& clients() override { return around_.clients; }
  commands::ConfigPort& config() override { return around_.config; }
  commands::PubsubPort& pubsub() override { return around_.hub; }
  commands::InfoPort& info() override {
    CHECK(around_.info != nullptr);
    return *around_.info;
  }
  commands::NodePort& node() override { return around_.control; }
  commands::TransactionsPort& transactions() override { return around_.transactions; }
  commands::WatchesPort& watches() override { return around_.watches; }
  std::string_view password() const override { return around_.config.Text(Opt::kRequirePass); }

 private:
  const Around around_;
};

}  // namespace clustron::server
