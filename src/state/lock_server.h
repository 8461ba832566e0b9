// Hands locks over, as a part of apply: behind the item that made it possible, to whoever is first
// in the queue (store/tables/lock_table.h). Each grant takes a revision of its own, which is its
// token. What more than one entry may do is left to the next, which the leader proposes at once.
// INVARIANT: all of it is a function of the log. THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>

#include "store/keyspace/store.h"
#include "store/tables/lock_table.h"

namespace clustron::state {

class WaitServer;

class LockServer {
 public:
  static constexpr size_t kGrantsPerEntry = 1000;

  // All outlive it.
  LockServer(store::Store& store, WaitServer& waits) : store_(store), waits_(waits) {}

  void BeginEntry() { granted_ = 0; }
  // Whether some lock is to be handed over, in this entry or the next.
  bool idle() const {
    return LocksOf(static_cast<const store::Store&>(store_)).index().Ready() == nullptr;
  }
  // Whether HandOver would grant anything: in this entry.
  bool ready() const { return granted_ < kGrantsPerEntry && !idle(); }
  // Grants what can be granted. Returns a sum of the tokens for the chained digest; 0: nothing.
  uint64_t HandOver();

 private:
  store::Store& store_;
  WaitServer& waits_;
  size_t granted_ = 0;  // in the entry at hand
};

}  // namespace clustron::state
