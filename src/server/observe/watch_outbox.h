// What watchers are still to be sent, for each client apart: while its connection takes what comes
// it is sent at once; else up to watch-buffer-size is kept. What is more than that is left out, and
// when there is room again each of its watches is told so (gap). The connection lives on.
// THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/config.h"
#include "server/front/client.h"
#include "server/observe/watch_table.h"

namespace clustron::server {

class WatchOutbox {
 public:
  // Both outlive it.
  WatchOutbox(const Config& config, WatchTable& table) : config_(config), table_(table) {}

  // Of a message that `frames` has, the last one being of `told_before`.
  void Send(Watched& watched, Watcher& watcher, WatchFrames& frames, store::Revision told_before);
  // Sends what there is room for, and gaps where all of it is sent. With each turn and tick.
  void Step();
  // The client's watch ends; what was kept for it is not sent.
  void ForgetWatch(const Watched& watched, const Watcher& watcher);
  void Forget(const Client& client) { queues_.erase(client.id()); }

  uint64_t gaps() const { return gaps_; }
  size_t bytes() const;

 private:
  struct Frame {
    commands::WatchTarget target;
    size_t form;
    std::string bytes;
  };
  struct Queue {
    Client* client = nullptr;
    std::deque<Frame> frames;
    size_t bytes = 0;
    std::vector<commands::WatchTarget> slow;  // watches that something was left out of
  };

  static bool HasRoom(const Client& client);
  void SendGaps(Queue& queue);

  const Config& config_;
  WatchTable& table_;
  std::map<uint64_t, Queue> queues_;  // by the client's id; of slow ones only
  uint64_t gaps_ = 0;
};

}  // namespace clustron::server
