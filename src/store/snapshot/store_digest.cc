// The store's full digest: see Store::Digest.
#include "store/keyspace/key_record_edit.h"
#include "store/keyspace/store.h"
#include "store/keyspace/table.h"
#include "store/keyspace/value_type.h"
#include "store/snapshot/digest.h"

namespace clustron::store {
namespace {

enum : uint64_t { kKey = 1, kClocks, kTouchCell, kLease, kLock };

}  // namespace

uint64_t KeyDigestBegin(int db, std::string_view key, Type type, const KeyMeta& meta,
                        uint64_t size) {
  Digester d(kKey);
  d.Number(static_cast<uint64_t>(db));
  d.Bytes(key);
  d.Number(meta.revision);
  d.Number(static_cast<uint64_t>(type) << 8 | static_cast<uint64_t>(meta.form));
  d.Number(meta.packed);
  d.Number(meta.deadline.exists());
  d.Number(static_cast<uint64_t>(meta.deadline.ms()) << 1 |
           (meta.deadline.clock() == ClockKind::kWall));
  d.Number(size);
  return d.sum();
}

uint64_t KeyDigest(int db, const KeyRecord& e) {
  struct Sum final : PartSink {
    void OnPart(std::string_view part) override { sum = KeyDigestPart(sum, part); }
    uint64_t sum = 0;
  } sum;
  const ValueType& type = ValueTypeOf(e);
  sum.sum = KeyDigestBegin(db, e.key(), e.type(), KeyMeta::Of(e), type.count(e));
  type.parts(e, sum);
  return sum.sum;
}

uint64_t LeaseDigest(const Lease& lease) {
  Digester d(kLease);
  d.Bytes(lease.id);
  d.Bytes(lease.owner);
  d.Number(static_cast<uint64_t>(lease.ttl_ms));
  d.Number(lease.grant_revision);
  d.Number(lease.renewed);
  d.Number(lease.next_attach);
  for (const auto& [attach, key] : lease.keys) {
    d.Number(attach);
    d.Number(static_cast<uint64_t>(key.db));
    d.Bytes(key.name);
  }
  return d.sum();
}

uint64_t LockDigest(const KeyName& name, const Lock& lock) {
  Digester d(kLock);
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

uint64_t Store::ClocksDigest() const {
  Digester clocks(kClocks);
  clocks.Number(revision_);
  clocks.Number(static_cast<uint64_t>(elapsed_ms_));
  clocks.Number(static_cast<uint64_t>(wall_ms_));
  clocks.Number(seed_);
  for (const auto* revisions : {&flush_touch_, &created_, &flushed_created_})
    for (const Revision revision : *revisions) clocks.Number(revision);
  clocks.Number(settings_.Digest());
  uint64_t sum = clocks.sum();
  for (size_t i = 0; i < touch_.size(); i++) {
    if (touch_[i] == 0) continue;
    Digester d(kTouchCell);
    d.Number(i);
    d.Number(touch_[i]);
    sum += d.sum();
  }
  return sum;
}

uint64_t Store::TablesDigest() const {
  uint64_t sum = ClocksDigest();
  for (const auto& [id, lease] : leases_.leases_) sum += LeaseDigest(*lease);
  for (const auto& [name, lock] : locks_.locks_) sum += LockDigest(name, lock);
  return sum;
}

uint64_t Store::Digest() const {
  uint64_t sum = TablesDigest();
  for (int db = 0; db < kDatabases; db++) {
    table(db).index().ForEach(
        [&](uint64_t payload) { sum += KeyDigest(db, *Table::EntryAt(payload)); });
  }
  return sum;
}

}  // namespace clustron::store
