// This node's clients that wait for keys. Who is served, and when a wait has ended, apply says
// (state/wait_server.h); this part answers in the client's place in its session's queue, tells the
// others when a client is gone or CLIENT UNBLOCK wants it back, and gives up for a client whose
// wait should have ended long ago: that is -UNCERTAIN, since an element may be on its way.
//
// What it tells goes as items of this node's session, again and again until apply shows that it
// has come. THREAD: core loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "cluster/log/wait_item.h"
#include "cluster/node/node.h"
#include "commands/core/ports.h"
#include "server/dispatch/call_recorder.h"
#include "server/dispatch/session_table.h"
#include "server/front/client_table.h"
#include "server/observe/stats.h"
#include "server/ops/departure.h"
#include "server/ops/outage.h"
#include "state/executor.h"

namespace clustron::server {

class BlockedClients final : public UnblockHost, public state::WaitSink {
 public:
  // What it works with; all outlive it.
  struct Around {
    const Clock& clock;
    ClientTable& clients;
    cluster::Node& node;
    state::Executor& executor;
    Stats& stats;
    Outage& outage;
    CallRecorder& recorder;
    SessionTable& sessions;
    const Departure& departure;
  };
  explicit BlockedClients(const Around& around) : around_(around) {
    around_.clients.SetUnblockHost(this);
  }
  ~BlockedClients() { around_.clients.SetUnblockHost(nullptr); }

  // The session's front, a write with this number, waits from now on. Null: its client is gone.
  void Add(Session* session, uint64_t id);
  // The session is being closed.
  void Forget(Session* session);

  // All goes on under another boot: what waits will not be served.
  void OnNewSession();
  // With each tick.
  void Step();

  // --- state::WaitSink
  state::OwnCall BeginServed(uint64_t id) override;
  void EndServed(uint64_t id, state::WaitOutcome outcome) override;
  void WaitersParked() override { back_due_ns_ = 0; }
  void WaitersReplaced() override;

  // --- UnblockHost
  std::unique_ptr<commands::LateReply> Unblock(Client& client, bool with_error) override;

 private:
  struct Waiter {
    Session* session = nullptr;  // null: gone
    int64_t uncertain_ns = 0;    // when its end is overdue; 0: it has none
    int64_t told_ns = 0;         // when its end was last asked for; 0: never
    cluster::WaitEnd end = cluster::WaitEnd::kGone;
    std::shared_ptr<std::optional<bool>> unblocked;  // who asked for its end waits for this
  };

  void AskEnd(uint64_t id, Waiter& waiter);
  void Submit(const cluster::WaitNews& news);
  void GoOn(Session& session);
  void GiveUp(Waiter& waiter);
  const store::Wait* RowOf(uint64_t id) const;

  const Around around_;
  std::map<uint64_t, Waiter> waiters_;  // by the number of their items
  Answer answer_;                       // of the one that is being answered
  int64_t looked_ns_ = 0;
  int64_t back_due_ns_ = INT64_MAX;  // when to say that this node's waiters are here
};

}  // namespace clustron::server
