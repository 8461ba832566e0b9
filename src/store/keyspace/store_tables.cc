// The store's state besides keys, as bytes in a snapshot: see SnapshotWalk::tables.
//
//   version 4 | seed | elapsed | wall | revision | flush numbers × 16 | created × 16
//   | created before the flush × 16
//   | touch cells: count, then (distance to the cell before, revision) each
//   | settings that differ from the defaults: count, then name, text each
//
// Leases and locks are rows by themselves, each with its size before it:
//
//   lease: id, owner, ttl, grant, renewed, next attach, keys: count, (attach, db, name) each
//   lock:  db, name, advisory, holders: count, (token, owner, lease, ttl, renewed) each
//
// Numbers are varints but for the seed.
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "store/keyspace/garbage.h"
#include "store/keyspace/journal.h"
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/store.h"
#include "store/keyspace/table.h"
#include "store/keyspace/time_wheel.h"

namespace clustron::store {
namespace {

constexpr uint64_t kTablesVersion = 4;

std::unexpected<Error> Corrupt(const char* what) { return Fail(Errc::kCorruption, what); }

}  // namespace

void EncodeLease(const Lease& lease, std::string* out) {
  Writer w(out);
  w.Bytes(lease.id);
  w.Bytes(lease.owner);
  w.Varint(static_cast<uint64_t>(lease.ttl_ms));
  w.Varint(lease.grant_revision);
  w.Varint(lease.renewed);
  w.Varint(lease.next_attach);
  w.Varint(lease.keys.size());
  for (const auto& [attach, key] : lease.keys) {
    w.Varint(attach);
    w.Varint(static_cast<uint64_t>(key.db));
    w.Bytes(key.name);
  }
}

void EncodeLock(const KeyName& name, const Lock& lock, std::string* out) {
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

void Store::EncodeTables(std::string* out) const {
  Writer w(out);
  w.Varint(kTablesVersion);
  w.U64(seed_);
  w.Varint(static_cast<uint64_t>(elapsed_ms_));
  w.Varint(static_cast<uint64_t>(wall_ms_));
  w.Varint(revision_);
  for (const auto* revisions : {&flush_touch_, &created_, &flushed_created_})
    for (const Revision revision : *revisions) w.Varint(revision);
  size_t touched = 0;
  for (const Revision revision : touch_) touched += revision != 0 ? 1 : 0;
  w.Varint(touched);
  size_t last = 0;
  for (size_t i = 0; i < touch_.size(); i++) {
    if (touch_[i] == 0) continue;
    w.Varint(i - last);
    w.Varint(touch_[i]);
    last = i;
  }
  settings_.Encode(out);
}

Status Store::DecodeTables(std::string_view bytes) {
  Reader r(bytes);
  if (r.Varint() != kTablesVersion) return Corrupt("snapshot: tables of an unknown version");
  seed_ = r.U64();
  for (int db = 0; db < kDatabases; db++) {
    CHECK(tables_[db]->size() == 0);
    tables_[db] = NewTable(db);  // it has the seed
    table_by_id_[db] = tables_[db].get();
  }
  elapsed_ms_ = static_cast<int64_t>(r.Varint());
  wall_ms_ = static_cast<int64_t>(r.Varint());
  revision_ = r.Varint();
  for (auto* revisions : {&flush_touch_, &created_, &flushed_created_})
    for (Revision& revision : *revisions) revision = r.Varint();
  size_t cell = 0;
  for (uint64_t n = r.Varint(); n > 0 && r.ok(); n--) {
    cell += r.Varint();
    if (cell >= touch_.size()) return Corrupt("snapshot: touch table");
    touch_[cell] = r.Varint();
  }
  Settings settings;
  TRY(settings.Decode(&r));
  RestoreSettings(std::move(settings));
  if (!r.Done()) return Corrupt("snapshot: tables cut short");
  return {};
}

Result<const Lease*> Store::DecodeLease(Reader* in) {
  Reader& r = *in;
  auto lease = std::make_unique<Lease>();
  lease->id = r.Bytes();
  lease->owner = r.Bytes();
  lease->ttl_ms = static_cast<int64_t>(r.Varint());
  lease->grant_revision = r.Varint();
  lease->renewed = r.Varint();
  lease->next_attach = r.Varint();
  for (uint64_t k = r.Varint(); k > 0 && r.ok(); k--) {
    const uint64_t attach = r.Varint();
    const uint64_t db = r.Varint();
    KeyName key{static_cast<int>(db), std::string(r.Bytes())};
    if (db >= kDatabases || attach >= lease->next_attach ||
        !leases_.by_key_.emplace(key, LeaseTable::Place{lease.get(), attach}).second ||
        !lease->keys.emplace(attach, std::move(key)).second) {
      return Corrupt("snapshot: keys of a lease");
    }
  }
  if (!r.ok()) return Corrupt("snapshot: a lease cut short");
  std::string id = lease->id;
  const auto [it, added] = leases_.leases_.emplace(std::move(id), std::move(lease));
  if (!added) return Corrupt("snapshot: a lease twice");
  return it->second.get();
}

Result<const std::pair<const KeyName, Lock>*> Store::DecodeLock(Reader* in) {
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
    if (!holder.lease_id.empty() && leases_.Find(holder.lease_id) == nullptr) {
      return Corrupt("snapshot: a lock of an unknown lease");
    }
    lock.holders.push_back(std::move(holder));
  }
  if (!r.ok() || db >= kDatabases || lock.holders.empty()) return Corrupt("snapshot: a lock");
  const auto [it, added] = locks_.locks_.emplace(std::move(name), std::move(lock));
  if (!added) return Corrupt("snapshot: a lock twice");
  LinkLock(it->first, it->second);
  return &*it;
}

void Store::Clear() {
  CHECK(walk_ == nullptr);
  CHECK(!journal_->armed());
  for (int db = 0; db < kDatabases; db++) {
    Discard(std::exchange(tables_[db], NewTable(db)));
    table_by_id_[db] = tables_[db].get();
  }
  revision_ = item_revision_ = 0;
  elapsed_ms_ = wall_ms_ = 0;
  flush_touch_ = created_ = flushed_created_ = {};
  touch_.assign(kTouchCells, 0);
  elapsed_wheel_ = std::make_unique<TimeWheel>();
  wall_wheel_ = std::make_unique<TimeWheel>();
  garbage_->Add(FreedInSlices(std::exchange(leases_, {})));
  garbage_->Add(FreedInSlices(std::exchange(locks_, {})));
  RestoreSettings(Settings());
}

}  // namespace clustron::store
