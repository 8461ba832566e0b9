// The way to this node's stop (SHUTDOWN, a signal): clients are sent to other members, leadership
// is handed over, what is under way is finished, and then the process ends. THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_set>

#include "base/clock.h"
#include "base/coding.h"
#include "base/result.h"
#include "cluster/node/node.h"
#include "commands/core/ports.h"
#include "server/config/config.h"
#include "server/front/client_table.h"
#include "server/observe/stats.h"
#include "server/ops/engine_host.h"
#include "server/ops/failover.h"
#include "server/ops/maintenance.h"
#include "server/ops/master_news.h"

namespace clustron::server {

class Departure {
 public:
  // What it works with; all outlive it.
  struct Around {
    const Clock& clock;
    const Config& config;
    cluster::Node& node;
    const ClientTable& clients;
    const SnapshotStats& snapshots;
    Maintenance& maintenance;
    MasterNews& master_news;
    Failover& failover;
    EngineHost& host;
  };
  explicit Departure(const Around& around) : around_(around) {}

  Status Begin(const commands::ShutdownRequest& request);
  // Errors are whole replies' texts.
  Status Abort();
  bool going_on() const { return going_on_; }
  // Call about ten times a second.
  void Step(int64_t now_ns);

  // Another node stops: tells which clients that write to masters only are connected here.
  void TellWhoIsHere();
  // Another node's answer to that.
  void NoteWhoIsElsewhere(Reader& reader);

 private:
  size_t TellMoving(int64_t now_ns);
  bool LeavesMasters(int64_t now_ns);
  bool ParksWaiters(int64_t now_ns);
  bool BeginLeaving(int64_t now_ns);
  void CallOff();
  bool saves() const { return request_.save == commands::ShutdownRequest::Save::kSave; }
  // Nobody is to be waited for.
  bool hurries(int64_t now_ns) const {
    return request_.now || deadline_ns_ <= now_ns || around_.node.alone();
  }

  const Around around_;
  bool going_on_ = false;
  commands::ShutdownRequest request_;
  int64_t deadline_ns_ = 0;
  uint64_t seq_ = 0;                        // of what clients are told of it
  int64_t leaving_since_ns_ = 0;            // 0: not yet, see LeavesMasters
  bool parked_ = false;                     // the others were told not to serve who waits here
  int64_t asked_ns_ = 0;                    // when the others were asked who is there; 0: not yet
  std::unordered_set<uint64_t> elsewhere_;  // clients that the others named
};

}  // namespace clustron::server
