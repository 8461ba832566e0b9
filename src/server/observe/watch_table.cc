#include "server/observe/watch_table.h"

#include <algorithm>

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
  AddToFilter(target);
  return *place;
}

void WatchTable::DropUnused(const WatchTarget& target) {
  const Place* found = PlaceOf(target);
  if (found == nullptr || !(*found)->unused()) return;
  const Place place = *found;
  const std::string name = NameOf(target.db, target.name);
  const size_t gone = target.prefix ? prefixes_.erase(name) : keys_.erase(name);
  CHECK(gone == 1);
  RemoveFromFilter(target);
  all_.erase(place);
}

// --- Filters -------------------------------------------------------------------------------------

bool WatchTable::PrefixMayBeOf(int db, std::string_view key) const {
  if (prefix_lengths_.size() > kLengthsMax) return true;
  for (const PrefixLength& one : prefix_lengths_) {
    if (one.length > key.size()) return false;
    if (filters_->prefixes.MayHave(HashOf(db, key.substr(0, one.length)))) return true;
  }
  return false;
}

void WatchTable::CountLength(size_t length, int by) {
  auto it = std::lower_bound(prefix_lengths_.begin(), prefix_lengths_.end(), length,
                             [](const PrefixLength& one, size_t l) { return one.length < l; });
  if (it == prefix_lengths_.end() || it->length != length)
    it = prefix_lengths_.insert(it, {length, 0});
  it->count += static_cast<size_t>(by);
  if (it->count == 0) prefix_lengths_.erase(it);
}

void WatchTable::AddToFilter(const WatchTarget& target) {
  if (target.prefix) CountLength(target.name.size(), 1);
  NameFilter& filter = FilterOf(target.prefix);
  if (!filter.full()) return filter.Add(HashOf(target.db, target.name));
  const auto fill = [&](const auto& names) {  // the new one is among them
    filter.Begin(names.size());
    for (const auto& [name, place] : names) filter.Add(NameHash()(name));
  };
  target.prefix ? fill(prefixes_) : fill(keys_);
}

void WatchTable::RemoveFromFilter(const WatchTarget& target) {
  FilterOf(target.prefix).Remove(HashOf(target.db, target.name));
  if (target.prefix) CountLength(target.name.size(), -1);
}

void WatchTable::Told(Watched& watched, store::Revision revision, int64_t now_ms) {
  watched.told = revision;
  watched.told_ms = now_ms;
  all_.splice(all_.end(), all_, watched.self);
}

}  // namespace clustron::server
