// Gathers what an item changes, and when it is done hands it on as one revision: to the history,
// and to this node's watches. Each key comes once, as the item left it, with what it was before it
// if that is asked for; a key that came and went is not told.
//
// Most items change one key: of that the record at hand is used. THREAD: core loop.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "state/watch_event.h"
#include "state/watch_history.h"
#include "store/keyspace/events.h"
#include "store/keyspace/store.h"

namespace clustron::state {

class RevisionChanges {
 public:
  // It outlives this.
  explicit RevisionChanges(store::Store& store) : store_(store) {}

  // This node's watches. Null: nobody is told.
  void SetSink(WatchSink* sink) { sink_ = sink; }
  WatchSink* sink() const { return sink_; }
  WatchHistory& history() { return history_; }
  const WatchHistory& history() const { return history_; }
  // What the state asks for, and what this node's own watches need: then hooks are on.
  void FollowSettings();
  void SetOwnNeeds(bool events, bool previous);

  // Whether changes are to be gathered.
  bool wanted() const { return wanted_; }
  // Of a put or delete, with Hook::kWatches on.
  void OnChange(const store::Change& change);
  void BeforeChange(int db, const store::KeyRecord& record);
  void OnFlush(int db, store::Revision revision);
  void OnSwap(int db_a, int db_b, store::Revision revision);
  void OnLeaseEnd(std::string_view id);

  // Whether there is something for End() to do.
  bool any() const { return count_ != 0 || !before_.empty(); }
  // The item is done. `told`: not while entries are applied again.
  void End(bool told);

 private:
  struct Changed {
    int db = 0;
    bool existed = false;  // before the item
    bool reset = false;    // of a whole database
    store::Reason reason = store::Reason::kCmd;
    std::string key;
    std::string lease;  // that ended with it
  };
  struct Name {
    int db;
    std::string key;
    friend auto operator<=>(const Name&, const Name&) = default;
  };
  struct NameView {
    int db;
    std::string_view key;
    friend bool operator==(const NameView&, const NameView&) = default;
  };
  struct NameHash {
    size_t operator()(const NameView& name) const {
      return HashBytes(name.key, static_cast<uint64_t>(name.db));
    }
  };
  // The value before; `size` as in WatchEvent.
  struct Before {
    int64_t size = WatchEvent::kNotKept;
    std::string value;
  };

  Changed& Add();
  void Reset(int db, store::Reason reason, store::Revision revision);
  void SetHooks();
  bool AddEvent(const Changed& changed);
  void AddPrevious(const Changed& changed, WatchEvent* event);
  void Tell(bool told);

  store::Store& store_;
  WatchHistory history_;
  WatchSink* sink_ = nullptr;
  bool own_events_ = false;
  bool own_previous_ = false;
  bool previous_ = false;
  bool wanted_ = false;

  // Of the item at hand. The first count_ are in use; the others are there to be used again.
  std::deque<Changed> changed_;
  size_t count_ = 0;
  store::Revision revision_ = 0;
  const store::KeyRecord* lone_ = nullptr;  // of the only change so far, if that was a put
  std::unordered_map<NameView, size_t, NameHash> places_;  // once there is a second one
  std::map<Name, Before> before_;
  size_t before_bytes_ = 0;
  std::vector<WatchEvent> events_;  // reused
};

}  // namespace clustron::state
