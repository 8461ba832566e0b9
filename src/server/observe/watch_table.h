// Who watches what on this node. A changed key finds those who watch it by a look-up for the key
// and, for prefixes, by steps down a sorted table: it costs by the key's length and what it finds,
// not by the number of watchers. Most keys are watched by nobody, and where there are many watches
// both tables are far away in memory: filters before them say so sooner. THREAD: core loop.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "commands/core/watch_target.h"
#include "server/observe/name_filter.h"
#include "server/observe/watch_frames.h"
#include "store/keyspace/key_record.h"

namespace clustron::server {

class Client;
class WatchSearchReply;  // watch_search_reply.h

// A client that is told of a target's events.
struct Watcher {
  Client* client = nullptr;
  WatchForm form;
  // Events that were left out since its buffer was full: 0, or the revision told last before them,
  // and the last of them.
  store::Revision slow_from = 0;
  store::Revision slow_to = 0;
};

struct Watched {
  commands::WatchTarget target;
  // The revision of the last message here, of whatever kind; all events up to it were told.
  store::Revision told = 0;
  int64_t told_ms = 0;
  std::vector<Watcher> watchers;
  std::vector<WatchSearchReply*> waits;

  std::list<Watched>::iterator self;  // in the table

  bool unused() const { return watchers.empty() && waits.empty(); }
  Watcher* Find(const Client& client, bool plain, bool previous);
};

class WatchTable {
 public:
  using Place = std::list<Watched>::iterator;

  bool empty() const { return all_.empty(); }
  size_t size() const { return all_.size(); }
  Watched* Find(const commands::WatchTarget& target);
  // What there is, or a new one, which is told `now`.
  Watched& Add(const commands::WatchTarget& target, store::Revision now, int64_t now_ms);
  // Forgets it if nobody uses it any more.
  void DropUnused(const commands::WatchTarget& target);

  // False: nobody watches this key.
  bool MayWatch(int db, std::string_view key) const {
    return MayWatchKey(db, key) || MayWatchPrefix(db, key);
  }
  // Those who watch this key: void(Watched&).
  template <typename F>
  void ForEachOf(int db, std::string_view key, F&& f);
  // In the order in which they were told last.
  std::list<Watched>& all() { return all_; }
  const std::list<Watched>& all() const { return all_; }
  // It was told something just now.
  void Told(Watched& watched, store::Revision revision, int64_t now_ms);

 private:
  static uint64_t HashOf(int db, std::string_view name) {
    return HashBytes(name, static_cast<uint64_t>(db));
  }
  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const {
      return HashOf(static_cast<uint8_t>(name[0]), name.substr(1));
    }
  };
  // Database and name as one string.
  static std::string NameOf(int db, std::string_view name);
  Place* PlaceOf(const commands::WatchTarget& target);

  struct Filters {
    NameFilter keys;
    NameFilter prefixes;
  };
  // So many prefixes are so long.
  struct PrefixLength {
    size_t length;
    size_t count;
  };
  // With more lengths than this the filter of prefixes isn't asked.
  static constexpr size_t kLengthsMax = 8;
  bool MayWatchKey(int db, std::string_view key) const {
    return !keys_.empty() && filters_->keys.MayHave(HashOf(db, key));
  }
  bool MayWatchPrefix(int db, std::string_view key) const {
    return !prefixes_.empty() && PrefixMayBeOf(db, key);
  }
  bool PrefixMayBeOf(int db, std::string_view key) const;
  NameFilter& FilterOf(bool prefix) { return prefix ? filters_->prefixes : filters_->keys; }
  // One prefix more, or less, is so long.
  void CountLength(size_t length, int by);
  void AddToFilter(const commands::WatchTarget& target);
  void RemoveFromFilter(const commands::WatchTarget& target);

  std::list<Watched> all_;
  std::unordered_map<std::string, Place, NameHash, std::equal_to<>> keys_;
  std::map<std::string, Place, std::less<>> prefixes_;
  std::unique_ptr<Filters> filters_ = std::make_unique<Filters>();
  std::vector<PrefixLength> prefix_lengths_;  // rising
};

template <typename F>
void WatchTable::ForEachOf(int db, std::string_view key, F&& f) {
  const bool by_key = MayWatchKey(db, key);
  const bool by_prefix = MayWatchPrefix(db, key);
  if (!by_key && !by_prefix) return;
  const std::string name = NameOf(db, key);
  if (const auto it = keys_.find(name); it != keys_.end()) f(*it->second);
  if (!by_prefix) return;
  // A prefix of the key that is in the table is the last one that sorts below some beginning of the
  // key, or sorts below that one.
  std::string_view rest = name;
  for (;;) {
    auto it = prefixes_.upper_bound(rest);
    if (it == prefixes_.begin()) return;
    --it;
    const std::string& found = it->first;
    size_t same = 0;
    while (same < found.size() && same < rest.size() && found[same] == rest[same]) ++same;
    if (same == 0) return;  // another database
    if (same == found.size()) {
      f(*it->second);
      if (--same == 0) return;
    }
    rest = rest.substr(0, same);
  }
}

}  // namespace clustron::server
