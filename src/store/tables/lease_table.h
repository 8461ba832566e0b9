// Leases: named life spans with the keys that end with them (docs: LEASE).
//
// A lease is alive iff it is in this table: no deadline is kept or compared here. The leader's
// timers decide when an end is proposed; the entry that ends a lease names (id, grant revision,
// last renewal by an entry), so that an end which such a renewal overtook does nothing.
// Everything here is state: changed only in apply. THREAD: core loop.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/keyspace/key_name.h"
#include "store/keyspace/key_record.h"
#include "store/tables/ordered_table.h"
#include "store/tables/tables.h"

namespace clustron::store {

inline constexpr size_t kLeaseIdBytesMax = 64;
inline constexpr size_t kLeaseKeysMax = 65'536;
// Holders and tickets of locks. All of them end in one step, at about a microsecond each.
inline constexpr size_t kLeaseLocksMax = 16'384;

// A holder of a lock, by its token, or a ticket.
struct LockPart {
  KeyName name;
  Revision part = 0;
  friend auto operator<=>(const LockPart&, const LockPart&) = default;
};

struct Lease {
  std::string id;
  std::string owner;
  int64_t ttl_ms = 0;           // as granted
  Revision grant_revision = 0;  // names this grant of the id for good
  Revision renewed = 0;         // by the last keepalive within an entry; 0: none
  // Attached keys in the order of attaching (detached ones leave no trace).
  std::map<uint64_t, KeyName> keys;  // by attach number
  uint64_t next_attach = 0;
  std::set<LockPart> locks;  // what of locks ends with this lease; LockTable has it
};

class LeaseTable final : public OrderedTable<std::string, Lease>, private Attachments {
 public:
  explicit LeaseTable(Store& store);

  const Lease* Find(std::string_view id) const;
  size_t attached_keys() const override { return by_key_.size(); }
  // The lease that a key is attached to; null if none. The record's has_lease() says so cheaper.
  const Lease* LeaseOf(int db, std::string_view key) const;
  // In order of ids, from the first id > `after`, at most `limit`; `owner` filters unless null.
  std::vector<const Lease*> List(std::string_view after, size_t limit,
                                 const std::string_view* owner = nullptr) const;

  // REQUIRES: the id is unknown, of 1 … kLeaseIdBytesMax bytes.
  const Lease& Grant(std::string_view id, int64_t ttl_ms, std::string_view owner);
  // A keepalive within an entry: an end that was queued before it is void. REQUIRES: the lease
  // exists.
  void Keep(std::string_view id);
  // Deletes the attached keys, releases the locks and forgets the lease, all at the item's
  // revision. Returns the number of keys deleted. REQUIRES: the lease exists.
  size_t End(std::string_view id, bool expired);
  enum class AttachResult : uint8_t { kAttached, kAlready, kOtherLease, kHasTtl, kFull, kNoKey };
  // REQUIRES: the lease exists. kAlready changes nothing.
  AttachResult Attach(std::string_view id, int db, std::string_view key);
  // False when it had no lease.
  bool DetachKey(int db, std::string_view key);
  // It ends with the lease, from now on or no longer. REQUIRES: the lease exists.
  void LinkLock(std::string_view id, const LockPart& part);
  void UnlinkLock(std::string_view id, const LockPart& part);

  std::string_view section() const override { return "leases"; }
  // With the timers; names of keys are counted with the keys.
  size_t used_bytes() const override { return size() * kLeaseBytes + by_key_.size() * kKeyBytes; }
  std::unique_ptr<SlicedFree> Clear() override;

 private:
  static constexpr size_t kLeaseBytes = 600;  // an id and an owner are bounded
  static constexpr size_t kKeyBytes = 250;
  struct Attachment {
    Lease* lease;
    uint64_t number;
  };

  // row: id, owner, ttl, grant, renewed, next attach, keys: count, (attach, db, name) each; all
  // numbers varints
  void EncodeRow(const std::string& id, const Lease& lease, std::string* out) const override;
  Result<std::pair<std::string, Lease>> DecodeRow(Reader* in) const override;
  uint64_t RowDigest(const std::string& id, const Lease& lease) const override;
  bool Link(const std::string& id, Lease& lease) override;

  void Detach(int db, std::string_view key) override;
  void DetachAll(int db) override;
  void Rename(const KeyName& from, const KeyName& to) override;
  void Swap(int db_a, int db_b) override;
  bool Has(int db, std::string_view key) const override;

  std::vector<KeyName> DetachAllOf(Lease& lease);
  void DeleteEnding(const std::vector<KeyName>& keys, Event event);
  void Tell(const Lease& lease, LeaseEventKind kind);

  std::map<KeyName, Attachment> by_key_;
  bool ending_ = false;  // keys of a lease are being deleted, which are detached already
};

inline LeaseTable& LeasesOf(Store& store) { return TableOf<LeaseTable>(store); }
inline const LeaseTable& LeasesOf(const Store& store) { return TableOf<LeaseTable>(store); }

}  // namespace clustron::store
