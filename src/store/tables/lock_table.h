// Locks: named like keys, in a table of their own (docs: LOCK).
//
// A lock is held iff it has holders in this table; deadlines live in the leader's timers (as for
// leases). The token of a grant is a revision that no other grant has, so tokens of a name only
// rise. An ordinary lock on name N also guards the data key N; an advisory one, or one that several
// may hold, doesn't. A lock has a row while it has holders, a queue, or a delay behind a holder
// that was lost: until then its mode stands.
//
// Requests that can't be granted may queue. A ticket at the front that could be granted makes its
// lock ready; whoever applies the log grants it behind the item (state/lock_server.h).
// Everything here is state: changed only in apply. THREAD: core loop.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "store/keyspace/key_name.h"
#include "store/keyspace/key_record.h"
#include "store/tables/lock.h"
#include "store/tables/lock_index.h"
#include "store/tables/ordered_table.h"
#include "store/tables/tables.h"

namespace clustron::store {

class LockTable final : public OrderedTable<KeyName, Lock> {
 public:
  explicit LockTable(Store& store) : OrderedTable(store), index_(store) {}

  const Lock* Find(int db, std::string_view name) const;
  // True while a guarding lock is held anywhere (one test before every Guarded call), or in `db`.
  bool guards_any() const { return index_.guards_any(); }
  bool guards_db(int db) const { return index_.guards_db(db); }
  // The guarding lock on a key, null when it may be written freely.
  const Lock* Guard(int db, std::string_view key) const {
    if (!index_.guards_db(db)) return nullptr;
    const Lock* lock = Find(db, key);
    return lock != nullptr && lock->guards() ? lock : nullptr;
  }
  // Locks that are held, those who wait for one, and whose next ticket can be granted.
  const LockIndex& index() const { return index_; }

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

  // ---- grants ----
  // REQUIRES: the lock is not contended, is Grantable, and is of this mode; the lease, if named,
  // exists; no holder has this owner. Returns the token: the item's revision.
  Revision Acquire(int db, std::string_view name, const LockRequest& request);
  // REQUIRES: held with this token. `kind` says why: kReleased, kExpired or kBroken. Behind a
  // holder who is lost (kExpired) comes the delay that it asked for.
  void End(int db, std::string_view name, Revision token, LockEventKind kind);
  // RENEW within an entry, to `ttl_ms` if that is above what it has (0: that again); a CLAIM of the
  // grant, too. An end that was queued before it is void. REQUIRES: held with this token.
  void Renew(int db, std::string_view name, Revision token, int64_t ttl_ms);
  void EndDelay(int db, std::string_view name);

  // ---- the queue ----
  // A ticket behind all others: `ticket_ms` as in LockTicket, or `wait` for a client that waits.
  // REQUIRES: as Acquire, but Grantable; fewer than kLockTicketsMax are there.
  Revision Enqueue(int db, std::string_view name, const LockRequest& request, int64_t ticket_ms,
                   const WaitId& wait);
  // REQUIRES, of the next three: the ticket is in the queue. The first two leave it its place.
  // A CLAIM within an entry. REQUIRES: nobody waits for it.
  void KeepTicket(int db, std::string_view name, Revision ticket);
  // From now on this client waits for it.
  void SetWait(int db, std::string_view name, Revision ticket, const WaitId& wait);
  void EndTicket(int db, std::string_view name, Revision ticket);
  // The client that waits for the ticket can be answered, or can't: then the ticket is passed over.
  // Nothing if it does not wait for that any more. It follows from WaitTable's row, and is no
  // change of this one.
  void SetPresent(const KeyName& name, Revision ticket, const WaitId& wait, bool present);

  // This item has made a grant or a ticket of the name: its revision is the item's, and no other
  // may have it, also when the first one has ended.
  bool TakenInThisItem(int db, std::string_view name) const;

  struct Handed {
    Revision token = 0;
    LockTicket ticket;
  };
  // Grants its next ticket. REQUIRES: ready (index().Ready()).
  Handed HandOver(const KeyName& name);

  // Whatever this revision names, token or ticket, ends with its lease, or since nobody can be
  // told. REQUIRES: there is one.
  void EndWithLease(const KeyName& name, Revision part, bool expired);
  // Grants and tickets say since when. Not in entries of programs that know nothing of it.
  void set_keeps_age(bool keeps) { keeps_age_ = keeps; }
  bool keeps_age() const { return keeps_age_; }

  std::string_view section() const override { return "locks"; }
  size_t used_bytes() const override { return index_.used_bytes(); }
  std::unique_ptr<SlicedFree> Clear() override;

 private:
  void EncodeRow(const KeyName& name, const Lock& lock, std::string* out) const override;
  Result<std::pair<KeyName, Lock>> DecodeRow(Reader* in) const override;
  uint64_t RowDigest(const KeyName& name, const Lock& lock) const override;
  bool Link(const KeyName& name, Lock& lock) override;
  void Unlink(const KeyName& name, const Lock& lock) override;

  Place RowFor(const KeyName& name, const LockRequest& request);
  void TakeIfUnused(Place place);

  // Changes of one part; each says how it is undone.
  void AddHolder(Place place, LockHolder holder);
  LockHolder RemoveHolder(Place place, Revision token);
  void AddTicket(Place place, Revision number, LockTicket ticket);
  LockTicket RemoveTicket(Place place, Revision number);
  void SetDelay(Place place, LockDelay delay);
  void Tell(const KeyName& name, LockEvent event, std::string_view owner = {});
  Revision TakeNumber(const KeyName& name);

  LockIndex index_;
  bool keeps_age_ = false;
  std::set<KeyName> taken_;  // of the item of this revision
  Revision taken_at_ = 0;
};

inline LockTable& LocksOf(Store& store) { return TableOf<LockTable>(store); }
inline const LockTable& LocksOf(const Store& store) { return TableOf<LockTable>(store); }

}  // namespace clustron::store
