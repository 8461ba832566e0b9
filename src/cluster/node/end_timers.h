// The leader's timers for leases and locks, with their queues. Not replicated: a new leader starts
// them all at the full TTL. Keepalives only move a deadline in here. When one passes, the leader
// proposes the end; from that moment on keepalives for it must wait for the outcome.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

namespace clustron::cluster {

class EndTimers {
 public:
  // What ends: a lease by its id (db -1), or by database, name and revision a part of a lock: a
  // grant, a ticket, a delay.
  struct Key {
    int db = -1;
    std::string name;
    uint64_t part = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Due {
    Key key;
    uint64_t revision;  // of the grant
    uint64_t renewed;   // the last renewal by an entry that is known
  };
  enum class Touch : uint8_t { kOk, kGone, kEnding };

  void Clear();
  // Granted, or renewed by an entry: full TTL from now.
  void Set(Key key, uint64_t revision, uint64_t renewed, int64_t ttl_ms, int64_t now_ns);
  // What waits for its time, what is of no use any more included.
  size_t filed() const { return heap_.size(); }
  void Erase(const Key& key);
  // Keepalive: moves the deadline to now + `ttl_ms` (0: the granted TTL; never beyond the granted).
  // With `revision` other than 0 it must be the grant's. kOk: *remaining_ms is what it has now.
  Touch Extend(const Key& key, uint64_t revision, int64_t ttl_ms, int64_t now_ns,
               int64_t* remaining_ms);
  // nullopt: gone.
  std::optional<int64_t> RemainingMs(const Key& key, int64_t now_ns) const;
  // Moves up to `limit` timers whose time has passed to *due and marks them as ending.
  void TakeDue(int64_t now_ns, size_t limit, std::vector<Due>* due);
  size_t size() const { return timers_.size(); }

 private:
  struct Timer {
    uint64_t revision;
    uint64_t renewed;
    int64_t ttl_ms;
    int64_t deadline_ns;
    int64_t filed_ns;  // the deadline of its entry in the heap: not above deadline_ns
    bool ending = false;
  };
  struct Filed {
    int64_t deadline_ns;
    Key key;
    uint64_t revision;
    bool operator>(const Filed& other) const {
      return std::tie(deadline_ns, key) > std::tie(other.deadline_ns, other.key);
    }
  };
  std::map<Key, Timer> timers_;
  // Moved later = untouched, filed again when it comes up.
  std::priority_queue<Filed, std::vector<Filed>, std::greater<>> heap_;
};

}  // namespace clustron::cluster
