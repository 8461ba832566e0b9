// What this node knows of one client: handshake, modes, transaction, subscriptions, statistics. The
// connection (socket, parser, output) owns it and is reached from here through ClientLink.
//
// INVARIANT: a client is in its ClientTable and, while it has subscriptions, in the PubsubHub; both
// are left before it dies (ClientTable::Remove, PubsubHub::Forget). THREAD: core loop.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "commands/core/client_filter.h"
#include "commands/core/ports.h"

namespace clustron::commands {
struct CommandSpec;
}

namespace clustron::server {

// The socket's side.
class ClientLink {
 public:
  virtual ~ClientLink() = default;
  // Appends whole frames to the output, between replies. Never closes the link from inside the
  // call: a reader that is too slow is closed at the turn's end.
  virtual void Push(std::string_view frames) = 0;
  // Looks at the late reply that the client waits for, within the turn.
  virtual void Wake() {}
  // Closes when everything written so far, the running command's reply included, has left.
  virtual void CloseAfterReply() = 0;
  // Closes without another byte.
  virtual void CloseNow() = 0;
  virtual size_t input_bytes() const = 0;       // of the query buffer: used
  virtual size_t input_free_bytes() const = 0;  // and free
  virtual size_t output_bytes() const = 0;      // not yet taken by the kernel
};

class Client final : public commands::ClientPort {
 public:
  struct Address {
    std::string peer;   // "127.0.0.1:5000", "[::1]:5000"; of a unix socket "/path:0"
    std::string local;  // likewise
    int fd = -1;
    bool unix_socket = false;
  };
  // REQUIRES: id > 0, rising.
  Client(uint64_t client_id, ClientLink& link, Address address, int64_t now_ms);
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  ClientLink& link() { return link_; }
  const ClientLink& link() const { return link_; }
  const Address& address() const { return address_; }

  // --- commands::ClientPort --------------------------------------------------------------------
  uint64_t id() const override { return id_; }
  commands::ClientModes& modes() override { return modes_; }
  const commands::ClientModes& modes() const { return modes_; }
  commands::ClientLibrary& library() override { return library_; }
  const commands::ClientLibrary& library() const { return library_; }
  commands::ClientTransaction& transaction() override { return transaction_; }
  const commands::ClientTransaction& transaction() const { return transaction_; }
  bool writes_to_masters_only() const override;
  void SetReplyMode(commands::ReplyMode mode) override;
  bool authenticated() const override { return authenticated_; }
  void SetAuthenticated(std::string_view user) override;
  void RequireAuth() override { authenticated_ = false; }
  void Reset() override;
  void CloseAfterReply() override;
  void Defer(std::unique_ptr<commands::LateReply> late, int64_t timeout_ms) override;

  // --- For the dispatcher ----------------------------------------------------------------------

  std::string_view user() const { return user_; }
  // CLIENT REPLY. To be called once before each command: true if its reply is to be thrown away.
  // Pushes and pub/sub frames are never thrown away.
  bool TakeReplyMuted();
  bool replies_off() const { return mute_ == Mute::kAlways; }

  // A reply that is still to come; the connection's later commands wait for it.
  commands::LateReply* late_reply() const { return late_.reply.get(); }
  int64_t late_timeout_ms() const { return late_.timeout_ms; }
  std::unique_ptr<commands::LateReply> TakeLateReply() { return std::move(late_.reply); }

  // --- Subscriptions: changed by PubsubHub only ------------------------------------------------
  using Names = std::set<std::string, std::less<>>;
  Names& names(commands::PubsubPort::Kind kind) { return names_[static_cast<size_t>(kind)]; }
  const Names& names(commands::PubsubPort::Kind kind) const {
    return names_[static_cast<size_t>(kind)];
  }
  bool subscribed() const {
    return !names_[0].empty() || !names_[1].empty() || !names_[2].empty() || watches != 0;
  }
  commands::ClientType type() const {
    return subscribed() ? commands::ClientType::kPubsub : commands::ClientType::kNormal;
  }

  // --- Statistics ------------------------------------------------------------------------------
  // Call for each command that begins.
  void Touch(int64_t now_ms, const commands::CommandSpec* spec) {
    seen_.last_active_ms = now_ms;
    last_command_ = spec;
  }
  int64_t created_ms() const { return seen_.created_ms; }
  int64_t last_active_ms() const { return seen_.last_active_ms; }
  const commands::CommandSpec* last_command() const { return last_command_; }
  // A mark for the `flags` of CLIENT LIST.
  bool closing = false;  // no more commands are taken from it
  bool held = false;     // by CLIENT PAUSE: its next command waits
  size_t watches = 0;    // of WATCHKEY's plain form: changed by WatchHub only
  uint64_t blocked = 0;  // it waits for keys, by this number (BlockedClients); 0: it doesn't
  // What Maintenance has told it and not yet ended.
  struct Told {
    bool moving = false;
    bool elsewhere = false;  // sent to masters on other nodes, since this one stops
    bool failing_over = false;
  };
  Told told;
  // What the client table bounds.
  struct Bounds {
    size_t counted_bytes = 0;  // its part of the sum that maxmemory-clients bounds
    bool evicted = false;      // it is being closed for that bound
    // When its output first went over the soft limit (LimitChecker), 0: it isn't.
    int64_t soft_limit_since_ms = 0;
    // Since when it has been a stranger, 0: it isn't.
    int64_t stranger_since_ms = 0;
  };
  Bounds bounds;
  // Slot of its last write (WAIT), kept by the dispatcher; 0: none.
  uint64_t last_write_slot = 0;

  // What it costs this node, roughly.
  size_t MemoryBytes() const;

 private:
  const uint64_t id_;
  ClientLink& link_;
  const Address address_;

  commands::ClientModes modes_;
  commands::ClientLibrary library_;
  commands::ClientTransaction transaction_;
  bool authenticated_ = true;
  enum class Mute : uint8_t { kNo, kAlways, kNext } mute_ = Mute::kNo;
  const commands::CommandSpec* last_command_ = nullptr;
  struct Seen {
    int64_t created_ms;
    int64_t last_active_ms;
  };
  Seen seen_;

  std::string user_ = "default";
  struct Late {
    std::unique_ptr<commands::LateReply> reply;
    int64_t timeout_ms = 0;
  };
  Late late_;
  Names names_[3];
};

}  // namespace clustron::server
