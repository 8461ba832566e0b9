// Keyspace notifications: the store's changes as messages `__keyspace@<db>__:<key>` and
// `__keyevent@<db>__:<event>` to this node's own subscribers, as notify-keyspace-events asks.
// Each node tells its own from its own applied log; nothing is forwarded. THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/keyspace/event_flags.h"
#include "store/keyspace/events.h"

namespace clustron::server {

class PubsubHub;

class Notifications {
 public:
  explicit Notifications(PubsubHub& hub) : hub_(hub) {}

  // The value of notify-keyspace-events, at start, after a restore, and when it changes. True if
  // anything is to be told at all: then Hook::kNotifications belongs on.
  bool SetFlags(uint32_t flags);
  bool on() const { return flags_ != 0; }

  // From the store's observer.
  void OnChange(const store::Change& change);
  void OnNotify(int db, std::string_view key, store::Event event);
  // A reader missed a key (class m).
  void OnMiss(int db, std::string_view key);

 private:
  void Tell(int db, std::string_view key, store::EventClass cls, std::string_view event);

  PubsubHub& hub_;
  uint32_t flags_ = 0;
  std::string channel_;  // reused
};

}  // namespace clustron::server
