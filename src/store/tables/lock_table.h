// Locks: named like keys, in a table of their own (docs: LOCK).
//
// A lock is held iff it is in this table; deadlines live in the leader's timers (as for leases).
// The token of a grant is the revision of the item that granted it, so tokens of a name only rise.
// An ordinary lock on name N also guards the data key N; an advisory one doesn't.
// Everything here is state: changed only in apply. THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "store/keyspace/key_name.h"
#include "store/keyspace/key_record.h"
#include "store/tables/ordered_table.h"
#include "store/tables/tables.h"

namespace clustron::store {

struct LockHolder {
  Revision token = 0;
  std::string owner;     // unique per attempt: the same owner asking again is the same attempt
  std::string lease_id;  // if any: ends with it too, whichever comes first
  int64_t ttl_ms = 0;    // as granted or last raised
  Revision renewed = 0;  // by the last renewal that was an entry, as a lease's; 0: none
};

// Holders are a list so that SHARED and LIMIT need no new shape; today there is exactly one.
struct Lock {
  bool advisory = false;
  std::vector<LockHolder> holders;
  const LockHolder& holder() const { return holders.front(); }
};

struct LockGrant {
  std::string_view owner;
  std::string_view lease_id;  // empty: none
  int64_t ttl_ms = 0;
  bool advisory = false;
};

class LockTable final : public OrderedTable<KeyName, Lock> {
 public:
  explicit LockTable(Store& store) : OrderedTable(store) {}

  const Lock* Find(int db, std::string_view name) const;
  // True while a guarding lock is held anywhere (one test before every Guarded call), or in `db`.
  bool guards_any() const { return guard_count_ != 0; }
  bool guards_db(int db) const { return guards_per_db_[db] != 0; }
  // The guarding lock on a key, null when it may be written freely.
  const Lock* Guard(int db, std::string_view key) const {
    return guard_count_ == 0 ? nullptr : FindGuard(db, key);
  }

  struct Row {
    std::string_view name;
    const Lock* lock;
  };
  // In order of names, those that begin with `prefix`, from the first name > `after` on
  // (after == nullptr: from the start), at most `limit`.
  std::vector<Row> List(int db, std::string_view prefix, const std::string_view* after,
                        size_t limit) const;
  // The same, one after the other, until `f` is false: bool(name, Lock).
  template <typename F>
  void ForPrefix(int db, std::string_view prefix, F&& f) const {
    for (auto it = rows().lower_bound(KeyName{db, std::string(prefix)}); it != rows().end(); ++it) {
      if (it->first.db != db || !std::string_view(it->first.name).starts_with(prefix)) return;
      if (!f(std::string_view(it->first.name), it->second)) return;
    }
  }
  // Every lock in order of (db, name): timers of a new leader. void(int, name, Lock).
  template <typename F>
  void ForEach(F&& f) const {
    for (const auto& [name, lock] : rows()) f(name.db, std::string_view(name.name), lock);
  }

  // REQUIRES: not held; the lease, if named, exists. Returns the token: the item's revision.
  Revision Acquire(int db, std::string_view name, const LockGrant& grant);
  // REQUIRES: held with this token. `kind` says why: kReleased, kExpired or kBroken.
  void End(int db, std::string_view name, Revision token, LockEventKind kind);
  // RENEW above the granted TTL. REQUIRES: held with this token.
  void RaiseTtl(int db, std::string_view name, Revision token, int64_t ttl_ms);
  // RENEW up to the granted TTL within an entry, as LeaseTable::Keep. REQUIRES: held.
  void Keep(int db, std::string_view name);

  std::string_view section() const override { return "locks"; }
  size_t used_bytes() const override { return used_bytes_; }
  std::unique_ptr<SlicedFree> Clear() override;

 private:
  // row: db, name, advisory (one byte), holders: count, (token, owner, lease, ttl, renewed) each;
  // all other numbers varints
  void EncodeRow(const KeyName& name, const Lock& lock, std::string* out) const override;
  Result<std::pair<KeyName, Lock>> DecodeRow(Reader* in) const override;
  uint64_t RowDigest(const KeyName& name, const Lock& lock) const override;
  bool Link(const KeyName& name, Lock& lock) override;
  void Unlink(const KeyName& name, const Lock& lock) override;

  const Lock* FindGuard(int db, std::string_view key) const;
  void Renew(Place place, int64_t ttl_ms);
  static size_t BytesOf(const KeyName& name, const Lock& lock);

  size_t used_bytes_ = 0;
  size_t guard_count_ = 0;
  size_t guards_per_db_[kDatabases] = {};
};

inline LockTable& LocksOf(Store& store) { return TableOf<LockTable>(store); }
inline const LockTable& LocksOf(const Store& store) { return TableOf<LockTable>(store); }

}  // namespace clustron::store
