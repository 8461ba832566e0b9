// Gathers what an item changes, and when it is done hands it on as one revision: to the history,
// and to this node's watches. Each key comes once, as the item left it, with what it was before it
// if that is asked for; a key that came and went is not told.
//
// Most items change one key, once: that is staged in the history as soon as it is made. With a
// second change of the item it is taken from there again, and all are gathered. THREAD: core loop.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/planted_bugs.h"
#include "state/change_places.h"
#include "state/watch_event.h"
#include "state/watch_history.h"
#include "store/keyspace/events.h"
#include "store/keyspace/store.h"
#include "store/types/string/string_value.h"

namespace clustron::state {

class RevisionChanges {
 public:
  // It outlives this.
  explicit RevisionChanges(store::Store& store) : store_(store) {}

  // This node's watches; told of revisions while they need events (SetOwnNeeds). Null: nobody is.
  void SetSink(WatchSink* sink) { sink_ = sink; }
  WatchSink* sink() const { return sink_; }
  WatchHistory& history() { return history_; }
  const WatchHistory& history() const { return history_; }
  // What the state asks for, and what this node's own watches need: then hooks are on. Settings
  // that an item changes, or takes back, hold from its end on.
  void OnSetting();
  void SetOwnNeeds(bool events, bool previous);

  // Whether changes are to be gathered.
  bool wanted() const { return wanted_; }
  // Of a change, with Hook::kWatches on.
  void OnChange(const store::Change& change);
  // The same in short, for what most items do: put one short string that has no lease under a key
  // of up to 127 bytes. False: that
  // is not so, and nothing is done.
  bool OnShortPut(const store::KeyRecord& record, int db, store::Reason reason, bool existed);
  // Whether this node's watches are to be told of what OnShortPut has taken. If they aren't,
  // EndShort will do.
  bool StagedIsFollowed() const;
  // Whether this node's watches are told of what changes.
  bool tells() const { return own_events_; }
  // Others hear of every change, too: then OnShortPut takes nothing.
  void SetOthersHear(bool others);
  void BeforeChange(int db, const store::KeyRecord& record);
  void OnFlush(int db, store::Revision revision);
  void OnSwap(int db_a, int db_b, store::Revision revision);
  void OnLeaseEnd(std::string_view id);

  // Whether there is something for End() to do.
  bool any() const { return any_change() || !before_.empty() || settings_changed_; }
  // The item is done. `told`: not while entries are applied again.
  void End(bool told);
  // The same if nobody is to be told, and OnShortPut was all.
  void EndShort() {
    DCHECK(count_ == 0);
    if (!history_.staged() || history_.Publish()) [[likely]]
      return;
    history_.Trim();
    history_.AllowShort(!others_hear_);
  }

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
  static uint64_t HashOf(int db, std::string_view key) {
    return HashBytes(key, static_cast<uint64_t>(db));
  }
  // The value before; `size` as in WatchEvent.
  struct Before {
    int64_t size = WatchEvent::kNotKept;
    std::string value;
  };

  bool Stage(const store::Change& change);
  void Unstage();
  bool any_change() const { return history_.staged() || count_ != 0; }
  Changed& Add();
  void FollowSettings();
  void Reset(int db, store::Reason reason, store::Revision revision);
  void SetHooks();
  WatchEvent EventOf(const NameView& name, store::Reason reason, bool existed,
                     const store::KeyRecord* record) const;
  void AddEvent(const Changed& changed);
  void AddPrevious(const NameView& name, bool existed, WatchEvent* event) const;
  // To the history and, unless that is null, to the listener.
  void Tell(WatchSink* listener);
  void EndStaged(WatchSink* listener);
  void EndGathered(WatchSink* listener);

  store::Store& store_;
  WatchHistory history_;
  WatchSink* sink_ = nullptr;
  bool own_events_ = false;
  bool own_previous_ = false;
  bool others_hear_ = false;
  bool previous_ = false;
  bool wanted_ = false;

  bool settings_changed_ = false;  // by the item at hand

  // Of the item at hand. INVARIANT: what is staged in the history is the only change.
  // The first count_ are in use; the others are there to be used again.
  std::deque<Changed> changed_;
  size_t count_ = 0;
  store::Revision revision_ = 0;
  ChangePlaces places_;  // of keys, once there is a second change
  std::map<Name, Before> before_;
  size_t before_bytes_ = 0;
  std::vector<WatchEvent> events_;  // reused
};

inline bool RevisionChanges::OnShortPut(const store::KeyRecord& record, int db,
                                        store::Reason reason, bool existed) {
  const store::Revision revision = record.revision();
  if (!history_.TakesShort(revision) || Planted(Bug::kWatchToldEarly)) return false;
  DCHECK(!any());
  DCHECK(!others_hear_);
  // First what is at hand: with all at once the compiler runs out of registers.
  char* const to = history_.WriteShort(revision, reason, db, existed);
  size_t key_size = 0;
  const std::string_view text = store::ShortStringText(record, &key_size);
  return !text.empty() && history_.StageShort(revision, to, text, key_size);
}

}  // namespace clustron::state
