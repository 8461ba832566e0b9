// Feature versions: which rules the log's entries are applied by. The version in force is
// replicated state (StateMachine::feature_version). It starts at kFirstFeatureVersion, also in data
// directories that know of none; an entry raises it once every member has announced that its
// program knows more, and it never falls. Whatever changes what an entry does (a new item or
// command id, another budget, another reply that is stored) belongs to a new version, and old
// entries are applied by the rules that held when they were chosen.
#pragma once

#include <cstdint>

namespace clustron::cluster {

inline constexpr uint16_t kFirstFeatureVersion = 1;
// 2: items are bounded in work and reply, the wall clock is held to the voters' median, digests are
// compared, entries may keep what is due (EntryFlag).
// 3: lists, RESTORE, and the cluster setting list-max-listpack-size.
// 4: commands that wait (BLPOP …), and what is said of those who do (ItemKind::kWaits).
// 5: locks with queues, several holders and delays; INCREX, MSETEX, FLUSHDB PREFIX, and the cluster
// setting database-names; transactions that stay open (TXN BEGIN …), and their outcomes; the
// cluster settings watches and watch-history-size, and the history's section in snapshots; INDEX
// with labels, and the cluster setting index-query-limit; entries that say that memory is short;
// nominal time as a part of the budget of items that run other commands.
inline constexpr uint16_t kFeatureVersion = 5;

// From here on an entry's wall clock may be lower than the one before it (Executor::WallOf).
inline constexpr uint16_t kWallMayFall = 2;
// From here on locks have queues (WAIT, ENQUEUE), SHARED, LIMIT and DELAY, and keep since when.
inline constexpr uint16_t kLocksQueue = 5;
// From here on an entry says that its leader is short of memory, and no index is built on with it.
inline constexpr uint16_t kBuildsStop = 5;
// From here on what runs other commands (EXEC, TXN, ONCE …) has a budget of nominal time, too.
inline constexpr uint16_t kItemsHaveTime = 5;
// From here on entries have flags.
inline constexpr uint16_t kEntriesHaveFlags = 2;
// The entry that raises the version to this one starts the chained digest anew. Programs before it
// chained otherwise, and members' snapshots hold what they had then.
inline constexpr uint16_t kDigestsComparable = 2;

// The highest version that this program can apply: kFeatureVersion, unless it was built for a test
// of mixed versions (make FEATURE_VERSION=N). THREAD: any.
uint16_t SupportedFeatureVersion();

}  // namespace clustron::cluster
