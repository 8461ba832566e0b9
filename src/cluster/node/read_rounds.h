// Linearizable reads at a node that is not (surely) the leader. All reads of one loop turn share a
// round; the leader answers with its chosen slot and its clocks, and the reads run here when that
// slot is applied. Rounds have fresh ids and are asked for after their reads arrived, so an answer
// to a round is good for every earlier one too, and never for a later one (etcd #20418).
#pragma once

#include <cstdint>

#include "base/ring.h"
#include "cluster/paxos/types.h"

namespace clustron::cluster {

// What a reader needs to know: state up to `index` must be applied, and what is due by these clocks
// must be gone before it reads.
struct ReadGrant {
  paxos::Slot index = 0;
  int64_t elapsed_ms = 0;
  int64_t wall_ms = 0;
};

class ReadRounds {
 public:
  // Ids start above `base`. It differs from start to start of a node: an answer that an earlier
  // process of this node asked for must not be taken for one to this.
  explicit ReadRounds(uint64_t base) : joined_(base), asked_(base), granted_(base) {}

  // The round of the current turn.
  uint64_t Join(int64_t now_ns) {
    if (joined_ == asked_) {
      ++joined_;
      waiting_.push_back({joined_, now_ns});
    }
    return joined_;
  }
  // At the turn's end: the round to ask the leader for now; 0: none is new.
  uint64_t TakeUnasked(int64_t now_ns) {
    if (joined_ == asked_) return 0;
    asked_ = joined_;
    asked_ns_ = now_ns;
    return asked_;
  }
  // Rounds that are not answered are asked for again, under a fresh id, after `retry_ns` or when
  // there is a new leader.
  bool Unanswered() const { return granted_ < asked_; }
  int64_t asked_ns() const { return asked_ns_; }
  uint64_t AskAgain(int64_t now_ns) {
    waiting_.push_back({++joined_, waiting_.empty() ? now_ns : waiting_.back().joined_ns});
    asked_ = joined_;
    asked_ns_ = now_ns;
    return asked_;
  }

  // At the turn's end: the round to ask the leader for, 0: none. One that nobody answered is asked
  // for again after `retry_ns`, or at once if `again`.
  uint64_t TakeToAsk(int64_t now_ns, int64_t retry_ns, bool again) {
    const uint64_t id = TakeUnasked(now_ns);
    if (id != 0 || !Unanswered() || (!again && now_ns - asked_ns_ <= retry_ns)) return id;
    return AskAgain(now_ns);
  }

  void Granted(uint64_t id, const ReadGrant& grant) {
    if (id <= granted_ || id > asked_) return;
    granted_ = id;
    grants_.push_back({id, grant});
  }
  // The next answered round whose slot is applied; all rounds up to it may read now.
  bool TakeReady(paxos::Slot applied, uint64_t* id, ReadGrant* grant) {
    if (grants_.empty() || grants_.front().grant.index > applied) return false;
    *id = grants_.front().id;
    *grant = grants_.front().grant;
    grants_.pop_front();
    while (!waiting_.empty() && waiting_.front().id <= *id) waiting_.pop_front();
    return true;
  }
  // The highest round that has waited longer than `timeout_ns`; 0: none. Forgets it.
  uint64_t TakeExpired(int64_t now_ns, int64_t timeout_ns) {
    uint64_t id = 0;
    while (!waiting_.empty() && now_ns - waiting_.front().joined_ns > timeout_ns) {
      id = waiting_.front().id;
      waiting_.pop_front();
    }
    return id;
  }

 private:
  struct Waiting {
    uint64_t id;
    int64_t joined_ns;
  };
  struct Answer {
    uint64_t id;
    ReadGrant grant;
  };
  uint64_t joined_;   // the newest round
  uint64_t asked_;    // the newest one that the leader was asked for
  uint64_t granted_;  // the newest one answered
  int64_t asked_ns_ = 0;
  Ring<Waiting> waiting_;  // rounds not ready yet
  Ring<Answer> grants_;    // answered, not applied yet
};

}  // namespace clustron::cluster
