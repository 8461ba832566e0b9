// Locks: named like keys, in a table of their own (docs: LOCK).
//
// A lock is held iff it is in this table; deadlines live in the leader's timers (as for leases).
// The token of a grant is the revision of the item that granted it, so tokens of a name only rise.
// An ordinary lock on name N also guards the data key N; an advisory one doesn't.
// Changed only in apply, through Store.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "store/keyspace/key_name.h"
#include "store/keyspace/key_record.h"

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

// THREAD: core loop.
class LockTable {
 public:
  bool FreeSome(size_t count);  // as LeaseTable's
  const Lock* Find(int db, std::string_view name) const;
  size_t size() const { return locks_.size(); }
  // What the locks take, about, with their timers.
  size_t used_bytes() const { return used_bytes_; }

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
  // Every lock in order of (db, name): timers of a new leader, snapshots. void(int, name, Lock).
  template <typename F>
  void ForEach(F&& f) const {
    for (const auto& [name, lock] : locks_) f(name.db, std::string_view(name.name), lock);
  }

 private:
  friend class Store;
  friend class Journal;
  friend class SnapshotWalk;
  const Lock* FindGuard(int db, std::string_view key) const;
  static size_t BytesOf(const KeyName& name, const Lock& lock);

  std::map<KeyName, Lock> locks_;
  size_t used_bytes_ = 0;
  size_t guard_count_ = 0;
  size_t guards_per_db_[16] = {};
};

// As a snapshot's row has it: see store_tables.cc.
void EncodeLock(const KeyName& name, const Lock& lock, std::string* out);

}  // namespace clustron::store
