// Narrow interfaces through which handlers reach the caller's connection and this node. `server`
// implements them; tests may too. THREAD: core loop.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace clustron::resp {
class ReplyWriter;
}

namespace clustron::commands {

// One watched key (WATCH): what EXEC compares.
struct WatchedKey {
  int db = 0;
  std::string key;
  uint64_t key_revision = 0;    // 0: absent when watched
  uint64_t store_revision = 0;  // the store's when watched
};

// The caller's connection. Everything here is this node's own: nothing of it is replicated.
class ClientPort {
 public:
  virtual ~ClientPort() = default;
  virtual uint64_t id() const = 0;
  virtual int db() const = 0;
  virtual void SelectDb(int db) = 0;
  virtual int resp_version() const = 0;

  // MULTI … EXEC. Queued commands are kept by the dispatcher.
  virtual bool in_multi() const = 0;
  virtual void BeginMulti() = 0;
  virtual void DiscardMulti() = 0;  // also forgets the watched keys
  virtual void Watch(WatchedKey key) = 0;
  virtual void Unwatch() = 0;
};

// This node.
class ServerPort {
 public:
  virtual ~ServerPort() = default;
  // Delivers to this node's subscribers and, unless `local_only`, to the other nodes'. Returns this
  // node's receivers.
  virtual uint64_t Publish(std::string_view channel, std::string_view message, bool sharded,
                           bool local_only) = 0;
};

}  // namespace clustron::commands
