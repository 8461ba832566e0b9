// Bugs that the simulator can switch on to prove that its checkers would find them. In every other
// build Planted() is constant false and the branch is compiled away.
#pragma once

#include <cstdint>

namespace clustron {

enum class Bug : uint8_t {
  kNone,
  kPromiseNotFsynced,      // phase 1b leaves before the promise is on disk
  kOwnVoteBeforeDurable,   // the leader counts its own accept before its disk has it
  kNoOwnBallotNoop,        // a new leader answers before an entry of its own ballot is chosen
  kCorruptSlotAsEmpty,     // phase 1b reports a damaged slot as never accepted
  kLeaseFromReceipt,       // leader lease counted from the acknowledgement, not from the send
  kLeaseSurvivesRestart,   // a restarted acceptor answers phase 1 at once
  kExpiryByLiveClock,      // due is judged by the node's own clock
  kSessionsNotInSnapshot,  // session numbers are missing in the snapshot
  kReadIndexReused,        // a confirmed read round serves reads that came later
  kChosenOutOfOrder,       // a slot is applied before the one below it
  kSnapshotSlotOffByOne,   // the snapshot claims one slot more than it holds
  kTtlByLocalClock,        // a relative TTL becomes absolute by the node's own clock
  kStaleEntryNotVoided,    // a deposed leader's minority entry takes effect later
  kSessionNumberReused,    // a number that has left its node is bound to another item
  kMaxBug,
};

#ifdef CLUSTRON_SIM
extern Bug planted_bug;  // set once, before a simulation starts
inline bool Planted(Bug bug) { return planted_bug == bug; }
#else
constexpr bool Planted(Bug) { return false; }
#endif

}  // namespace clustron
