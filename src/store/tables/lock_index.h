// What is derived from all locks together: how many are held and waited for, which guard keys, and
// which can be handed over. Parts of a lock (holders, tickets) go in and out here, with what the
// lock itself derives from them. Nothing of it is in a row. THREAD: core loop.
#pragma once

#include <cstddef>
#include <set>
#include <string_view>

#include "store/keyspace/key_name.h"
#include "store/keyspace/store.h"
#include "store/tables/lock.h"

namespace clustron::store {

class LockIndex {
 public:
  // The store outlives it.
  explicit LockIndex(Store& store) : store_(store) {}

  size_t held() const { return held_; }
  size_t tickets() const { return tickets_; }
  size_t used_bytes() const { return used_bytes_; }
  bool guards_any() const { return guard_count_ != 0; }
  bool guards_db(int db) const { return guards_per_db_[db] != 0; }
  const KeyName* Ready() const { return ready_.empty() ? nullptr : &*ready_.begin(); }

  // A row, its parts left out.
  void AddRow(const KeyName& name);
  void RemoveRow(const KeyName& name);
  // False: it contradicts another part.
  bool PutHolder(const KeyName& name, Lock& lock, LockHolder holder);
  bool PutTicket(const KeyName& name, Lock& lock, Revision number, LockTicket ticket);
  // REQUIRES: it is there.
  LockHolder PickHolder(const KeyName& name, Lock& lock, Revision token);
  LockTicket PickTicket(const KeyName& name, Lock& lock, Revision number);
  // All parts of a lock that was read with them.
  bool PutAll(const KeyName& name, Lock& lock);
  // Anew whether it guards its key and can be handed over, behind a change of anything else.
  void Judge(const KeyName& name, Lock& lock);
  void Clear();

 private:
  bool LinkPart(const KeyName& name, Lock& lock, Revision part, std::string_view owner,
                std::string_view lease_id);
  void UnlinkPart(const KeyName& name, Lock& lock, Revision part, std::string_view owner,
                  std::string_view lease_id);

  Store& store_;
  size_t used_bytes_ = 0;
  size_t held_ = 0;
  size_t tickets_ = 0;
  size_t guard_count_ = 0;
  size_t guards_per_db_[kDatabases] = {};
  std::set<KeyName> ready_;
};

}  // namespace clustron::store
