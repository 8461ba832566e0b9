// What watches have to be told, from a replay of the log: the changes of each revision. What the
// replay says of them is held against its own state, slot by slot.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "state/watch_event.h"
#include "store/keyspace/store.h"
#include "tests/sim/report.h"

namespace clustron::sim {

// What the keys that are watched begin with.
inline constexpr std::string_view kWatchedPrefix = "watched:";

// A change of a key; `value` empty: it is gone.
struct WatchedChange {
  std::string key;
  std::string value;
  friend bool operator==(const WatchedChange&, const WatchedChange&) = default;
  friend auto operator<=>(const WatchedChange&, const WatchedChange&) = default;
};
// All keys of a database may be others since; kAllDbs: of each.
struct WatchedReset {
  uint64_t revision = 0;
  int db = 0;
};
using WatchedChanges = std::map<uint64_t, std::vector<WatchedChange>>;  // by revision

class WatchTruth final : public state::WatchSink {
 public:
  // Of the keys of database 0 that begin so.
  explicit WatchTruth(std::string_view prefix) : prefix_(prefix) {}

  // A slot is applied: what was told so far has led to this state.
  void CheckState(const store::Store& store, uint64_t slot, Report* report);
  const WatchedChanges& changes() const { return changes_; }
  const std::vector<WatchedReset>& resets() const { return resets_; }  // of all databases
  uint64_t newest() const { return newest_; }

 private:
  void OnRevision(const state::WatchRevision& revision) override;
  void OnReplaced(store::Revision) override {}

  const std::string prefix_;
  WatchedChanges changes_;
  std::vector<WatchedReset> resets_;
  std::map<std::string, std::pair<uint64_t, std::string>> keys_;  // revision and value
  uint64_t newest_ = 0;
  std::string wrong_;
};

}  // namespace clustron::sim
