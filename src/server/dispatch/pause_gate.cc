#include "server/dispatch/pause_gate.h"

#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace clustron::server {

void PauseGate::Hold(Session& session) {
  CHECK(!session.client.held);
  session.client.held = true;
  held_.push_back(&session);
}

// While clients are paused nothing may seem to change for them: what is due is seen gone, but
// stays.
void PauseGate::Step() {
  const bool paused = clients_.paused();
  if (std::exchange(keeps_due_, paused) != paused) {
    Log(LogLevel::kDebug, "{}", paused ? "clients are paused" : "clients are no longer paused");
    node_.parts().lead.KeepDue(paused);
  }
  if (paused || held_.empty()) return;
  std::vector<Session*> held;
  std::swap(held, held_);
  for (Session* session : held) {
    CHECK(session->client.held);
    session->client.held = false;
    sessions_.LookLater(*session);
  }
}

void PauseGate::Forget(Session* session) { std::erase(held_, session); }

}  // namespace clustron::server
