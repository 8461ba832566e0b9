#include "store/tables/lease_table.h"

namespace clustron::store {

const Lease* LeaseTable::Find(std::string_view id) const {
  const auto it = leases_.find(id);
  return it == leases_.end() ? nullptr : it->second.get();
}

const Lease* LeaseTable::LeaseOf(int db, std::string_view key) const {
  if (by_key_.empty()) return nullptr;
  const auto it = by_key_.find(KeyName{db, std::string(key)});
  return it == by_key_.end() ? nullptr : it->second.lease;
}

std::vector<const Lease*> LeaseTable::List(std::string_view after, size_t limit,
                                           const std::string_view* owner) const {
  std::vector<const Lease*> rows;
  for (auto it = leases_.upper_bound(after); it != leases_.end() && rows.size() < limit; ++it) {
    if (owner == nullptr || it->second->owner == *owner) rows.push_back(it->second.get());
  }
  return rows;
}

bool LeaseTable::FreeSome(size_t count) {
  for (; count > 0 && !by_key_.empty(); count--) by_key_.erase(by_key_.begin());
  for (; count > 0 && !leases_.empty(); count--) leases_.erase(leases_.begin());
  return !leases_.empty() || !by_key_.empty();
}

}  // namespace clustron::store
