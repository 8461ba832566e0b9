#include "commands/core/lock_reply.h"

namespace clustron::commands {

void ReplyLockGranted(resp::ReplyWriter& reply, store::Revision token, int64_t ttl_ms) {
  reply.Array(3);
  reply.Int(1);
  reply.Uint(token);
  reply.Int(ttl_ms);
}

void ReplyLockHeld(resp::ReplyWriter& reply, const store::Lock* lock) {
  reply.Array(4);
  reply.Int(0);
  if (lock != nullptr && lock->held()) {
    reply.Uint(lock->holder().token);
    reply.Int(lock->holder().timer_ms());
    reply.Bulk(lock->holder().owner);
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
