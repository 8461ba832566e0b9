#include "commands/core/lock_reply.h"

#include "store/tables/lease_table.h"

namespace clustron::commands {

void ReplyLockGranted(resp::ReplyWriter& reply, store::Revision token, int64_t ttl_ms) {
  reply.Array(3);
  reply.Int(1);
  reply.Uint(token);
  reply.Int(ttl_ms);
}

void ReplyLockHeld(resp::ReplyWriter& reply, const store::Store& store, const store::Lock* lock) {
  reply.Array(4);
  reply.Int(0);
  if (lock != nullptr && lock->held()) {
    const store::LockHolder& holder = lock->holder();
    const store::Lease* lease = nullptr;
    if (holder.timer_ms() == 0) lease = LeasesOf(store).Find(holder.lease_id);
    reply.Uint(holder.token);
    reply.Int(lease == nullptr ? holder.timer_ms() : lease->ttl_ms);
    reply.Bulk(holder.owner);
  } else {
    reply.Int(0);
    reply.Int(lock == nullptr ? 0 : lock->delay.ms);
    reply.Bulk("");
  }
}

void ReplyLockQueued(resp::ReplyWriter& reply, store::Revision ticket, uint64_t place) {
  reply.Array(3);
  reply.Int(0);
  reply.Uint(ticket);
  reply.Uint(place);
}

}  // namespace clustron::commands
