// When reads may look at this node's state: at once under the leader's lease, else when their read
// round is granted, and, where they could meet a key that is due by the grant's clocks, when a
// tick was applied. THREAD: core loop.
#pragma once

#include <cstdint>

#include "base/ring.h"
#include "cluster/node/node.h"
#include "server/dispatch/session_table.h"
#include "server/dispatch/turn.h"
#include "state/executor.h"

namespace clustron::server {

class ReadGate {
 public:
  // All outlive it.
  ReadGate(cluster::Node& node, const state::Executor& executor, SessionTable& sessions)
      : node_(node), executor_(executor), sessions_(sessions) {}

  // Whether reads need not ask anybody, found out once in a turn.
  bool MayReadNow(Turn& turn);
  // The same of a read that may go at once; asks the time wheel once in a turn. REQUIRES: no
  // inline entry is open, and who changes the state within a turn has it asked again
  // (Turn::due): a write may bring a nearer end.
  bool NeedsTickNow(Turn& turn, const commands::CommandSpec& spec, commands::Args args,
                    int db) const;
  // See Executor::NeedsTick, by the clocks of the last grant.
  bool NeedsTick(const commands::CommandSpec& spec, commands::Args args, int db) const {
    return executor_.NeedsTick(spec, args, db, grant_);
  }
  // The clocks of the last grant: of this turn, or of the last round.
  const cluster::ReadGrant& grant() const { return grant_; }
  // A caller in the client's name, with these clocks if it has to do with them.
  state::Executor::Caller CallerOf(Client& client) const;

  // The read waits for the next round.
  void JoinRound(Session& session, Pending& pending);
  // The granted read, at the front of its queue, waits for a tick.
  void JoinTick(Session& session, Pending& front);
  // What the read waits for has not come in time.
  bool Failed(const Pending& pending) const;
  // It has not come yet.
  bool Waits(const Pending& pending) const {
    return pending.round > ready_round_ || pending.tick > ready_tick_;
  }
  bool Granted(const Pending& pending) const { return pending.round <= ready_round_; }

  // --- Told by the node ------------------------------------------------------------------------
  void RoundReady(uint64_t round, bool ok, const cluster::ReadGrant& grant);
  void TickReady(uint64_t tick, bool ok);

  // The session is being closed.
  void Forget(const Session* session);

 private:
  struct Waiter {
    uint64_t number;   // of a round, or of a tick
    Session* session;  // null: it was closed
  };
  using Waiters = Ring<Waiter>;

  void LookAtWaiters(Waiters& waiters, uint64_t number);

  cluster::Node& node_;
  const state::Executor& executor_;
  SessionTable& sessions_;
  cluster::ReadGrant grant_;
  uint64_t ready_round_ = 0;
  uint64_t failed_round_ = 0;
  uint64_t ready_tick_ = 0;
  uint64_t failed_tick_ = 0;
  Waiters round_waiters_;  // by rising numbers, as the next
  Waiters tick_waiters_;
};

}  // namespace clustron::server
