// A lock as it is: its mode, who holds it, and who is in its queue (docs: LOCK).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/planted_bugs.h"
#include "store/keyspace/key_record.h"
#include "store/tables/lock_queue.h"
#include "store/tables/lock_request.h"

namespace clustron::store {

inline constexpr uint32_t kLockHoldersMax = 65'536;
inline constexpr size_t kLockTicketsMax = 100'000;

struct LockHolder {
  Revision token = 0;
  std::string owner;     // unique per attempt: the same owner asking again is the same attempt
  std::string lease_id;  // if any: ends with it too, whichever comes first
  int64_t ttl_ms = 0;    // as granted or last raised; 0: as long as the lease
  Revision renewed = 0;  // by the last renewal that was an entry, as a lease's; 0: none
  bool shared = false;
  int64_t delay_ms = 0;
  Revision ticket = 0;   // that the grant came from; 0: from none
  int64_t claim_ms = 0;  // the grant is lost unless it is claimed within so long; 0: it is claimed
  int64_t since_ms = 0;  // the elapsed clock at the grant; 0: not recorded

  // What the leader's timer gives it now; 0: it has no timer.
  int64_t timer_ms() const { return claim_ms != 0 ? claim_ms : ttl_ms; }
};

// Nobody gets the lock for so long after a holder was lost.
struct LockDelay {
  Revision token = 0;  // of who was lost; 0: there is no delay
  int64_t ms = 0;
};

struct Lock {
  bool advisory = false;
  uint32_t limit = 1;
  std::map<Revision, LockHolder> holders;  // by token
  LockQueue queue;
  LockDelay delay;

  // Derived from those.
  std::map<std::string, Revision, std::less<>> by_owner;  // a holder's token, or a ticket
  std::map<Revision, Revision> granted;                   // tickets of holders: the token
  std::set<Revision> present;  // tickets that may be granted: nobody waits for the others just now
  bool counted_as_guard = false;

  bool held() const { return !holders.empty(); }
  // Whether there is somebody in the queue who can be granted it. Who is not present holds nobody
  // up.
  bool contended() const { return !present.empty(); }
  bool delayed() const { return delay.token != 0; }
  // Many may hold it at a time, and nobody may write the key.
  bool held_shared() const { return held() && holders.begin()->second.shared; }
  // The one who has it longest. REQUIRES: held().
  const LockHolder& holder() const { return holders.begin()->second; }
  const LockHolder* Find(Revision token) const {
    const auto it = holders.find(token);
    return it == holders.end() ? nullptr : &it->second;
  }
  // Its token if it is held; else 0.
  Revision current() const { return held() ? holders.begin()->first : 0; }
  // Whether this client waits for a ticket that is in the queue.
  bool IsWaitedFor(Revision ticket, const WaitId& wait) const {
    const LockTicket* found = queue.Find(ticket);
    return found != nullptr && found->wait == wait;
  }
  bool guards() const { return !advisory && limit == 1 && (held() || delayed()); }
  bool used() const { return held() || delayed() || !queue.empty(); }
  // All that is left of it is clients of nodes that are out of reach. They are granted nothing, and
  // must not keep the lock in its mode.
  bool abandoned() const { return !held() && !delayed() && present.empty() && !queue.empty(); }
  // Whether one more may hold it now, the queue left out.
  bool Grantable(bool as_shared) const {
    if (delayed()) return false;
    if (!held()) return true;
    if (limit > 1) return holders.size() < limit + (Planted(Bug::kLockLimitPassed) ? 1 : 0);
    return as_shared && held_shared() && holders.size() < kLockHoldersMax;
  }
};

}  // namespace clustron::store
