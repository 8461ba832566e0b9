// Commands whose reply comes later (WAIT, SAVE …): each is asked once per tick, and when a peer has
// answered; those that are woken (WATCHKEY WAIT) at the end of their time only. THREAD: core loop.
#pragma once

#include <cstdint>
#include <vector>

#include "cluster/node/node.h"
#include "server/dispatch/call_recorder.h"
#include "server/dispatch/session_table.h"
#include "server/dispatch/write_gate.h"
#include "server/front/client_table.h"

namespace clustron::server {

class LateReplies {
 public:
  // All outlive it.
  LateReplies(const ClientTable& clients, const cluster::Node& node, CallRecorder& recorder,
              WriteGate& writes, SessionTable& sessions)
      : clients_(clients), node_(node), recorder_(recorder), writes_(writes), sessions_(sessions) {}

  // The session's client has a late reply, and its place is in the queue.
  void Add(Session& session);
  // Asks for the reply at the queue's front. True: it is written. False also if an item is on its
  // way that will give it.
  bool Poll(Session& session);
  // Has all that wait looked at. With each tick.
  void Tick();
  // The same if peers have answered meanwhile: WAIT need not wait for a tick. With each turn.
  void LookAtAnswers();
  // The session is being closed.
  void Forget(Session* session);

 private:
  bool Overdue(Session& session) const;

  const ClientTable& clients_;
  const cluster::Node& node_;
  CallRecorder& recorder_;
  WriteGate& writes_;
  SessionTable& sessions_;
  std::vector<Session*> waiters_;
  uint64_t answers_seen_ = 0;  // of peers, when the waiters were looked at last
};

}  // namespace clustron::server
