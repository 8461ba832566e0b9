// Narrow interfaces through which handlers reach the caller's connection and this node. `server`
// implements them; tests may too. Nothing behind them is replicated state. THREAD: core loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "commands/core/client_state.h"

namespace clustron::resp {
class ReplyWriter;
}

namespace clustron::commands {

struct ClientFilter;  // client_filter.h
class OpenTxns;       // commands/transaction/open_txns.h
class WatchesPort;    // watches_port.h

enum class ReplyMode : uint8_t { kOn, kOff, kSkipNext };

// A reply that comes later (WAIT, SAVE). Commands behind it on its connection wait.
class LateReply {
 public:
  virtual ~LateReply() = default;
  // Asked once per loop turn, and at `expired` for the last time. Writes the reply and returns true
  // when it is known; must do so when expired.
  virtual bool Poll(bool expired, resp::ReplyWriter& reply) = 0;
  // When Poll has said so: the words of the item that is to give the reply; then Poll has written
  // none. Empty: it has.
  virtual std::vector<std::string> TakeItem() { return {}; }
  // False: it is asked when its connection is woken (ClientLink::Wake) and at the end of its time,
  // not with each tick.
  virtual bool polled() const { return true; }
};

// The caller's connection.
class ClientPort {
 public:
  virtual ~ClientPort() = default;
  virtual uint64_t id() const = 0;
  virtual ClientModes& modes() = 0;
  virtual ClientLibrary& library() = 0;
  // MULTI … EXEC, WATCH.
  virtual ClientTransaction& transaction() = 0;
  // By its name this library refuses, before it asks us, to write to what INFO calls a slave. So to
  // it every node is a master that takes writes.
  virtual bool writes_to_masters_only() const = 0;
  virtual void SetReplyMode(ReplyMode mode) = 0;

  virtual bool authenticated() const = 0;
  virtual void SetAuthenticated(std::string_view user) = 0;
  virtual void RequireAuth() = 0;  // takes it back

  // RESET: as after connecting, id and address apart.
  virtual void Reset() = 0;
  virtual void CloseAfterReply() = 0;

  // The reply to the running command comes from `late`, at the latest after `timeout_ms` (0: no
  // limit). For AnswerLater (connection_args.h), which knows where nobody can wait.
  virtual void Defer(std::unique_ptr<LateReply> late, int64_t timeout_ms) = 0;
};

// All connections of this node.
class ClientsPort {
 public:
  virtual ~ClientsPort() = default;
  // Lines as CLIENT LIST has them, by rising id.
  virtual std::string List(const ClientFilter& filter) const = 0;
  virtual std::string Describe(uint64_t id) const = 0;
  // Returns how many. `me` is closed only after its reply.
  virtual size_t Kill(const ClientFilter& filter, uint64_t me) = 0;
  // Commands (only those that may write, if `writes_only`) wait until the moment, or Unpause. A
  // later moment and the stricter kind win over what was set before.
  virtual void Pause(int64_t timeout_ms, bool writes_only) = 0;
  virtual void Unpause() = 0;
  // Ends the wait of a client that waits for keys, as a time-out would or with an error. The reply,
  // 1 or 0, comes later; null: it does not wait.
  virtual std::unique_ptr<LateReply> Unblock(uint64_t id, bool with_error) = 0;
};

// Options: redis.conf's directives.
class ConfigPort {
 public:
  virtual ~ConfigPort() = default;
  using Pair = std::pair<std::string, std::string>;
  using PairView = std::pair<std::string_view, std::string_view>;
  // Options whose name matches one of the patterns, each once.
  virtual std::vector<Pair> Get(std::span<const std::string_view> patterns) const = 0;
  // Sets this node's options, all or none. The error is the whole reply's text.
  virtual Status Set(std::span<const PairView> pairs) = 0;
  virtual Status Rewrite() = 0;
};

// Who hears what. Shard channels are a name space of their own.
class PubsubPort {
 public:
  virtual ~PubsubPort() = default;
  enum class Kind : uint8_t { kChannel, kPattern, kShard };
  virtual bool Subscribe(ClientPort& client, Kind kind, std::string_view name) = 0;
  virtual bool Unsubscribe(ClientPort& client, Kind kind, std::string_view name) = 0;
  // The client's names of one kind, sorted.
  virtual std::vector<std::string> NamesOf(const ClientPort& client, Kind kind) const = 0;
  // As confirmations count: shard channels alone, channels and patterns together.
  virtual size_t CountOf(const ClientPort& client, Kind kind) const = 0;

  // Names with subscribers here that match (empty: all), sorted. Not for kPattern.
  virtual std::vector<std::string> Names(Kind kind,
                                         std::optional<std::string_view> pattern) const = 0;
  virtual size_t Subscribers(Kind kind, std::string_view name) const = 0;
  virtual size_t Patterns() const = 0;  // different ones
};

// A command that took longer than slowlog-log-slower-than.
struct SlowCommand {
  uint64_t id = 0;
  int64_t unix_s = 0;
  int64_t took_us = 0;
  std::vector<std::string> args;  // shortened
  std::string addr;
  std::string client_name;
};

// How long a command took: calls up to each of the bounds, in microseconds.
struct CommandLatency {
  std::string name;  // as in INFO: "get", "client|list"
  uint64_t calls = 0;
  std::vector<std::pair<uint64_t, uint64_t>> calls_up_to_us;
};

// A line of MEMORY STATS.
struct MemoryStat {
  std::string name;
  double value = 0;
  bool is_ratio = false;                                      // else an integer
  std::vector<std::pair<std::string_view, int64_t>> parts{};  // instead of a value: a map
};

// What this node tells of itself.
class InfoPort {
 public:
  virtual ~InfoPort() = default;
  // INFO's text. No sections: the default ones. `as_master`: see writes_to_masters_only.
  virtual std::string Info(std::span<const std::string_view> sections, bool as_master) const = 0;
  virtual void ResetStats() = 0;  // CONFIG RESETSTAT
  virtual std::vector<MemoryStat> MemoryStats() const = 0;

  // Newest first; SIZE_MAX: all.
  virtual std::vector<SlowCommand> SlowCommands(size_t count) const = 0;
  virtual size_t SlowCount() const = 0;
  virtual void ForgetSlow() = 0;
  // Of the named commands (containers: all their subcommands), or of all that were called.
  virtual std::vector<CommandLatency> Latencies(std::span<const std::string_view> names) const = 0;
};

// Who is a master to clients (cluster-advertise-role): the leader, every node to
// StackExchange.Redis (kAuto), or every node to all.
enum class AdvertisedRole : uint8_t { kAuto, kLeader, kAll };

// What ROLE and HELLO tell of this node.
struct RoleView {
  bool leader = true;
  // Of a follower.
  std::string leader_host;  // empty: unknown
  int leader_port = 0;
  bool connected = false;  // a leader is in office, and nothing speaks against its living
  // Of any: writes are taken. False once there has been no leader for longer than they wait for
  // one.
  bool takes_writes = true;
  AdvertisedRole advertised = AdvertisedRole::kAuto;
  uint64_t applied_slot = 0;
  struct Follower {
    std::string host;
    int port;
    uint64_t durable_slot;
  };
  std::vector<Follower> followers;  // of a leader
};

struct FailoverRequest {
  std::string host;  // empty: whoever is best
  int port = 0;
  bool force = false;
  int64_t timeout_ms = 0;  // 0: none given
};

struct ShutdownRequest {
  enum class Save : uint8_t { kDefault, kSave, kNoSave };
  Save save = Save::kDefault;
  bool now = false;    // don't wait for others to catch up or for leadership to move
  bool force = false;  // stop even if the snapshot can't be written
};

// Who has a write, chosen, on their disks.
struct Durability {
  bool here = false;
  size_t others = 0;
};

// Whether the node calls itself a master to this client.
bool LooksLikeMaster(const RoleView& role, const ClientPort* client);

// This node as a member of its cluster.
class NodePort {
 public:
  virtual ~NodePort() = default;
  virtual RoleView Role() const = 0;
  // The cluster's wall clock, live: forced monotonic at the leader.
  virtual int64_t WallUs() const = 0;

  // Errors are whole replies' texts.
  virtual Status BeginFailover(const FailoverRequest& request) = 0;
  virtual Status AbortFailover() = 0;

  // Has a snapshot written. kExists: one is being written already.
  virtual Status BeginSnapshot() = 0;
  virtual bool SnapshotRunning() const = 0;
  virtual bool LastSnapshotOk() const = 0;
  virtual int64_t LastSnapshotUnixS() const = 0;

  // Returns at once; the process ends later, or doesn't.
  virtual Status BeginShutdown(const ShutdownRequest& request) = 0;
  virtual Status AbortShutdown() = 0;
  virtual bool ShuttingDown() const = 0;

  // The slot of the client's last write, 0 if it has none.
  virtual uint64_t LastWriteSlot(const ClientPort& client) const = 0;
  // Others count by what they say from this moment on, not by what they have said before.
  virtual uint64_t BeginDurabilityRound() = 0;
  virtual Durability DurableAt(uint64_t slot, uint64_t round) = 0;
};

// The leader's timers of leases and locks, for commands of class kLeader. They are not replicated:
// a new leader begins with the full TTLs.
class LeaderTimers {
 public:
  virtual ~LeaderTimers() = default;
  enum class Touch : uint8_t {
    kOk,
    kGone,
    kEnding,  // its end was proposed: wait for the outcome
  };
  // To the full TTL of the grant with this revision.
  virtual Touch KeepAlive(std::string_view lease_id, uint64_t grant_revision,
                          int64_t* remaining_ms) = 0;
  // Of a grant by its token, or a ticket: to `ttl_ms` (0: all that it had), not above what it had.
  virtual Touch Renew(int db, std::string_view lock, uint64_t part, int64_t ttl_ms,
                      int64_t* remaining_ms) = 0;
  // Nothing: gone, or no timer of its own (a lock that lives by its lease).
  virtual std::optional<int64_t> LeaseRemainingMs(std::string_view lease_id) = 0;
  // A grant, a ticket or a delay.
  virtual std::optional<int64_t> LockRemainingMs(int db, std::string_view lock, uint64_t part) = 0;
};

// What one node asks of another that holds a transaction.
struct TxnRequest {
  enum class Kind : uint8_t { kDo, kRollback, kHandOver, kEnd };
  Kind kind = Kind::kDo;
  int db = 0;
  int resp_version = 2;
  std::string_view user;
  std::string_view id;
  std::span<const std::string_view> command;  // kDo
  bool stages = false;                        // kDo: it leaves something there
};

// Transactions that are open on this node (TXN BEGIN). Its memory, not state.
class TransactionsPort {
 public:
  virtual ~TransactionsPort() = default;
  virtual OpenTxns& open() = 0;
  virtual size_t count() const = 0;
  virtual int64_t NowMs() const = 0;
  virtual uint32_t node() const = 0;
  // A number that no other transaction of the cluster has.
  virtual uint64_t NextNumber() = 0;
  // Of the running command, which asks for an entry (Verdict::needs_entry): its item's words, if
  // they aren't the command's own.
  virtual void SetItem(std::vector<std::string> words) = 0;
  // The node's answer, or what is to be said for want of one. Of kHandOver: the item of the COMMIT.
  // Null: the node is out of reach.
  virtual std::unique_ptr<LateReply> Ask(uint32_t node, const TxnRequest& request) = 0;
};

// This node.
class ServerPort {
 public:
  virtual ~ServerPort() = default;
  // Delivers to this node's subscribers and, unless `local_only`, to the other nodes'. Returns this
  // node's receivers.
  virtual uint64_t Publish(std::string_view channel, std::string_view message, bool sharded,
                           bool local_only) = 0;

  // A reader here found no such key: counted and, if `announce`, told to those who asked for
  // keymiss.
  virtual void KeyMissed(int /*db*/, std::string_view /*key*/, bool /*announce*/) {}

  virtual ClientsPort& clients() = 0;
  virtual ConfigPort& config() = 0;
  virtual PubsubPort& pubsub() = 0;
  virtual InfoPort& info() = 0;
  virtual NodePort& node() = 0;
  virtual TransactionsPort& transactions() = 0;
  virtual WatchesPort& watches() = 0;
  // The password that AUTH wants; empty: none is set.
  virtual std::string_view password() const = 0;
};

}  // namespace clustron::commands
