// Where the simulator finds each planted bug: the first seed that did, with which options. What a
// seed does changes with the product and with the simulator, so these are where to look first:
// `--bugs` runs some twenty seeds from a little before it, and only if none of them finds the bug
// all that it may take. docs/testing.md has the same table for readers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "base/planted_bugs.h"

namespace clustron::sim {

struct BugRun {
  Bug bug;
  const char* name;
  uint64_t seed;
  int nodes = 0;      // as --nodes
  bool flow = false;  // as --flow
  bool rare = false;  // found by one seed in many hundreds: not swept for
};

inline constexpr BugRun kBugRuns[] = {
    {.bug = Bug::kPromiseNotFsynced, .name = "kPromiseNotFsynced", .seed = 18},
    {.bug = Bug::kOwnVoteBeforeDurable, .name = "kOwnVoteBeforeDurable", .seed = 13},
    {.bug = Bug::kNoOwnBallotNoop, .name = "kNoOwnBallotNoop", .seed = 1},
    {.bug = Bug::kCorruptSlotAsEmpty, .name = "kCorruptSlotAsEmpty", .seed = 10},
    {.bug = Bug::kLeaseFromReceipt, .name = "kLeaseFromReceipt", .seed = 16},
    {.bug = Bug::kLeaseSurvivesRestart, .name = "kLeaseSurvivesRestart", .seed = 132},
    {.bug = Bug::kExpiryByLiveClock, .name = "kExpiryByLiveClock", .seed = 4},
    {.bug = Bug::kSessionsNotInSnapshot, .name = "kSessionsNotInSnapshot", .seed = 1},
    {.bug = Bug::kReadIndexReused, .name = "kReadIndexReused", .seed = 31},
    {.bug = Bug::kChosenOutOfOrder, .name = "kChosenOutOfOrder", .seed = 23},
    {.bug = Bug::kSnapshotSlotOffByOne, .name = "kSnapshotSlotOffByOne", .seed = 1},
    {.bug = Bug::kTtlByLocalClock, .name = "kTtlByLocalClock", .seed = 1},
    {.bug = Bug::kStaleEntryNotVoided, .name = "kStaleEntryNotVoided", .seed = 4},
    {.bug = Bug::kSessionNumberReused, .name = "kSessionNumberReused", .seed = 3},
    {.bug = Bug::kEverySecNotSynced, .name = "kEverySecNotSynced", .seed = 61},
    {.bug = Bug::kInlineItemNotLogged, .name = "kInlineItemNotLogged", .seed = 2},
    {.bug = Bug::kReserveForgotten, .name = "kReserveForgotten", .seed = 9},
    {.bug = Bug::kLeaseNotKept, .name = "kLeaseNotKept", .seed = 1},
    {.bug = Bug::kCandidateNotCaughtUp, .name = "kCandidateNotCaughtUp", .seed = 10},
    {.bug = Bug::kUncertainAsDefinite, .name = "kUncertainAsDefinite", .seed = 3},
    {.bug = Bug::kWallClockFalls, .name = "kWallClockFalls", .seed = 156},
    {.bug = Bug::kOwnWallBelieved, .name = "kOwnWallBelieved", .seed = 3},
    {.bug = Bug::kOldVoteServed, .name = "kOldVoteServed", .seed = 39},
    {.bug = Bug::kSetBackVotesEarly, .name = "kSetBackVotesEarly", .seed = 15},
    {.bug = Bug::kSetBackSkipsNoop, .name = "kSetBackSkipsNoop", .seed = 15},
    {.bug = Bug::kAcknowledgedForgotten, .name = "kAcknowledgedForgotten", .seed = 33},
    {.bug = Bug::kOwnPromiseNotFsynced, .name = "kOwnPromiseNotFsynced", .seed = 17},
    {.bug = Bug::kBallotTakenTwice, .name = "kBallotTakenTwice", .seed = 107, .nodes = 7},
    {.bug = Bug::kSecondValueTaken, .name = "kSecondValueTaken", .seed = 107, .nodes = 7},
    {.bug = Bug::kStaleVoteBehindSnapshot,
     .name = "kStaleVoteBehindSnapshot",
     .seed = 32,
     .nodes = 5},
    {.bug = Bug::kStartBelowFloor, .name = "kStartBelowFloor", .seed = 80, .nodes = 7},
    {.bug = Bug::kLeaseWithoutMargin, .name = "kLeaseWithoutMargin", .seed = 24},
    {.bug = Bug::kHintBeyondChosen, .name = "kHintBeyondChosen", .seed = 3},
    {.bug = Bug::kAnyReleaseEndsLease, .name = "kAnyReleaseEndsLease", .seed = 99},
    {.bug = Bug::kKeepaliveWithoutLease, .name = "kKeepaliveWithoutLease", .seed = 3},
    {.bug = Bug::kWaitCountsVotes, .name = "kWaitCountsVotes", .seed = 5},
    {.bug = Bug::kLongerLeaseForgotten, .name = "kLongerLeaseForgotten", .seed = 20, .nodes = 5},
    {.bug = Bug::kDigestsNeverCompared, .name = "kDigestsNeverCompared", .seed = 8},
    {.bug = Bug::kMutationDiffers, .name = "kMutationDiffers", .seed = 3},
    {.bug = Bug::kEntryFlagsIgnored, .name = "kEntryFlagsIgnored", .seed = 180},
    {.bug = Bug::kVersionRaisedEarly, .name = "kVersionRaisedEarly", .seed = 35},
    {.bug = Bug::kServedWaitsOn, .name = "kServedWaitsOn", .seed = 3},
    {.bug = Bug::kWaitsNotInSnapshot, .name = "kWaitsNotInSnapshot", .seed = 2},
    {.bug = Bug::kWaitOrderByNode, .name = "kWaitOrderByNode", .seed = 3},
    {.bug = Bug::kLockReaderOvertakes, .name = "kLockReaderOvertakes", .seed = 21},
    {.bug = Bug::kLockTicketGoneGranted, .name = "kLockTicketGoneGranted", .seed = 2},
    {.bug = Bug::kLockQueueNotInSnapshot, .name = "kLockQueueNotInSnapshot", .seed = 2},
    {.bug = Bug::kLockDelayForgotten, .name = "kLockDelayForgotten", .seed = 21},
    {.bug = Bug::kLockLastComeFirst, .name = "kLockLastComeFirst", .seed = 20},
    {.bug = Bug::kLockLimitPassed, .name = "kLockLimitPassed", .seed = 30},
    {.bug = Bug::kGoneWaitersServed, .name = "kGoneWaitersServed", .seed = 4},
    {.bug = Bug::kTimeoutWhileServed, .name = "kTimeoutWhileServed", .seed = 20},
    {.bug = Bug::kListTailLost, .name = "kListTailLost", .seed = 3},
    {.bug = Bug::kBudgetWhereClientIs, .name = "kBudgetWhereClientIs", .seed = 1},
    {.bug = Bug::kUndoneKeepsRevision, .name = "kUndoneKeepsRevision", .seed = 2},
    {.bug = Bug::kWindowNotKept, .name = "kWindowNotKept", .seed = 1, .flow = true},
    {.bug = Bug::kPushedToWhoLags,
     .name = "kPushedToWhoLags",
     .seed = 25,
     .flow = true,
     .rare = true},
    {.bug = Bug::kGuardFirstKeyOnly, .name = "kGuardFirstKeyOnly", .seed = 2},
    {.bug = Bug::kOlderTokenOpens, .name = "kOlderTokenOpens", .seed = 2},
    {.bug = Bug::kWatchBlindToDeletes, .name = "kWatchBlindToDeletes", .seed = 2},
    {.bug = Bug::kWatchBlindToTtls, .name = "kWatchBlindToTtls", .seed = 3},
    {.bug = Bug::kOnceForgottenEarly, .name = "kOnceForgottenEarly", .seed = 3},
    {.bug = Bug::kTxnAbsentUnchecked, .name = "kTxnAbsentUnchecked", .seed = 9},
    {.bug = Bug::kTxnsNotInSnapshot, .name = "kTxnsNotInSnapshot", .seed = 18},
    {.bug = Bug::kTxnClosedIdApplied, .name = "kTxnClosedIdApplied", .seed = 31},
    {.bug = Bug::kNodeCallHeardTwice, .name = "kNodeCallHeardTwice", .seed = 17},
    {.bug = Bug::kWatchRevisionMissing, .name = "kWatchRevisionMissing", .seed = 10},
    {.bug = Bug::kWatchSinceBehind, .name = "kWatchSinceBehind", .seed = 2},
    {.bug = Bug::kWatchResumesLate, .name = "kWatchResumesLate", .seed = 7},
    {.bug = Bug::kWatchSyncAhead, .name = "kWatchSyncAhead", .seed = 205},
    {.bug = Bug::kWatchToldEarly, .name = "kWatchToldEarly", .seed = 2},
    {.bug = Bug::kWatchTornRevision, .name = "kWatchTornRevision", .seed = 2},
    {.bug = Bug::kWatchUndoneTold, .name = "kWatchUndoneTold", .seed = 7},
    {.bug = Bug::kWatchGapForgotten, .name = "kWatchGapForgotten", .seed = 102},
    {.bug = Bug::kWatchPreviousWrong, .name = "kWatchPreviousWrong", .seed = 2},
    {.bug = Bug::kIndexNotUndone, .name = "kIndexNotUndone", .seed = 1},
    {.bug = Bug::kIndexSliceMissesWrite, .name = "kIndexSliceMissesWrite", .seed = 1},
    {.bug = Bug::kOneSnapshotKept, .name = "kOneSnapshotKept", .seed = 10},
    {.bug = Bug::kFailedSyncIgnored, .name = "kFailedSyncIgnored", .seed = 11},
    {.bug = Bug::kLogCutEarly, .name = "kLogCutEarly", .seed = 1},
    {.bug = Bug::kIndexFlushForgotten, .name = "kIndexFlushForgotten", .seed = 1},
    {.bug = Bug::kIndexFlushNotUndone, .name = "kIndexFlushNotUndone", .seed = 1},
    {.bug = Bug::kIndexSwapUnseen, .name = "kIndexSwapUnseen", .seed = 1},
    {.bug = Bug::kIndexKeepsLeased, .name = "kIndexKeepsLeased", .seed = 1},
    {.bug = Bug::kIndexCopyElsewhere, .name = "kIndexCopyElsewhere", .seed = 1},
    {.bug = Bug::kLossAnyMajority, .name = "kLossAnyMajority", .seed = 15},
    {.bug = Bug::kLossTokensAgain, .name = "kLossTokensAgain", .seed = 15},
};

// Every bug has its row, in the order of planted_bugs.h.
constexpr bool EachHasItsRow() {
  if (std::size(kBugRuns) + 1 != static_cast<size_t>(Bug::kMaxBug)) return false;
  for (size_t i = 0; i < std::size(kBugRuns); ++i)
    if (static_cast<size_t>(kBugRuns[i].bug) != i + 1) return false;
  return true;
}
static_assert(EachHasItsRow());

}  // namespace clustron::sim
