// Tells systemd how the start and the stop go (`supervised`, NOTIFY_SOCKET), as sd_notify does.
//   READY=1 when clients are served · STATUS what is waited for · STOPPING=1 · EXTEND_TIMEOUT_USEC
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "server/config/config_table.h"  // kSupervised…

namespace clustron::server {

class Supervisor {
 public:
  // `mode`: of the option `supervised`.
  Supervisor(const Clock& clock, int64_t mode);

  void Ready(std::string_view status);
  // Something goes on that may take long: said anew when the status changes, and the time that
  // systemd grants is extended each second, however often this is called.
  void Busy(std::string_view status);
  // The same of work whose status changes all the time: it waits for its second.
  void Progress(std::string_view status);
  void Stopping(std::string_view status);  // the same, and that it is the stop

 private:
  void Say(std::string_view state);

  const Clock& clock_;
  std::string path_;  // of the socket; empty: nobody is told
  std::string status_;
  int64_t extended_ns_ = 0;
  bool stopping_ = false;
};

}  // namespace clustron::server
