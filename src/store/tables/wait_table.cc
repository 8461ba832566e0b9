#include "store/tables/wait_table.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "store/keyspace/digester.h"
#include "store/tables/lock_table.h"

namespace clustron::store {

namespace {

constexpr uint8_t kForLock = 255;  // in the place of a type

}  // namespace

void WaitTable::Add(Wait wait) {
  CHECK(HasRoom(wait));
  CHECK(FindId(wait.id) == nullptr);
  const WaitPlace place = empty() ? 1 : rows().rbegin()->first + 1;
  Insert(place, std::move(wait));
}

Wait WaitTable::Remove(WaitPlace place) {
  const Place row = PlaceOf(place);
  Wait wait = row->second;
  Take(row);
  return wait;
}

const Wait* WaitTable::Find(WaitPlace place) const {
  const auto it = rows().find(place);
  return it == rows().end() ? nullptr : &it->second;
}

const WaitPlace* WaitTable::FindId(const WaitId& id) const {
  const auto it = by_id_.find(id);
  return it == by_id_.end() ? nullptr : &it->second;
}

// ---- keys ----

bool WaitTable::Waited(int db, std::string_view key) const {
  if (waited_keys_[db] == 0) return false;
  const KeyName name{db, std::string(key)};
  const auto it = by_key_.lower_bound({name, Type{}});
  return it != by_key_.end() && it->first.first == name;
}

std::vector<std::string> WaitTable::KeysOf(int db) const {
  std::vector<std::string> keys;
  for (auto it = by_key_.lower_bound({KeyName{db, {}}, Type{}});
       it != by_key_.end() && it->first.first.db == db; ++it)
    if (keys.empty() || keys.back() != it->first.first.name) keys.push_back(it->first.first.name);
  return keys;
}

const WaitPlace* WaitTable::Next(const KeyName& key, Type type, WaitPlace after) const {
  const auto it = by_key_.find({key, type});
  if (it == by_key_.end()) return nullptr;
  if (Planted(Bug::kWaitOrderByNode) && after == 0) {
    const auto node_of = [this](WaitPlace place) { return rows().at(place).id.owner.node; };
    return &*std::min_element(it->second.begin(), it->second.end(),
                              [&](WaitPlace a, WaitPlace b) { return node_of(a) < node_of(b); });
  }
  const auto next = it->second.upper_bound(after);
  return next == it->second.end() ? nullptr : &*next;
}

std::vector<WaitPlace> WaitTable::HeldBackBy(int db, std::string_view name) const {
  const KeyName key{db, std::string(name)};
  std::set<WaitPlace> places;
  for (auto it = by_key_.lower_bound({key, Type{}}); it != by_key_.end() && it->first.first == key;
       ++it)
    places.insert(it->second.begin(), it->second.end());
  if (const auto it = by_target_.find(key); it != by_target_.end())
    places.insert(it->second.begin(), it->second.end());
  return {places.begin(), places.end()};
}

// ---- time ----

int64_t WaitTable::NextDueMs() const {
  return by_deadline_.empty() ? INT64_MAX : by_deadline_.begin()->first;
}

const WaitPlace* WaitTable::Due(int64_t elapsed_ms) const {
  if (NextDueMs() > elapsed_ms) return nullptr;
  return &by_deadline_.begin()->second;
}

// ---- owners ----

std::vector<WaitOwner> WaitTable::Served() const {
  std::vector<WaitOwner> owners;
  for (const auto& [owner, counts] : owners_)
    if (counts.served > 0) owners.push_back(owner);
  return owners;
}

size_t WaitTable::parked() const {
  size_t count = size();
  for (const auto& [owner, counts] : owners_) count -= counts.served;
  return count;
}

std::vector<WaitPlace> WaitTable::PlacesOf(const WaitOwner& owner) const {
  const auto it = owners_.find(owner);
  if (it == owners_.end()) return {};
  return {it->second.places.begin(), it->second.places.end()};
}

bool WaitTable::AnyParked(const WaitOwner& owner) const {
  const auto it = owners_.find(owner);
  return it != owners_.end() && it->second.served < it->second.places.size();
}

std::vector<WaitOwner> WaitTable::OlderThan(const WaitOwner& owner) const {
  std::vector<WaitOwner> owners;
  for (auto it = owners_.lower_bound(WaitOwner{owner.node, 0});
       it != owners_.end() && it->first < owner; ++it)
    owners.push_back(it->first);
  return owners;
}

void WaitTable::SetParked(const WaitOwner& owner, bool parked) {
  for (const WaitPlace place : PlacesOf(owner)) {
    const Place row = PlaceOf(place);
    if (row->second.parked == parked) continue;
    WriteAhead(place, row->second);
    const auto set = [this, place](bool to) {
      Wait& wait = PlaceOf(place)->second;
      wait.parked = to;
      to ? UnlinkKeys(place, wait) : LinkKeys(place, wait);
      OwnerCounts& counts = owners_.at(wait.id.owner);
      counts.served += to ? size_t{0} - 1 : 1;
    };
    AddUndo([set, before = !parked] { set(before); });
    set(parked);
  }
}

// ---- rows ----

// State hangs on it (HasRoom), so it is counted in figures of its own, not by what this compiler's
// strings take.
size_t WaitTable::BytesOf(const Wait& wait) {
  constexpr size_t kNodes = 500;  // of the table and of what finds a row
  constexpr size_t kWord = 32;
  size_t bytes = kNodes + wait.user.size();
  for (const std::string& arg : wait.args) bytes += kWord + arg.size();
  for (const auto* keys : {&wait.keys, &wait.targets})
    for (const std::string& key : *keys) bytes += 3 * kWord + 2 * key.size();
  return bytes;
}

// Who waits for a lock has its place in the lock's queue.
void WaitTable::LinkKeys(WaitPlace place, const Wait& wait) {
  if (wait.for_lock()) {
    LocksOf(store_).SetPresent({wait.db, wait.keys.front()}, wait.ticket, wait.id, true);
    return;
  }
  for (const std::string& key : wait.keys) {
    std::set<WaitPlace>& waiting = by_key_[{KeyName{wait.db, key}, wait.type}];
    if (waiting.empty() && ++waited_keys_[wait.db] == 1)
      store_.SetHook(wait.db, Hook::kWaiters, true);
    waiting.insert(place);
  }
  for (const std::string& key : wait.targets) by_target_[KeyName{wait.db, key}].insert(place);
}

void WaitTable::UnlinkKeys(WaitPlace place, const Wait& wait) {
  if (wait.for_lock()) {
    if (Planted(Bug::kLockTicketGoneGranted)) return;
    LocksOf(store_).SetPresent({wait.db, wait.keys.front()}, wait.ticket, wait.id, false);
    return;
  }
  for (const std::string& key : wait.keys) {
    const auto it = by_key_.find({KeyName{wait.db, key}, wait.type});
    CHECK(it != by_key_.end());
    it->second.erase(place);
    if (!it->second.empty()) continue;
    by_key_.erase(it);
    if (--waited_keys_[wait.db] == 0) store_.SetHook(wait.db, Hook::kWaiters, false);
  }
  for (const std::string& key : wait.targets) {
    const auto it = by_target_.find(KeyName{wait.db, key});
    CHECK(it != by_target_.end());
    it->second.erase(place);
    if (it->second.empty()) by_target_.erase(it);
  }
}

bool WaitTable::Link(const WaitPlace& place, Wait& wait) {
  if (!by_id_.emplace(wait.id, place).second) return false;
  used_bytes_ += BytesOf(wait);
  if (wait.for_lock()) {
    const Lock* lock = LocksOf(store_).Find(wait.db, wait.keys.front());
    if (lock == nullptr || !lock->IsWaitedFor(wait.ticket, wait.id)) return false;
  }
  if (!wait.parked) LinkKeys(place, wait);
  if (wait.deadline_ms != 0) by_deadline_.emplace(wait.deadline_ms, place);
  OwnerCounts& counts = owners_[wait.id.owner];
  counts.places.insert(place);
  counts.served += wait.parked ? 0 : 1;
  return true;
}

void WaitTable::Unlink(const WaitPlace& place, const Wait& wait) {
  by_id_.erase(wait.id);
  used_bytes_ -= BytesOf(wait);
  if (!wait.parked) UnlinkKeys(place, wait);
  if (wait.deadline_ms != 0) by_deadline_.erase({wait.deadline_ms, place});
  const auto owner = owners_.find(wait.id.owner);
  CHECK(owner != owners_.end());
  owner->second.places.erase(place);
  owner->second.served -= wait.parked ? 0 : 1;
  if (owner->second.places.empty()) owners_.erase(owner);
}

void WaitTable::EncodeRow(const WaitPlace& place, const Wait& wait, std::string* out) const {
  Writer w(out);
  w.Varint(place);
  w.U32(wait.id.owner.node);
  w.U32(wait.id.owner.boot);
  w.Varint(wait.id.id);
  w.U16(wait.command_id);
  w.U8(static_cast<uint8_t>(wait.db));
  w.U8(static_cast<uint8_t>(wait.resp_version));
  w.U8(wait.for_lock() ? kForLock : static_cast<uint8_t>(wait.type));
  w.U8(wait.parked ? 1 : 0);
  w.Bytes(wait.user);
  for (const std::vector<std::string>* words : {&wait.args, &wait.keys, &wait.targets}) {
    w.Varint(words->size());
    for (const std::string& word : *words) w.Bytes(word);
  }
  w.Varint(static_cast<uint64_t>(wait.deadline_ms));
  if (wait.for_lock()) w.Varint(wait.ticket);
}

Result<std::pair<WaitPlace, Wait>> WaitTable::DecodeRow(Reader* in) const {
  const WaitPlace place = in->Varint();
  Wait wait;
  wait.id.owner.node = in->U32();
  wait.id.owner.boot = in->U32();
  wait.id.id = in->Varint();
  wait.command_id = in->U16();
  const uint8_t db = in->U8();
  wait.db = db;
  wait.resp_version = in->U8();
  const uint8_t type = in->U8();
  wait.type = type == kForLock ? Type{} : static_cast<Type>(type);
  wait.parked = in->U8() != 0;
  wait.user = in->Bytes();
  for (std::vector<std::string>* words : {&wait.args, &wait.keys, &wait.targets}) {
    for (uint64_t left = in->Varint(); left > 0 && in->ok(); left--)
      words->emplace_back(in->Bytes());
  }
  wait.deadline_ms = static_cast<int64_t>(in->Varint());
  if (type == kForLock) wait.ticket = in->Varint();
  const std::set<std::string> keys(wait.keys.begin(), wait.keys.end());
  const bool good = place != 0 && db < kDatabases && (type < kTypes || wait.for_lock()) &&
                    !keys.empty() && keys.size() == wait.keys.size() && wait.deadline_ms >= 0 &&
                    (wait.resp_version == 2 || wait.resp_version == 3);
  if (!good) return Fail(Errc::kCorruption, "snapshot: a waiter that can't be");
  return std::pair(place, std::move(wait));
}

uint64_t WaitTable::RowDigest(const WaitPlace& place, const Wait& wait) const {
  if (Planted(Bug::kWaitsNotInSnapshot)) return 0;
  std::string bytes;
  EncodeRow(place, wait, &bytes);
  Digester d(Digester::kWait);
  d.Bytes(bytes);
  return d.sum();
}

std::unique_ptr<SlicedFree> WaitTable::Clear() {
  for (int db = 0; db < kDatabases; db++) store_.SetHook(db, Hook::kWaiters, false);
  waited_keys_ = {};
  used_bytes_ = 0;
  return FreedInSlices(std::exchange(by_key_, {}), std::exchange(by_target_, {}),
                       std::exchange(by_id_, {}), std::exchange(by_deadline_, {}),
                       std::exchange(owners_, {}), SetRowsAside());
}

}  // namespace clustron::store
