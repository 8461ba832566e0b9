#include "store/tables/lock_table.h"

namespace clustron::store {

const Lock* LockTable::Find(int db, std::string_view name) const {
  if (locks_.empty()) return nullptr;
  const auto it = locks_.find(KeyName{db, std::string(name)});
  return it == locks_.end() ? nullptr : &it->second;
}

size_t LockTable::BytesOf(const KeyName& name, const Lock& lock) {
  constexpr size_t kNodes = 400;  // of the table, the lease's list and the timers
  constexpr size_t kNameCopies = 3;
  size_t bytes = kNodes + kNameCopies * name.name.size();
  for (const LockHolder& holder : lock.holders) {
    bytes += sizeof(LockHolder) + holder.owner.size() + holder.lease_id.size();
  }
  return bytes;
}

const Lock* LockTable::FindGuard(int db, std::string_view key) const {
  if (guards_per_db_[db] == 0) return nullptr;
  const Lock* lock = Find(db, key);
  return lock != nullptr && !lock->advisory ? lock : nullptr;
}

std::vector<LockTable::Row> LockTable::List(int db, std::string_view prefix,
                                            const std::string_view* after, size_t limit) const {
  std::vector<Row> rows;
  auto it = locks_.lower_bound(KeyName{db, std::string(prefix)});
  if (after != nullptr && *after >= prefix)
    it = locks_.upper_bound(KeyName{db, std::string(*after)});
  for (; it != locks_.end() && rows.size() < limit; ++it) {
    if (it->first.db != db || !std::string_view(it->first.name).starts_with(prefix)) break;
    rows.push_back({it->first.name, &it->second});
  }
  return rows;
}

bool LockTable::FreeSome(size_t count) {
  for (; count > 0 && !locks_.empty(); count--) locks_.erase(locks_.begin());
  return !locks_.empty();
}

}  // namespace clustron::store
