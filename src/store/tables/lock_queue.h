// The queue of a lock: tickets in order of arrival. Every operation takes O(log n), that of a
// ticket's place in the queue included.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "store/keyspace/key_record.h"
#include "store/keyspace/wait_id.h"

namespace clustron::store {

// A request in the queue. The revision that it entered with names it.
struct LockTicket {
  std::string owner;
  std::string lease_id;
  int64_t ttl_ms = 0;  // of the grant
  bool shared = false;
  int64_t delay_ms = 0;
  int64_t ticket_ms = 0;  // it ends so long after its last CLAIM; 0: with whoever waits
  Revision renewed = 0;   // by the last CLAIM within an entry
  WaitId wait = {};       // the client that waits; owner.node 0: nobody does (ENQUEUE)
  int64_t since_ms = 0;   // the elapsed clock when it entered; 0: not recorded

  bool waits() const { return wait.owner.node != 0; }
};

class LockQueue {
 public:
  LockQueue();
  ~LockQueue();
  LockQueue(LockQueue&&) noexcept;
  LockQueue& operator=(LockQueue&&) noexcept;

  bool empty() const { return tree_ == nullptr; }
  size_t size() const;
  // Null: it is not there.
  const LockTicket* Find(Revision number) const;
  // 1: the first. REQUIRES: it is there.
  size_t PlaceOf(Revision number) const;
  // In order, until `visit` says false.
  void ForEach(const std::function<bool(Revision, const LockTicket&)>& visit) const;

  // False: there is one of this number.
  bool Put(Revision number, LockTicket ticket);
  // REQUIRES: it is there.
  LockTicket Take(Revision number);

 private:
  struct Tree;
  std::unique_ptr<Tree> tree_;  // null: empty
};

}  // namespace clustron::store
