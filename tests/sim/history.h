// What the cluster as a whole has agreed on and answered, put together from what every node applied
// and replied, and checked as it comes:
//   - one value per slot, whoever applies it, however often, before and after restarts;
//   - equal digests at equal slots;
//   - afterwards, the log replayed through a fresh executor gives the same digests and the same
//     replies, item by item.
// The replay also tells what became of each command that may wait for a key (CallsThatWait).
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "cluster/log/entry.h"
#include "cluster/paxos/types.h"
#include "cluster/wire/skip_list.h"
#include "tests/sim/report.h"

namespace clustron::sim {

// Commands that may wait (BLPOP ...), as the log has them: each was taken down in it, in an item of
// its node's session, found what it wanted at once or had to wait, and was answered by a later
// entry or not at all. Clients and log are brought together by the time-out: each call of the
// workload that asks for this is given one that is written as no other (see WaitingActor).
struct CallThatWaits {
  cluster::Session session;
  paxos::Slot entered = 0;   // the slot that it has waited from; 0: it never waited
  paxos::Slot answered = 0;  // its reply's, whether anybody got it or not; 0: it has none
  int64_t answered_ns = 0;   // when the first node had applied that
  int answers = 0;
  std::string reply;
};
struct CallsThatWait {
  std::map<std::string, CallThatWaits> by_timeout;
  // From these slots on nobody was served who waited at a process: the leader took it for gone, or
  // its successor was there.
  std::vector<std::pair<paxos::Slot, cluster::Session>> parked;
  std::map<std::pair<uint32_t, uint32_t>, paxos::Slot> begun;  // the first slot of (node, boot)

  // Whether the waiter may have been passed over, or dropped, up to this slot.
  bool MayBeSkipped(const CallThatWaits& call, paxos::Slot up_to) const {
    const auto later = begun.upper_bound({call.session.node, call.session.boot});
    if (later != begun.end() && later->first.first == call.session.node && later->second <= up_to)
      return true;
    return std::any_of(parked.begin(), parked.end(), [&](const auto& item) {
      return item.first >= call.entered && item.first <= up_to && item.second == call.session;
    });
  }
};

class WatchTruth;  // watch_truth.h

class History {
 public:
  // `expire_per_entry`: how many due keys an entry removes, on the nodes and in the replay.
  History(Report* report, EventLoop* loop, uint64_t hash_seed, size_t expire_per_entry)
      : report_(*report),
        loop_(*loop),
        hash_seed_(hash_seed),
        expire_per_entry_(expire_per_entry) {}

  // A node applied this slot and has this digest now.
  void OnApplied(int node, paxos::Slot slot, const paxos::Value& value, uint64_t digest);
  // A node's state is at this slot (by a snapshot, or by the inline path).
  void OnState(int node, paxos::Slot slot, uint64_t digest);
  // A node alone has logged this by the inline path.
  void OnLogged(int node, paxos::Slot slot, const paxos::Value& value);
  // Of all entries behind this slot.
  uint64_t BytesBehind(paxos::Slot slot) const;
  // A node alone has come back with its log up to this slot: the rest is as if it had never been.
  void ForgetAbove(paxos::Slot slot);
  // A cluster has lost it, and its operator accepts that.
  void LoseAbove(paxos::Slot slot);
  const paxos::Value* ValueAt(paxos::Slot slot) const {
    return slot < slots_.size() && slots_[slot].has_value ? &slots_[slot].value : nullptr;
  }
  // When the first node had applied it.
  int64_t AppliedNs(paxos::Slot slot) const { return slots_[slot].applied_ns; }
  // A node asks for a read round; its leader's answer must cover all that anybody had applied then.
  void OnReadAsked(int node, uint64_t round);
  void OnReadGranted(int node, uint64_t round, paxos::Slot index);
  // A node answered an item of its own.
  void OnReply(cluster::Session session, uint64_t sequence, std::string_view reply);

  uint64_t hash_seed() const { return hash_seed_; }
  // The highest slot that anybody applied.
  paxos::Slot last_slot() const { return slots_.empty() ? 0 : slots_.size() - 1; }
  uint64_t DigestAt(paxos::Slot slot) const {
    return slot < slots_.size() ? slots_[slot].digest : 0;
  }
  // For people: the items of the log whose arguments contain the text, to stderr.
  void Dump(std::string_view needle) const;
  // Replays everything. Call once, at the end. False: there is nothing to replay.
  bool CheckReplay();
  // Another replay tells this. REQUIRES: CheckReplay has returned true.
  void ReplayWatches(WatchTruth* truth);
  // REQUIRES: CheckReplay has returned true.
  const CallsThatWait& calls_that_wait() const { return calls_; }
  // An operator has this entry left out.
  void SkipSlot(const cluster::Skip& skip) { CHECK(skips_.Set(skip)); }

 private:
  friend class ReplayTap;
  struct SlotRecord {
    bool has_value = false;
    bool has_digest = false;
    uint64_t digest = 0;
    int64_t applied_ns = 0;  // first
    paxos::Value value;
  };
  SlotRecord& At(paxos::Slot slot);
  void ReplaySession(cluster::Session session, const std::map<uint64_t, std::string>& replies);
  void FindCallsThatWait();

  Report& report_;
  EventLoop& loop_;
  const uint64_t hash_seed_;
  const size_t expire_per_entry_;
  cluster::SkipList skips_;
  std::vector<SlotRecord> slots_;
  std::map<std::pair<uint32_t, uint32_t>, std::map<uint64_t, std::string>> replies_;
  // In order: the session and number of each reply, and the highest slot applied by then.
  struct Noted {
    paxos::Slot slot;
    std::pair<uint32_t, uint32_t> session;
    uint64_t sequence;
  };
  std::vector<Noted> noted_;
  // Of commands that may wait: their time-outs, by session and number.
  std::map<std::pair<uint32_t, uint32_t>, std::map<uint64_t, std::string>> timeouts_;
  // Items of nothing, by session: slot and number. A command that had the number before was void.
  std::map<std::pair<uint32_t, uint32_t>, std::set<std::pair<paxos::Slot, uint64_t>>> voids_;
  std::set<std::pair<uint32_t, uint32_t>> forgotten_;  // sessions before an end of the log was lost
  CallsThatWait calls_;
  std::map<int, std::map<uint64_t, paxos::Slot>> asked_;  // rounds by node: what was applied then
};

}  // namespace clustron::sim
