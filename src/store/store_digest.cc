// The store's full digest: see Store::Digest.
#include <string>

#include "base/hash.h"
#include "base/rng.h"
#include "store/entry_edit.h"
#include "store/store.h"
#include "store/table.h"

namespace clustron::store {
namespace {

// A hash over fields of known order.
class Digester {
 public:
  explicit Digester(uint64_t kind) : sum_(Mix64(kind)) {}
  void Number(uint64_t v) { sum_ = Mix64(sum_ ^ v); }
  void Bytes(std::string_view bytes) {
    Number(bytes.size());
    sum_ = HashBytes(bytes, sum_);
  }
  uint64_t sum() const { return sum_; }

 private:
  uint64_t sum_;
};

enum : uint64_t { kKey = 1, kClocks, kTouchCell, kLease, kLock };

}  // namespace

uint64_t Store::EntryDigest(int db, const Entry& e) const {
  Digester d(kKey);
  d.Number(static_cast<uint64_t>(db));
  d.Bytes(e.key());
  d.Number(e.revision());
  d.Number(static_cast<uint64_t>(e.type()) << 8 | static_cast<uint64_t>(e.form()));
  const Deadline deadline = e.deadline();
  d.Number(deadline.exists());
  d.Number(static_cast<uint64_t>(deadline.ms()) << 1 | (deadline.clock() == ClockKind::kWall));
  d.Number(e.has_lease());
  if (e.type() == Type::kString) {
    d.Number(e.StringSize());
    e.ForEachPiece([&](std::string_view piece) { d.Bytes(piece); });
  } else {
    d.Number(e.hash().packed());
    e.hash().ForEach([&](FieldValue fv) {
      d.Bytes(fv.field);
      d.Bytes(fv.value);
    });
  }
  return d.sum();
}

uint64_t Store::TablesDigest() const {
  Digester clocks(kClocks);
  clocks.Number(revision_);
  clocks.Number(static_cast<uint64_t>(elapsed_ms_));
  clocks.Number(static_cast<uint64_t>(wall_ms_));
  clocks.Number(seed_);
  for (const Revision revision : flush_touch_) clocks.Number(revision);
  uint64_t sum = clocks.sum();
  for (size_t i = 0; i < touch_.size(); i++) {
    if (touch_[i] == 0) continue;
    Digester d(kTouchCell);
    d.Number(i);
    d.Number(touch_[i]);
    sum += d.sum();
  }
  for (const auto& [id, lease] : leases_.leases_) {
    Digester d(kLease);
    d.Bytes(id);
    d.Bytes(lease->owner);
    d.Number(static_cast<uint64_t>(lease->ttl_ms));
    d.Number(lease->grant_revision);
    d.Number(lease->next_attach);
    for (const auto& [attach, key] : lease->keys) {
      d.Number(attach);
      d.Number(static_cast<uint64_t>(key.db));
      d.Bytes(key.name);
    }
    sum += d.sum();
  }
  locks_.ForEach([&](int db, std::string_view name, const Lock& lock) {
    Digester d(kLock);
    d.Number(static_cast<uint64_t>(db));
    d.Bytes(name);
    d.Number(lock.advisory);
    for (const LockHolder& holder : lock.holders) {
      d.Number(holder.token);
      d.Bytes(holder.owner);
      d.Bytes(holder.lease_id);
      d.Number(static_cast<uint64_t>(holder.ttl_ms));
    }
    sum += d.sum();
  });
  return sum;
}

uint64_t Store::Digest() const {
  uint64_t sum = TablesDigest();
  for (int db = 0; db < kDatabases; db++) {
    table(db).index().ForEach(
        [&](uint64_t payload) { sum += EntryDigest(db, *Table::EntryAt(payload)); });
  }
  return sum;
}

}  // namespace clustron::store
