// Bugs that the simulator can switch on to prove that its checkers would find them. In every other
// build Planted() is constant false and the branch is compiled away.
#pragma once

#include <cstdint>

namespace clustron {

// One row per bug: its name, also for the simulator's command line, and what it does.
#define CLUSTRON_PLANTED_BUGS(X)                                                                   \
  X(kPromiseNotFsynced)     /* phase 1b leaves before the promise is on disk */                    \
  X(kOwnVoteBeforeDurable)  /* the leader counts its own accept before its disk has it */          \
  X(kNoOwnBallotNoop)       /* a new leader answers before an entry of its own ballot is chosen */ \
  X(kCorruptSlotAsEmpty)    /* phase 1b reports a damaged slot as never accepted */                \
  X(kLeaseFromReceipt)      /* leader lease counted from the acknowledgement, not from the send */ \
  X(kLeaseSurvivesRestart)  /* a restarted acceptor answers phase 1 at once */                     \
  X(kExpiryByLiveClock)     /* due is judged by the node's own clock */                            \
  X(kSessionsNotInSnapshot) /* session numbers are missing in the snapshot */                      \
  X(kReadIndexReused)       /* a confirmed read round serves reads that came later */              \
  X(kChosenOutOfOrder)      /* a slot is applied before the one below it */                        \
  X(kSnapshotSlotOffByOne)  /* the snapshot claims one slot more than it holds */                  \
  X(kTtlByLocalClock)       /* a relative TTL becomes absolute by the node's own clock */          \
  X(kStaleEntryNotVoided)   /* a deposed leader's minority entry takes effect later */             \
  X(kSessionNumberReused)   /* a number that has left its node is bound to another item */         \
  X(kEverySecNotSynced)     /* `everysec`: nothing is fsynced each second */                       \
  X(kInlineItemNotLogged)   /* inline: a turn's changes from the fifth on are not logged */        \
  X(kReserveForgotten)      /* below `always`: numbers reserved before a crash are given again */  \
  X(kLeaseNotKept)          /* phase 1 is answered under a lease that was given to another */      \
  X(kCandidateNotCaughtUp)  /* a candidate leads without what others know to be chosen */          \
  X(kUncertainAsDefinite)   /* of a write that has left its node it is said that it failed */      \
  X(kWallClockFalls)        /* a fall of the wall brings back a key that was seen gone */          \
  X(kOwnWallBelieved)       /* a leader logs its own wall clock, whatever the others' show */      \
  X(kOldVoteServed)         /* votes in slots that came with a snapshot are served as chosen */    \
  X(kSetBackVotesEarly)     /* who was set back votes before every other voter has confirmed */    \
  X(kSetBackSkipsNoop)      /* who was set back takes part before the no-op of a new leader */     \
  X(kAcknowledgedForgotten) /* what members acknowledged is not kept over a restart */             \
  X(kOwnPromiseNotFsynced)  /* a candidate asks, and leads, before its own promise is on disk */   \
  X(kBallotTakenTwice)      /* the same, and a release is followed under a ballot used before */   \
  X(kSecondValueTaken)      /* the same, and another value under an equal ballot is no surprise */ \
  X(kStaleVoteBehindSnapshot) /* a start from a snapshot leaves the log's floor where it was */    \
  X(kStartBelowFloor)         /* a start from a snapshot that ends below the log's floor */        \
  X(kLeaseWithoutMargin)      /* leader lease counted without drift and margin */                  \
  X(kHintBeyondChosen)        /* the log says "chosen" of slots that are not */                    \
  X(kAnyReleaseEndsLease)     /* a release of whatever leader ends the lease of this one */        \
  X(kKeepaliveWithoutLease)   /* keepalives are acknowledged without lease and quorum round */     \
  X(kWaitCountsVotes)         /* WAIT counts what may be votes for another value */                \
  X(kLongerLeaseForgotten)    /* a restart under a lower setting forgets the longer lease */       \
  X(kDigestsNeverCompared)    /* what peers say of their digests is not looked at */               \
  X(kMutationDiffers)         /* one node leaves a key that all others remove */                   \
  X(kEntryFlagsIgnored)       /* one node takes no notice of what is said of a whole entry */      \
  X(kVersionRaisedEarly)      /* the feature version rises before every member knows it */         \
  X(kServedWaitsOn)           /* who was served keeps its place among those who wait */            \
  X(kWaitsNotInSnapshot)      /* who waits is missing in snapshots */                              \
  X(kWaitOrderByNode)         /* waiters are served by their nodes, not as they came */            \
  X(kLockReaderOvertakes)     /* SHARED is granted though a writer waits before it */              \
  X(kLockTicketGoneGranted)   /* a lock is handed to a client that is gone */                      \
  X(kLockQueueNotInSnapshot)  /* the queues of locks are missing in snapshots */                   \
  X(kLockDelayForgotten)      /* a lock whose holder was lost is granted at once */                \
  X(kLockLastComeFirst)       /* of requests alike the last one in the queue is granted */         \
  X(kLockLimitPassed)         /* LIMIT n lets one more in */                                       \
  X(kGoneWaitersServed)       /* elements are taken off for nodes that are gone */                 \
  X(kTimeoutWhileServed)      /* a time-out is answered by the node's own clock */                 \
  X(kListTailLost)            /* of a long list only the first slice comes out of a snapshot */    \
  X(kBudgetWhereClientIs)     /* an item's budget is judged on the node of its client alone */     \
  X(kUndoneKeepsRevision)     /* an item that was undone leaves its revision taken */              \
  X(kWindowNotKept)           /* a node sends its clients' items without regard to its window */   \
  X(kPushedToWhoLags)         /* accepts are pushed to a peer that does not take them */           \
  X(kGuardFirstKeyOnly)       /* of a command's keys only the first is guarded */                  \
  X(kOlderTokenOpens)         /* the token of an earlier grant opens a guard */                    \
  X(kWatchBlindToDeletes)     /* WATCH does not see a key that came and went */                    \
  X(kWatchBlindToTtls)        /* WATCH does not see changes of a time to live */                   \
  X(kOnceForgottenEarly)      /* a stored reply is forgotten a second early */                     \
  X(kTxnAbsentUnchecked)      /* what a transaction saw absent is not validated */                 \
  X(kTxnsNotInSnapshot)       /* outcomes of transactions are missing in snapshots */              \
  X(kTxnClosedIdApplied)      /* a COMMIT is applied behind a -NOTXN to its id */                  \
  X(kNodeCallHeardTwice)      /* what a node asks another is heard as often as it comes */         \
  X(kWatchRevisionMissing)    /* a history of watches that is loaded lacks a revision */           \
  X(kWatchSinceBehind)        /* SINCE is answered by a node that is behind */                     \
  X(kWatchResumesLate)        /* SINCE begins one revision late */                                 \
  X(kWatchSyncAhead)          /* a watch's sync names a revision whose events are to come */       \
  X(kWatchToldEarly)          /* changes are told when made, not when their item is done */        \
  X(kWatchTornRevision)       /* of a revision with many keys two messages are made */             \
  X(kWatchUndoneTold)         /* changes that were undone are told */                              \
  X(kWatchGapForgotten)       /* who was too slow is not told that something is missing */         \
  X(kWatchPreviousWrong)      /* behind a gap `previous` is older than what was told */            \
  X(kIndexNotUndone)          /* what is undone stays in the indexes */                            \
  X(kIndexSliceMissesWrite)   /* a write under an index that is being built is left out */         \
  X(kOneSnapshotKept)         /* the snapshot before the newest is not kept */                     \
  X(kFailedSyncIgnored)       /* a failed fsync of the log is taken for success */                 \
  X(kLogCutEarly)             /* the log goes up to eight slots behind the older snapshot */       \
  X(kIndexFlushForgotten)     /* FLUSHDB empties one index of the database only */                 \
  X(kIndexFlushNotUndone)     /* a flush that is undone leaves indexes empty */                    \
  X(kIndexSwapUnseen)         /* SWAPDB looks for indexes in the first database only */            \
  X(kIndexKeepsLeased)        /* keys that end with their lease stay in the indexes */             \
  X(kIndexCopyElsewhere)      /* a copy in another database is indexed without its labels */       \
  X(kLossAnyMajority)         /* leads after an accepted loss with any majority */                 \
  X(kLossTokensAgain)         /* tokens of what was lost are given again behind an accepted loss */

enum class Bug : uint8_t {
  kNone,
#define CLUSTRON_BUG(name) name,
  CLUSTRON_PLANTED_BUGS(CLUSTRON_BUG)
#undef CLUSTRON_BUG
      kMaxBug,
};

#ifdef CLUSTRON_SIM
extern Bug planted_bug;  // set once, before a simulation starts
inline bool Planted(Bug bug) { return planted_bug == bug; }
#else
constexpr bool Planted(Bug) { return false; }
#endif

// Three bugs share a hole: what a node leads under may be unknown to its own disk.
inline bool PlantedUnknownBallot() {
  return Planted(Bug::kOwnPromiseNotFsynced) || Planted(Bug::kBallotTakenTwice) ||
         Planted(Bug::kSecondValueTaken);
}
// Two of them are about what else stands in the way when the hole is there.
inline bool PlantedBallotTwice() {
  return Planted(Bug::kBallotTakenTwice) || Planted(Bug::kSecondValueTaken);
}

}  // namespace clustron
