// What a connection has set about itself, and its transaction. Kept by the connection (ClientPort),
// changed by handlers. Nothing in here is replicated state. THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace clustron::commands {

struct CommandSpec;

// CLIENT MAINT_NOTIFICATIONS: whether a client wants to hear of planned maintenance, and of the
// address to go to.
enum class MaintNotices : uint8_t { kOff, kWithEndpoint, kWithoutEndpoint };

// RESET brings back the defaults.
struct ClientModes {
  int db = 0;            // SELECT
  int resp_version = 2;  // HELLO, whose own reply is in the new one already
  std::string name;      // CLIENT SETNAME
  bool no_evict = false;
  bool no_touch = false;
  bool local_reads = false;  // READONLY: reads are answered from this node's state, the leader
                             // isn't asked
  MaintNotices maint_notices = MaintNotices::kOff;
};

// CLIENT SETINFO. Outlives RESET.
struct ClientLibrary {
  std::string name;
  std::string version;
};

// One watched key (WATCH): what EXEC compares.
struct WatchedKey {
  int db = 0;
  std::string key;
  uint64_t key_revision = 0;    // 0: absent when watched
  uint64_t store_revision = 0;  // the store's when watched
};

// A command between MULTI and EXEC.
struct QueuedCommand {
  const CommandSpec* spec;
  std::vector<std::string> args;
};

// MULTI … EXEC, and the keys that are watched for it. INVARIANT: nothing is queued outside MULTI.
class ClientTransaction {
 public:
  bool open() const { return open_; }
  void Begin() { open_ = true; }
  // Forgets what is queued and the watched keys.
  void End() { *this = {}; }

  // A refused command spoils the transaction (EXECABORT).
  void Spoil() { spoiled_ = open_; }
  bool spoiled() const { return spoiled_; }

  // REQUIRES: open().
  void Queue(QueuedCommand command);
  const std::vector<QueuedCommand>& queued() const { return queued_; }
  size_t queued_bytes() const { return queued_bytes_; }
  std::vector<QueuedCommand> TakeQueued() { return std::move(queued_); }

  // The first WATCH of a key is the one that counts.
  void Watch(WatchedKey key);
  void Unwatch() { watched_.clear(); }
  const std::vector<WatchedKey>& watched() const { return watched_; }
  std::vector<WatchedKey> TakeWatched() { return std::move(watched_); }

 private:
  bool open_ = false;
  bool spoiled_ = false;
  std::vector<QueuedCommand> queued_;
  size_t queued_bytes_ = 0;
  std::vector<WatchedKey> watched_;
};

}  // namespace clustron::commands
