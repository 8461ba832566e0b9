// What WATCHKEY asks of its node: the history of changes, and who is told of new ones. Implemented
// by server/observe. Nothing behind it is replicated state. THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "commands/core/watch_target.h"

namespace clustron::commands {

class ClientPort;
class LateReply;

// WATCHKEY SINCE, or WAIT.
struct SinceCall {
  WatchTarget target;
  uint64_t revision = 0;  // changes above it are wanted
  size_t limit = 0;       // of revisions
  bool previous = false;
  bool waits = false;  // until there is one
};

// The plain form of WATCHKEY: events on the caller's connection.
struct PlainWatch {
  std::vector<WatchTarget> targets;
  bool from = false;  // with what came behind `revision`
  uint64_t revision = 0;
  bool snapshot = false;  // what there is now first
  bool values = true;
  bool previous = false;
};

// A row of WATCHKEY LIST.
struct WatcherRow {
  std::string_view form;  // "channel", "plain", "wait"
  WatchTarget target;
  uint64_t client = 0;
  uint64_t told = 0;  // the revision of the target's last message here
  bool slow = false;  // events are left out: its buffer is full
};

// Which rows of it are wanted, in order of target and client. Those of one client with one target
// stay together, also beyond the limit.
struct WatcherPage {
  struct Row {
    WatchTarget target;
    uint64_t client = 0;
    friend auto operator<=>(const Row&, const Row&) = default;
  };
  std::optional<Row> after = {};  // none: from the first on
  size_t limit = SIZE_MAX;
};

// Of this node, for INFO.
struct WatchCounts {
  uint64_t targets = 0;   // keys and prefixes
  uint64_t watchers = 0;  // of them, but for those that wait
  uint64_t buffered_bytes = 0;
  uint64_t history_bytes = 0;
  uint64_t history_oldest = 0;  // the lowest revision that SINCE takes; 0: there is no history
  uint64_t history_newest = 0;  // the last one with an event
  uint64_t messages_told = 0;   // a revision to the watchers of a key or prefix
  uint64_t gaps_told = 0;
};

class WatchesPort {
 public:
  virtual ~WatchesPort() = default;
  // Has the cluster keep a history of changes, if it does not; `previous`: with the values before
  // them. True if it does.
  virtual bool Begin(bool previous) = 0;
  // The lowest revision that SINCE takes; nothing: it takes none (watch-history-size is 0).
  virtual std::optional<uint64_t> OldestRevision() const = 0;
  // What a watch that begins now need not be told: the state's revision, but while a snapshot is
  // being loaded that of the state before.
  virtual uint64_t ToldRevision() const = 0;
  // The answer is that of the call's first Poll, or comes later.
  virtual std::unique_ptr<LateReply> Since(SinceCall call, ClientPort& client) = 0;
  virtual std::unique_ptr<LateReply> Watch(PlainWatch call, ClientPort& client) = 0;
  // Ends the client's watches of the plain form of this name. Returns how many it has left.
  virtual size_t Unwatch(ClientPort& client, int db, std::string_view name) = 0;
  // Its watches of the plain form.
  virtual std::vector<WatchTarget> WatchesOf(const ClientPort& client) const = 0;
  virtual std::vector<WatcherRow> List(const WatcherPage& page) const = 0;
  virtual WatchCounts Counts() const = 0;
};

}  // namespace clustron::commands
