// All clients of this node by id: CLIENT LIST and KILL, pauses, limits. Borrows the clients: their
// connections own them. THREAD: core loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ring.h"
#include "commands/core/client_filter.h"
#include "commands/core/ports.h"
#include "server/front/client.h"

namespace clustron::commands {
struct CommandSpec;
}

namespace clustron::server {

class Config;

// Whoever can end the wait of a client that waits for keys.
class UnblockHost {
 public:
  // The answer comes later: 1 if that has ended it, 0 if it was served before. Null: it does not
  // wait.
  virtual std::unique_ptr<commands::LateReply> Unblock(Client& client, bool with_error) = 0;

 protected:
  ~UnblockHost() = default;
};

class ClientTable final : public commands::ClientsPort {
 public:
  ClientTable(const Clock& clock, const Config& config) : clock_(clock), config_(config) {}

  int64_t NowMs() const { return clock_.MonotonicNs() / 1'000'000; }

  uint64_t NextId() { return ++last_id_; }
  // True while another client may come (maxclients).
  bool HasRoom() const;
  void Add(Client& client);
  void Remove(Client& client);
  Client* Find(uint64_t id) const;
  size_t size() const { return clients_.size(); }
  template <typename F>
  void ForEach(F&& visit) const {
    for (const auto& [id, client] : clients_) visit(*client);
  }
  struct Counts {
    size_t clients = 0;
    size_t blocked = 0;
    size_t pubsub = 0;
    size_t watching = 0;      // with watched keys
    size_t max_input = 0;     // the largest query buffer
    size_t max_output = 0;    // and output
    size_t memory_bytes = 0;  // of all
  };
  Counts Count() const;

  // Closes those that were idle for `timeout`, and those whose output is over its class's limits
  // (client-output-buffer-limit). Call about ten times a second.
  struct Sweep {
    size_t idle = 0;
    size_t output = 0;
    size_t strangers = 0;  // had their time to authenticate
  };
  Sweep SweepLimits();
  // A client that has not authenticated where a password is required.
  bool Stranger(const Client& client) const;
  // The one that has been a stranger for longest; null: there is none.
  Client* OldestStranger();
  // The hard limit alone.
  bool OverHardLimit(const Client& client) const;
  bool OverQueryLimit(const Client& client) const;

  // --- maxmemory-clients -----------------------------------------------------------------------
  // What all clients together may take, bytes; 0: no limit. As in Redis: percents are of maxmemory,
  // and a limit below 128 KB counts as that.
  size_t MemoryLimit() const;
  // Call where a client's buffers may have changed. Does nothing without a limit.
  void NoteMemory(Client& client);
  // Closes the largest ones until all together take less than the limit; returns how many. NO-EVICT
  // keeps a client, but what it takes counts.
  size_t Evict();

  // --- Pause -----------------------------------------------------------------------------------
  // Whether this command must wait now. CLIENT commands that could end the pause are never held.
  bool Holds(const commands::CommandSpec& spec, bool may_write) const;
  // True while anything is held; the owner tries held commands again when it has ended.
  bool paused() const { return paused_until_ms_ != 0 && paused_until_ms_ > NowMs(); }
  int64_t paused_until_ms() const { return paused_until_ms_; }

  void SetUnblockHost(UnblockHost* host) { unblock_host_ = host; }

  // --- commands::ClientsPort -------------------------------------------------------------------
  std::unique_ptr<commands::LateReply> Unblock(uint64_t id, bool with_error) override;
  std::string List(const commands::ClientFilter& filter) const override;
  std::string Describe(uint64_t id) const override;
  size_t Kill(const commands::ClientFilter& filter, uint64_t me) override;
  void Pause(int64_t timeout_ms, bool writes_only) override;
  void Unpause() override { paused_until_ms_ = 0; }

 private:
  std::string Line(const Client& client) const;
  void BeginStranger(Client& client);
  bool StrangerForTooLong(Client& client, int64_t now_ms);
  bool Fits(const commands::ClientFilter& filter, const Client& client) const;

  const Clock& clock_;
  const Config& config_;
  UnblockHost* unblock_host_ = nullptr;
  std::map<uint64_t, Client*> clients_;  // by rising id, as CLIENT LIST has them
  // Ids in the order in which they became strangers; some are none any more, or gone.
  Ring<uint64_t> strangers_;
  size_t counted_bytes_ = 0;  // of all clients that are not being closed for it
  uint64_t last_id_ = 0;
  int64_t paused_until_ms_ = 0;
  bool pause_writes_only_ = false;
};

}  // namespace clustron::server
