#include "server/dispatch/read_gate.h"

#include <algorithm>

#include "base/check.h"

namespace clustron::server {

bool ReadGate::MayReadNow(Turn& turn) {
  if (turn.read_now == Turn::ReadNow::kUnknown)
    turn.read_now =
        node_.parts().reads.CanReadNow(&grant_) ? Turn::ReadNow::kYes : Turn::ReadNow::kNo;
  return turn.read_now == Turn::ReadNow::kYes;
}

bool ReadGate::NeedsTickNow(Turn& turn, const commands::CommandSpec& spec, commands::Args args,
                            int db) const {
  if (turn.due == Turn::Due::kUnknown) {
    const store::Store& store = executor_.store();
    const bool due =
        store.NextDueElapsedMs() <= grant_.elapsed_ms || store.NextDueWallMs() <= grant_.wall_ms;
    turn.due = due ? Turn::Due::kSomething : Turn::Due::kNothing;
  }
  return turn.due == Turn::Due::kSomething && NeedsTick(spec, args, db);
}

state::Executor::Caller ReadGate::CallerOf(Client& client) const {
  state::Executor::Caller caller;
  caller.db = client.modes().db;
  caller.resp_version = client.modes().resp_version;
  if (client.user() != "default") caller.user = client.user();
  caller.client = &client;
  if (!client.modes().local_reads) {
    caller.live_elapsed_ms = grant_.elapsed_ms;
    caller.live_wall_ms = grant_.wall_ms;
  }
  return caller;
}

void ReadGate::JoinRound(Session& session, Pending& pending) {
  CHECK(pending.kind == Pending::Kind::kRun);
  CHECK(pending.round == 0);
  pending.round = node_.parts().reads.Join();
  CHECK(round_waiters_.empty() || round_waiters_.back().number <= pending.round);
  round_waiters_.push_back({pending.round, &session});
}

void ReadGate::JoinTick(Session& session, Pending& front) {
  CHECK(&front == &session.queue.front());
  CHECK(front.tick == 0);
  front.tick = node_.parts().ticks.Join();
  CHECK(tick_waiters_.empty() || tick_waiters_.back().number <= front.tick);
  tick_waiters_.push_back({front.tick, &session});
}

bool ReadGate::Failed(const Pending& pending) const {
  const auto failed = [](uint64_t number, uint64_t failed_number, uint64_t ready) {
    return number != 0 && number <= failed_number && number > ready;
  };
  return failed(pending.round, failed_round_, ready_round_) ||
         failed(pending.tick, failed_tick_, ready_tick_);
}

void ReadGate::RoundReady(uint64_t round, bool ok, const cluster::ReadGrant& grant) {
  if (ok) {
    ready_round_ = std::max(ready_round_, round);
    grant_ = grant;
  } else {
    failed_round_ = std::max(failed_round_, round);
  }
  LookAtWaiters(round_waiters_, round);
}

void ReadGate::TickReady(uint64_t tick, bool ok) {
  uint64_t& reached = ok ? ready_tick_ : failed_tick_;
  reached = std::max(reached, tick);
  LookAtWaiters(tick_waiters_, tick);
}

void ReadGate::LookAtWaiters(Waiters& waiters, uint64_t number) {
  while (!waiters.empty() && waiters.front().number <= number) {
    if (Session* session = waiters.front().session) sessions_.LookLater(*session);
    waiters.pop_front();
  }
}

void ReadGate::Forget(const Session* session) {
  for (Waiters* waiters : {&round_waiters_, &tick_waiters_})
    for (size_t i = 0; i < waiters->size(); ++i)
      if ((*waiters)[i].session == session) (*waiters)[i].session = nullptr;
}

}  // namespace clustron::server
