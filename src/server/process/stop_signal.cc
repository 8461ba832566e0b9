#include "server/process/stop_signal.h"

#include <signal.h>

#include <atomic>

namespace clustron::server {

namespace {

std::atomic<bool> stop_asked = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // or no handler could set it

}  // namespace

void CatchStopSignals() {
  struct sigaction action = {};
  action.sa_handler = [](int) { stop_asked = true; };
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  for (const int number : {SIGTERM, SIGINT}) sigaction(number, &action, nullptr);
}

bool StopAsked() { return stop_asked; }

}  // namespace clustron::server
