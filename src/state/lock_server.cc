#include "state/lock_server.h"

#include "base/check.h"
#include "base/reach.h"
#include "base/rng.h"
#include "state/wait_server.h"

namespace clustron::state {

uint64_t LockServer::HandOver() {
  store::LockTable& locks = LocksOf(store_);
  uint64_t sum = 0;
  store::Revision newest = 0;
  for (const store::KeyName* ready = locks.index().Ready(); ready != nullptr;
       ready = locks.index().Ready()) {
    if (granted_ == kGrantsPerEntry) {
      REACH("locks left to the next entry");
      break;
    }
    ++granted_;
    store_.BeginItem();
    const store::LockTable::Handed handed = locks.HandOver(store::KeyName(*ready));
    CHECK(handed.token > newest);
    newest = handed.token;
    sum = Mix64(sum ^ handed.token);
    REACH("lock handed over");
    if (handed.ticket.waits())
      waits_.Granted(handed.ticket.wait, handed.token, handed.ticket.ttl_ms);
  }
  return sum;
}

}  // namespace clustron::state
