// What the cluster layer needs from the replicated state, and what it tells those around it.
// `server` implements both interfaces; the simulator links the same implementations.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/log/entry.h"
#include "cluster/membership/applied_members.h"
#include "cluster/node/digest_log.h"
#include "cluster/paxos/types.h"
#include "cluster/wire/leaderships.h"
#include "cluster/wire/skip_list.h"
#include "persist/fs.h"

namespace clustron::cluster {

using paxos::Ballot;
using paxos::NodeId;
using paxos::Slot;

// Writes the state as of one slot, a slice at a time, while entries go on being applied.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;
  enum class Progress : uint8_t { kMore, kDone, kAborted };
  // Appends about `budget_bytes` of the snapshot file to `out`. kAborted: too much changed
  // meanwhile; try again later with a new source.
  virtual Progress Step(size_t budget_bytes, std::string* out) = 0;
  virtual Slot slot() const = 0;
};

class SnapshotRestore {
 public:
  virtual ~SnapshotRestore() = default;
  // Goes on by about so many keys. True: the state is the snapshot's.
  virtual Result<bool> Step(size_t keys) = 0;
};

// The replicated state. Everything here is a function of the log. THREAD: core loop.
class StateMachine {
 public:
  virtual ~StateMachine() = default;

  // Whether this program can apply the next slot's entry; changes nothing. The error says why not;
  // kCorruption: the entry belongs to another log than the state.
  // It is looked at before Apply, which may be called only if it can.
  virtual Status CanApply(Slot slot, const paxos::Value& value) const = 0;
  // The same of an item that another node wants to have proposed.
  virtual Status CanTake(const ItemHeader& header, std::string_view item) const = 0;
  // Applies the next slot. `recovering`: nothing is delivered to anybody.
  virtual void Apply(Slot slot, const paxos::Value& value, bool recovering) = 0;
  virtual Slot applied_slot() const = 0;

  // The number that the next item of this session must have; 0 if a later boot is known.
  virtual uint64_t NextSequence(Session session) const = 0;
  // The boot of this node's newest session; 0: it has none.
  virtual uint32_t LatestBoot(NodeId node) const = 0;
  // The highest ballot whose no-op was applied.
  virtual Ballot newest_noop() const = 0;
  // The clocks of the last applied entry.
  virtual int64_t elapsed_ms() const = 0;
  virtual int64_t wall_ms() const = 0;
  // When something may be due, by each clock (INT64_MAX: nothing).
  virtual int64_t NextDueElapsedMs() const = 0;
  virtual int64_t NextDueWallMs() const = 0;
  // When a client has waited for a key as long as it wanted, by the elapsed clock (INT64_MAX: no
  // client waits with an end).
  virtual int64_t NextWaitEndMs() const = 0;
  // Whose clients wait and are to be served, in a fixed order.
  virtual std::vector<Session> ServedWaiters() const = 0;
  // Chained digest of all that was applied.
  virtual uint64_t digest() const = 0;
  // The same as of every 64th slot, as far back as they are kept; none of before
  // kDigestsComparable (feature_version.h).
  virtual const DigestLog& digests() const = 0;
  virtual void ForgetDigestsBelow(Slot slot) = 0;
  // Who the members are. While the state is being replaced: who they were before.
  virtual const AppliedMembers& members() const = 0;
  // Entries that an operator has all members leave out, by slot: see SkipList.
  virtual const SkipList& skips() const = 0;
  // Which leaders wrote what was applied.
  virtual const Leaderships& leaderships() const = 0;
  virtual uint64_t revision() const = 0;
  // About what a snapshot of it takes, or more.
  virtual uint64_t SizeBytes() const = 0;
  // Whose rules the next entry is applied by: see feature_version.h.
  virtual uint16_t feature_version() const = 0;

  // Live leases and locks, in a fixed order: a new leader gives each its full TTL.
  struct LeaseInfo {
    std::string_view id;
    uint64_t revision;
    uint64_t renewed;  // by the last entry that did; 0: none
    int64_t ttl_ms;
  };
  // What of a lock has a time of its own, named by its revision: a grant, a ticket in the queue, or
  // the delay behind a holder that was lost.
  struct LockPart {
    int db;
    std::string_view name;
    uint64_t revision;
    uint64_t renewed;
    int64_t ttl_ms;  // 0: it ends with something else
  };
  virtual void ForEachLease(const std::function<void(const LeaseInfo&)>& visit) const = 0;
  virtual void ForEachLockPart(const std::function<void(const LockPart&)>& visit) const = 0;

  // The state as it is now. One at a time.
  virtual std::unique_ptr<SnapshotSource> BeginSnapshot() = 0;
  // Replaces the whole state by a snapshot file's, a slice at a time. Until that is done, and for
  // good on an error, the state may not be read, nor anything applied to it.
  virtual std::unique_ptr<SnapshotRestore> BeginRestore(persist::File& file) = 0;
  // Reads the whole file as BeginRestore would, and leaves the state alone: whether it is a state
  // of this slot that can be loaded, and that this one may be replaced by. Values are not kept.
  virtual std::unique_ptr<SnapshotRestore> BeginCheck(persist::File& file, Slot slot) const = 0;
};

// What applying an entry tells the node. THREAD: core loop.
class ApplyListener {
 public:
  virtual ~ApplyListener() = default;
  // An item was skipped because an earlier one of its session is missing.
  virtual void OnGap(Session session, uint64_t next_sequence) = 0;
  // An entry asked for a snapshot behind it.
  virtual void OnSnapshotWanted() = 0;
  // Timers of the leader. Granted, or renewed by an entry.
  virtual void OnLeaseGranted(const StateMachine::LeaseInfo& lease) = 0;
  virtual void OnLeaseEnded(std::string_view id) = 0;
  virtual void OnLockPart(const StateMachine::LockPart& part) = 0;
  virtual void OnLockPartEnded(int db, std::string_view name, uint64_t revision) = 0;
};

}  // namespace clustron::cluster
