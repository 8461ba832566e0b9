// CLIENT PAUSE: the sessions whose next command is held back until it ends. THREAD: core loop.
#pragma once

#include <vector>

#include "cluster/node/node.h"
#include "server/dispatch/session_table.h"
#include "server/front/client_table.h"

namespace clustron::server {

class PauseGate {
 public:
  // All outlive it.
  PauseGate(const ClientTable& clients, cluster::Node& node, SessionTable& sessions)
      : clients_(clients), node_(node), sessions_(sessions) {}

  // The session's next command waits, unparsed.
  void Hold(Session& session);
  // Lets all go that are held if the pause is over. Call with each turn and tick.
  void Step();
  // The session is being closed.
  void Forget(Session* session);

 private:
  const ClientTable& clients_;
  cluster::Node& node_;
  SessionTable& sessions_;
  std::vector<Session*> held_;
  bool keeps_due_ = false;  // the node was told so
};

}  // namespace clustron::server
