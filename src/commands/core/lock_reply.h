// The replies of LOCK ACQUIRE and of those who waited for a lock (docs/coordination.md).
#pragma once

#include <cstdint>

#include "resp/reply_writer.h"
#include "store/tables/lock.h"

namespace clustron::store {
class Store;
}

namespace clustron::commands {

// [1, token, ttl]
void ReplyLockGranted(resp::ReplyWriter& reply, store::Revision token, int64_t ttl_ms);

// [0, token of the oldest holder or 0, remaining ms, its owner]; null: nobody holds it, nor is
// there a queue or a delay. What remains in an entry is what was granted, to the lock or, if it has
// no TTL of its own, to its lease.
void ReplyLockHeld(resp::ReplyWriter& reply, const store::Store& store, const store::Lock* lock);

// [0, ticket, place in the queue]
void ReplyLockQueued(resp::ReplyWriter& reply, store::Revision ticket, uint64_t place);

}  // namespace clustron::commands
