// What a replica asks of its driver.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cluster/paxos/messages.h"
#include "cluster/paxos/types.h"

namespace clustron::paxos {

struct Outgoing {
  NodeId to = kNoNode;
  Message message;
};

// A peer wants chosen entries [first, last] that are no longer in memory. The driver serves them
// from its log store as CatchUpReply messages (one per request is enough; the peer asks for more),
// or, if they are compacted, by a snapshot of its own protocol; the peer's driver then calls
// InstallSnapshot. Peers ask again every retry_ns: a driver that is still at it ignores repeats.
struct CatchUpNeed {
  NodeId peer = kNoNode;
  Slot first = 0;
  Slot last = 0;
};

// Everything the driver has to do since the last call. Reuse one object: its vectors are recycled.
struct Ready {
  std::vector<LogRecord> persist;
  uint64_t persist_seq = 0;  // of the last record; 0 if there is none
  bool must_sync = false;    // false: only hints, which may wait for the next fsync
  std::vector<Outgoing> send;
  std::vector<CatchUpNeed> catch_up;
  // The role, the leader or the ballot is not what it was at the last TakeReady: look again.
  bool leadership_changed = false;
  // All read rounds up to this id are confirmed (0: no news). See StartReadRound.
  uint64_t read_round_confirmed = 0;
  // Not empty: this replica has met two values where Paxos allows one, and says nothing more. The
  // driver stops the node with this text.
  std::string contradiction;

  bool Empty() const {
    return persist.empty() && send.empty() && catch_up.empty() && !leadership_changed &&
           read_round_confirmed == 0 && contradiction.empty();
  }
  void Clear() {
    persist.clear();
    persist_seq = 0;
    must_sync = false;
    send.clear();
    catch_up.clear();
    leadership_changed = false;
    read_round_confirmed = 0;
    contradiction.clear();
  }
};

}  // namespace clustron::paxos
