// What the engines of a cluster tell each other beside the log (engine_news.h): published
// messages, hand-overs that begin, FAILOVER passed on, who is connected where. Nothing of it is
// replicated or repeated. THREAD: core loop.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/coding.h"
#include "cluster/node/node.h"
#include "server/front/client_table.h"
#include "server/observe/pubsub_hub.h"
#include "server/ops/departure.h"
#include "server/ops/engine_host.h"
#include "server/ops/failover.h"
#include "server/ops/maintenance.h"

namespace clustron::server {

class ClusterNews {
 public:
  // What it works with; all outlive it.
  struct Around {
    const Clock& clock;
    cluster::Node& node;
    const ClientTable& clients;
    PubsubHub& hub;
    Maintenance& maintenance;
    Failover& failover;
    Departure& departure;
    EngineHost& host;
  };
  explicit ClusterNews(const Around& around) : around_(around) {}

  // PUBLISH: delivers here and, unless `local_only`, on the other nodes. Returns this node's
  // receivers.
  uint64_t Publish(std::string_view channel, std::string_view message, bool sharded,
                   bool local_only);
  // This node gives its leadership away on purpose.
  void TellHandOver();
  // A message of another engine. What is malformed is ignored.
  void Hear(std::string_view body);

 private:
  void HearHandOver(Reader& reader);
  void HearFailover(uint8_t kind, Reader& reader);

  const Around around_;
};

}  // namespace clustron::server
