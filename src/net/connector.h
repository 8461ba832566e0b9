// Connecting without blocking the loop: looks the name up, tries each address it has, within a
// time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/loop.h"
#include "net/socket.h"

namespace clustron::net {

// One attempt. Destroying it gives up; the callback then never runs. THREAD: the loop's.
class Connector {
 public:
  using Callback = std::function<void(Result<Fd>)>;
  // Calls `done` once, never from inside this call, with a connected, non-blocking socket or the
  // reason why not. `done` may destroy the connector.
  Connector(Loop& loop, const std::string& host, uint16_t port, uint64_t timeout_ms, Callback done);
  ~Connector();
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

 private:
  struct Lookup;
  void OnLookup(int status);
  void TryNext();
  void OnDecided();
  void Finish(Result<Fd> result);

  Loop& loop_;
  std::string where_;  // for messages
  Callback done_;
  Timer deadline_;
  Lookup* lookup_;        // lives until libuv is through with it
  void* next_ = nullptr;  // addrinfo* to try next
  std::string last_error_;
  Fd fd_;
  std::unique_ptr<Poll> poll_;
};

}  // namespace clustron::net
