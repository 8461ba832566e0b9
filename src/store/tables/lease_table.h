// Leases: named life spans with the keys that end with them (docs: LEASE).
//
// A lease is alive iff it is in this table: no deadline is kept or compared here. The leader's
// timers decide when an end is proposed; the entry that ends a lease names (id, grant revision,
// last renewal by an entry), so that an end which such a renewal overtook does nothing.
// Everything here is state: changed only in apply, through Store, which keeps the undo journal,
// the revisions and the keys in step.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/keyspace/key_name.h"
#include "store/keyspace/key_record.h"

namespace clustron::store {

inline constexpr size_t kLeaseIdBytesMax = 64;
inline constexpr size_t kLeaseKeysMax = 65'536;

struct Lease {
  std::string id;
  std::string owner;
  int64_t ttl_ms = 0;           // as granted
  Revision grant_revision = 0;  // names this grant of the id for good
  Revision renewed = 0;         // by the last keepalive within an entry; 0: none
  // Attached keys in the order of attaching (detached ones leave no trace).
  std::map<uint64_t, KeyName> keys;  // by attach number
  uint64_t next_attach = 0;
  std::set<KeyName> locks;  // those that end with this lease; they are in LockTable
};

// THREAD: core loop.
class LeaseTable {
 public:
  // Drops about so many rows; true if more are left. For a table that is being thrown away.
  bool FreeSome(size_t count);
  const Lease* Find(std::string_view id) const;
  size_t size() const { return leases_.size(); }
  bool empty() const { return leases_.empty(); }
  size_t attached_keys() const { return by_key_.size(); }
  // What leases and attachments take, about, with the timers; names of keys are counted with the
  // keys.
  size_t used_bytes() const { return leases_.size() * kLeaseBytes + by_key_.size() * kKeyBytes; }

  // The lease that a key is attached to; null if none. The entry's has_lease() says so cheaper.
  const Lease* LeaseOf(int db, std::string_view key) const;

  // In order of ids, from the first id > `after`, at most `limit`; `owner` filters unless null.
  std::vector<const Lease*> List(std::string_view after, size_t limit,
                                 const std::string_view* owner = nullptr) const;

 private:
  friend class Store;
  friend class Journal;
  friend class SnapshotWalk;
  friend class StoreLoader;
  static constexpr size_t kLeaseBytes = 600;  // an id and an owner are bounded
  static constexpr size_t kKeyBytes = 250;
  struct Place {
    Lease* lease;
    uint64_t attach;
  };
  std::map<std::string, std::unique_ptr<Lease>, std::less<>> leases_;
  std::map<KeyName, Place> by_key_;
};

// As a snapshot's row has it: see store_tables.cc.
void EncodeLease(const Lease& lease, std::string* out);

}  // namespace clustron::store
