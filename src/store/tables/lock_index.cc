#include "store/tables/lock_index.h"

#include <string>
#include <utility>

#include "base/check.h"
#include "store/tables/lease_table.h"

namespace clustron::store {

namespace {

constexpr size_t kRowBytes = 300;

// Of a part, in figures of its own: what items cost must not hang on this compiler's strings.
size_t PartBytes(std::string_view owner, std::string_view lease_id) {
  constexpr size_t kNodes = 400;  // of the lock's maps, the lease's list and the timers
  return kNodes + 2 * owner.size() + lease_id.size();
}

}  // namespace

void LockIndex::AddRow(const KeyName& name) { used_bytes_ += kRowBytes + 2 * name.name.size(); }

void LockIndex::RemoveRow(const KeyName& name) {
  const size_t bytes = kRowBytes + 2 * name.name.size();
  CHECK(used_bytes_ >= bytes);
  used_bytes_ -= bytes;
}

bool LockIndex::PutHolder(const KeyName& name, Lock& lock, LockHolder holder) {
  const Revision token = holder.token;
  if (!LinkPart(name, lock, token, holder.owner, holder.lease_id)) return false;
  if (holder.ticket != 0 && !lock.granted.emplace(holder.ticket, token).second) return false;
  held_ += lock.held() ? 0 : 1;
  const bool added = lock.holders.emplace(token, std::move(holder)).second;
  Judge(name, lock);
  return added;
}

LockHolder LockIndex::PickHolder(const KeyName& name, Lock& lock, Revision token) {
  const auto it = lock.holders.find(token);
  CHECK(it != lock.holders.end());
  LockHolder gone = std::move(it->second);
  lock.holders.erase(it);
  held_ -= lock.held() ? 0 : 1;
  if (gone.ticket != 0) lock.granted.erase(gone.ticket);
  UnlinkPart(name, lock, token, gone.owner, gone.lease_id);
  Judge(name, lock);
  return gone;
}

bool LockIndex::PutTicket(const KeyName& name, Lock& lock, Revision number, LockTicket ticket) {
  if (!LinkPart(name, lock, number, ticket.owner, ticket.lease_id)) return false;
  tickets_++;
  if (!ticket.waits()) lock.present.insert(number);
  const bool added = lock.queue.Put(number, std::move(ticket));
  Judge(name, lock);
  return added;
}

LockTicket LockIndex::PickTicket(const KeyName& name, Lock& lock, Revision number) {
  LockTicket gone = lock.queue.Take(number);
  tickets_--;
  lock.present.erase(number);
  UnlinkPart(name, lock, number, gone.owner, gone.lease_id);
  Judge(name, lock);
  return gone;
}

bool LockIndex::LinkPart(const KeyName& name, Lock& lock, Revision part, std::string_view owner,
                         std::string_view lease_id) {
  used_bytes_ += PartBytes(owner, lease_id);
  if (!owner.empty() && !lock.by_owner.emplace(std::string(owner), part).second) return false;
  if (!lease_id.empty()) LeasesOf(store_).LinkLock(lease_id, {name, part});
  return true;
}

void LockIndex::UnlinkPart(const KeyName& name, Lock& lock, Revision part, std::string_view owner,
                           std::string_view lease_id) {
  used_bytes_ -= PartBytes(owner, lease_id);
  if (!owner.empty()) lock.by_owner.erase(lock.by_owner.find(owner));
  if (!lease_id.empty()) LeasesOf(store_).UnlinkLock(lease_id, {name, part});
}

void LockIndex::Judge(const KeyName& name, Lock& lock) {
  const bool guards = lock.guards();
  if (guards != lock.counted_as_guard) {
    lock.counted_as_guard = guards;
    guards ? guard_count_++ : guard_count_--;
    guards ? guards_per_db_[name.db]++ : guards_per_db_[name.db]--;
  }
  const bool ready =
      !lock.present.empty() && lock.Grantable(lock.queue.Find(*lock.present.begin())->shared);
  if (ready) {
    ready_.insert(name);
  } else if (!ready_.empty()) {
    ready_.erase(name);
  }
}

bool LockIndex::PutAll(const KeyName& name, Lock& lock) {
  const auto holders = std::exchange(lock.holders, {});
  const LockQueue queue = std::exchange(lock.queue, {});
  for (const auto& [token, holder] : holders)
    if (!PutHolder(name, lock, holder)) return false;
  bool good = true;
  queue.ForEach([&](Revision number, const LockTicket& ticket) {
    return good = PutTicket(name, lock, number, ticket);
  });
  Judge(name, lock);
  return good;
}

void LockIndex::Clear() {
  used_bytes_ = held_ = tickets_ = guard_count_ = 0;
  for (size_t& guards : guards_per_db_) guards = 0;
  ready_.clear();
}

}  // namespace clustron::store
