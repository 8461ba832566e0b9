// SIGTERM and SIGINT while the server starts, which blocks: they are noted, and whatever takes long
// asks in between. The second one ends the process at once. The loop's own handlers take over when
// it runs.
#pragma once

#include "base/result.h"

namespace clustron::server {

void CatchStopSignals();
// THREAD: any.
bool StopAsked();
// What a start returns that was asked to stop.
inline std::unexpected<Error> Stopped() {
  return Fail(Errc::kUnavailable, "stopped by a signal while starting");
}

}  // namespace clustron::server
