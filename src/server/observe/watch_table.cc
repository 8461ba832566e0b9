#include "server/observe/watch_table.h"

#include "base/check.h"

namespace clustron::server {

using commands::WatchTarget;

Watcher* Watched::Find(const Client& client, bool plain, bool previous) {
  for (Watcher& watcher : watchers)
    if (watcher.client == &client && watcher.form.plain == plain &&
        (plain || watcher.form.previous == previous))
      return &watcher;
  return nullptr;
}

std::string WatchTable::NameOf(int db, std::string_view name) {
  std::string whole(1, static_cast<char>(db));
  return whole.append(name);
}

WatchTable::Place* WatchTable::PlaceOf(const WatchTarget& target) {
  const std::string name = NameOf(target.db, target.name);
  if (target.prefix) {
    const auto it = prefixes_.find(name);
    return it == prefixes_.end() ? nullptr : &it->second;
  }
  const auto it = keys_.find(name);
  return it == keys_.end() ? nullptr : &it->second;
}

Watched* WatchTable::Find(const WatchTarget& target) {
  const Place* place = PlaceOf(target);
  return place == nullptr ? nullptr : &**place;
}

Watched& WatchTable::Add(const WatchTarget& target, store::Revision now, int64_t now_ms) {
  if (Watched* found = Find(target)) return *found;
  all_.push_back(
      {.target = target, .told = now, .told_ms = now_ms, .watchers = {}, .waits = {}, .self = {}});
  const Place place = std::prev(all_.end());
  place->self = place;
  const std::string name = NameOf(target.db, target.name);
  const bool added =
      target.prefix ? prefixes_.emplace(name, place).second : keys_.emplace(name, place).second;
  CHECK(added);
  return *place;
}

void WatchTable::DropUnused(const WatchTarget& target) {
  const Place* found = PlaceOf(target);
  if (found == nullptr || !(*found)->unused()) return;
  const Place place = *found;
  const std::string name = NameOf(target.db, target.name);
  const size_t gone = target.prefix ? prefixes_.erase(name) : keys_.erase(name);
  CHECK(gone == 1);
  all_.erase(place);
}

void WatchTable::Told(Watched& watched, store::Revision revision, int64_t now_ms) {
  watched.told = revision;
  watched.told_ms = now_ms;
  all_.splice(all_.end(), all_, watched.self);
}

}  // namespace clustron::server
