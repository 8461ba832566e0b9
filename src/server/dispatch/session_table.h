// All sessions of this node: made, flushed at the turn's end, looked at again when their queue may
// have moved, kept without a socket until their items have been applied, freed.
// THREAD: core loop. OWNS: the sessions.
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_set>
#include <vector>

#include "server/config/config.h"
#include "server/front/client_table.h"
#include "server/front/session.h"
#include "server/observe/pubsub_hub.h"
#include "server/observe/stats.h"

namespace clustron::server {

class SessionTable final : public SessionHost {
 public:
  // All outlive it.
  SessionTable(const Config& config, ClientTable& clients, PubsubHub& hub, Stats& stats)
      : config_(config), clients_(clients), hub_(hub), stats_(stats) {}
  ~SessionTable() override;

  Session* Open(Client::Address address, SessionSink* sink);
  // The socket is gone. The session lives on until its items have been applied.
  void Close(Session* session);
  // Frees closed sessions that nothing needs any more.
  void Reap();

  bool any_ready() const { return !ready_.empty(); }
  // The sessions that were marked so since the last call.
  std::vector<Session*> TakeReady();
  // Flushes what was marked dirty since the last call. `state_unwritten`: what may show the state
  // waits for the next turn.
  void FlushDirty(bool state_unwritten);

  // Closes a session whose output is over its hard limit. Call before it is sent.
  void CheckOutput(Session& session);
  // The session's buffers may have grown: keeps all clients together within maxmemory-clients.
  void LimitMemory(Session& session);

  // --- SessionHost -----------------------------------------------------------------------------
  void MarkDirty(Session& session) override;
  // See TakeReady.
  void LookLater(Session& session) override;
  void OutputGrew(Session& session) override;

 private:
  const Config& config_;
  ClientTable& clients_;
  PubsubHub& hub_;
  Stats& stats_;
  // Sessions in the order of their ids would do; they are only looked up by pointer.
  std::unordered_set<Session*> open_;
  std::vector<Session*> dirty_;
  std::vector<Session*> ready_;
  std::vector<std::unique_ptr<Session>> closed_;
};

}  // namespace clustron::server
