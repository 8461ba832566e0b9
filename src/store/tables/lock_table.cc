#include "store/tables/lock_table.h"

#include <utility>

#include "base/check.h"
#include "store/keyspace/digester.h"
#include "store/tables/lease_table.h"

namespace clustron::store {

// ---- reading ----

const Lock* LockTable::Find(int db, std::string_view name) const {
  if (empty()) return nullptr;
  const auto it = rows().find(KeyName{db, std::string(name)});
  return it == rows().end() ? nullptr : &it->second;
}

const Lock* LockTable::FindGuard(int db, std::string_view key) const {
  if (guards_per_db_[db] == 0) return nullptr;
  const Lock* lock = Find(db, key);
  return lock != nullptr && !lock->advisory ? lock : nullptr;
}

std::vector<LockTable::Row> LockTable::List(int db, std::string_view prefix,
                                            const std::string_view* after, size_t limit) const {
  std::vector<Row> found;
  auto it = rows().lower_bound(KeyName{db, std::string(prefix)});
  if (after != nullptr && *after >= prefix)
    it = rows().upper_bound(KeyName{db, std::string(*after)});
  for (; it != rows().end() && found.size() < limit; ++it) {
    if (it->first.db != db || !std::string_view(it->first.name).starts_with(prefix)) break;
    found.push_back({it->first.name, &it->second});
  }
  return found;
}

// ---- changing ----

Revision LockTable::Acquire(int db, std::string_view name, const LockGrant& grant) {
  CHECK(grant.lease_id.empty() || LeasesOf(store_).Find(grant.lease_id) != nullptr);
  const Revision token = store_.TakeRevision();
  Lock lock;
  lock.advisory = grant.advisory;
  lock.holders.push_back({.token = token,
                          .owner = std::string(grant.owner),
                          .lease_id = std::string(grant.lease_id),
                          .ttl_ms = grant.ttl_ms});
  Insert(KeyName{db, std::string(name)}, std::move(lock));
  store_.Tell(
      {.kind = HeldEvent::Kind::kLock,
       .key = std::string(name),
       .lock = {
           .db = db, .kind = LockEventKind::kGranted, .token = token, .ttl_ms = grant.ttl_ms}});
  return token;
}

void LockTable::End(int db, std::string_view name, Revision token, LockEventKind kind) {
  const Place place = PlaceOf(KeyName{db, std::string(name)});
  CHECK(place->second.holder().token == token);
  store_.TakeRevision();
  store_.Tell({.kind = HeldEvent::Kind::kLock,
               .key = std::string(name),
               .lock = {.db = db, .kind = kind, .token = token}});
  Take(place);
}

void LockTable::RaiseTtl(int db, std::string_view name, Revision token, int64_t ttl_ms) {
  const Place place = PlaceOf(KeyName{db, std::string(name)});
  CHECK(place->second.holder().token == token);
  Renew(place, ttl_ms);
}

void LockTable::Keep(int db, std::string_view name) {
  const Place place = PlaceOf(KeyName{db, std::string(name)});
  Renew(place, place->second.holder().ttl_ms);
}

void LockTable::Renew(Place place, int64_t ttl_ms) {
  const KeyName& name = place->first;
  LockHolder& holder = place->second.holders.front();
  WriteAhead(name, place->second);
  AddUndo([&holder, before = holder.ttl_ms, renewed = holder.renewed] {
    holder.ttl_ms = before;
    holder.renewed = renewed;
  });
  holder.ttl_ms = ttl_ms;
  holder.renewed = store_.TakeRevision();
  store_.Tell({.kind = HeldEvent::Kind::kLock,
               .key = name.name,
               .lock = {.db = name.db,
                        .kind = LockEventKind::kRenewed,
                        .token = holder.token,
                        .renewed = holder.renewed,
                        .ttl_ms = holder.ttl_ms}});
}

// ---- rows ----

size_t LockTable::BytesOf(const KeyName& name, const Lock& lock) {
  constexpr size_t kNodes = 400;  // of the table, the lease's list and the timers
  constexpr size_t kNameCopies = 3;
  size_t bytes = kNodes + kNameCopies * name.name.size();
  for (const LockHolder& holder : lock.holders) {
    bytes += sizeof(LockHolder) + holder.owner.size() + holder.lease_id.size();
  }
  return bytes;
}

bool LockTable::Link(const KeyName& name, Lock& lock) {
  used_bytes_ += BytesOf(name, lock);
  if (!lock.advisory) {
    guard_count_++;
    guards_per_db_[name.db]++;
  }
  for (const LockHolder& holder : lock.holders) {
    if (!holder.lease_id.empty()) LeasesOf(store_).LinkLock(holder.lease_id, name);
  }
  return true;
}

void LockTable::Unlink(const KeyName& name, const Lock& lock) {
  used_bytes_ -= BytesOf(name, lock);
  if (!lock.advisory) {
    guard_count_--;
    guards_per_db_[name.db]--;
  }
  for (const LockHolder& holder : lock.holders) {
    if (!holder.lease_id.empty()) LeasesOf(store_).UnlinkLock(holder.lease_id, name);
  }
}

void LockTable::EncodeRow(const KeyName& name, const Lock& lock, std::string* out) const {
  Writer w(out);
  w.Varint(static_cast<uint64_t>(name.db));
  w.Bytes(name.name);
  w.U8(lock.advisory ? 1 : 0);
  w.Varint(lock.holders.size());
  for (const LockHolder& holder : lock.holders) {
    w.Varint(holder.token);
    w.Bytes(holder.owner);
    w.Bytes(holder.lease_id);
    w.Varint(static_cast<uint64_t>(holder.ttl_ms));
    w.Varint(holder.renewed);
  }
}

Result<std::pair<KeyName, Lock>> LockTable::DecodeRow(Reader* in) const {
  Reader& r = *in;
  const uint64_t db = r.Varint();
  KeyName name{static_cast<int>(db), std::string(r.Bytes())};
  Lock lock;
  lock.advisory = r.U8() != 0;
  for (uint64_t k = r.Varint(); k > 0 && r.ok(); k--) {
    LockHolder holder;
    holder.token = r.Varint();
    holder.owner = r.Bytes();
    holder.lease_id = r.Bytes();
    holder.ttl_ms = static_cast<int64_t>(r.Varint());
    holder.renewed = r.Varint();
    if (!holder.lease_id.empty() && LeasesOf(store_).Find(holder.lease_id) == nullptr) {
      return Fail(Errc::kCorruption, "snapshot: a lock of an unknown lease");
    }
    lock.holders.push_back(std::move(holder));
  }
  if (!r.ok() || db >= kDatabases || lock.holders.empty())
    return Fail(Errc::kCorruption, "snapshot: a lock");
  return std::pair(std::move(name), std::move(lock));
}

uint64_t LockTable::RowDigest(const KeyName& name, const Lock& lock) const {
  Digester d(Digester::kLock);
  d.Number(static_cast<uint64_t>(name.db));
  d.Bytes(name.name);
  d.Number(lock.advisory);
  for (const LockHolder& holder : lock.holders) {
    d.Number(holder.token);
    d.Bytes(holder.owner);
    d.Bytes(holder.lease_id);
    d.Number(static_cast<uint64_t>(holder.ttl_ms));
    d.Number(holder.renewed);
  }
  return d.sum();
}

std::unique_ptr<SlicedFree> LockTable::Clear() {
  used_bytes_ = 0;
  guard_count_ = 0;
  for (size_t& guards : guards_per_db_) guards = 0;
  return FreedInSlices(SetRowsAside());
}

}  // namespace clustron::store
