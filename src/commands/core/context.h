// What a command handler sees. A handler parses its arguments (ArgCursor), acts on the store or on
// the ports, and writes exactly one reply. It runs
//   - on the apply path (Class::kWrite): all that it does and answers is a function of the log;
//   - on this node's state (Class::kRead);
//   - at the connection (Class::kLocal), with `client` and `server` set.
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/rng.h"
#include "base/work_meter.h"
#include "commands/core/spec.h"
#include "resp/reply_writer.h"

namespace clustron::store {
class Store;
}

namespace clustron::commands {

class ClientPort;    // ports.h: the caller's connection
class ServerPort;    // ports.h: this node: configuration, clients, pub/sub, cluster
class LeaderTimers;  // ports.h
class OnceTable;     // once_table.h

// Verdicts from outside, taken before an item is proposed, that travel with it.
enum ItemFlag : uint8_t {
  kItemOom = 1,      // over maxmemory: a kDenyOom command answers -OOM
  kItemDiskLow = 2,  // the leader's disk is low: a client's write answers -MISCONF
  kItemNoPerm = 4,   // refused by ACL inside a script or wrapper
};

using Args = std::span<const std::string_view>;

// A PUBLISH inside of EXEC; views into its arguments.
struct HeldMessage {
  std::string_view channel;
  std::string_view message;
  bool sharded;
};

// Runs a command inside another one (EXEC, TXN, ONCE, LOCK DO, LEASE DO): same entry, same
// revision, same caller. Implemented by the executor.
class Nested {
 public:
  virtual ~Nested() = default;
  // Runs `args` with its reply going to `reply`. Unknown commands and wrong counts are error
  // replies. Guards and OOM are checked as for a command of its own, with the tokens in
  // `outer.lock_tokens`. Returns false if it replied with an error.
  virtual bool Run(Args args, resp::ReplyWriter& reply, Context& outer) = 0;
};

class Context {
 public:
  Context(const CommandSpec& command, Args arguments, store::Store& data, int database,
          resp::ReplyWriter& out)
      : spec(&command), args(arguments), store(data), db(database), reply(out) {}

  const CommandSpec* spec;
  Args args;  // args[0] is the command's name; views are good for this call only
  store::Store& store;
  int db;  // selected database, 0–15
  resp::ReplyWriter& reply;

  // True inside a log entry: the reply must be a function of the log alone.
  bool in_entry = false;
  // True while entries are applied again (restart, catch-up): nothing is delivered to anybody.
  bool recovering = false;
  uint8_t item_flags = 0;  // ItemFlag
  int resp_version = 2;    // the caller's protocol when it sent the command
  uint64_t item_seed = 0;  // from (cluster, slot, item); of reads a local one
  std::string_view user = "default";
  int depth = 0;          // nesting level; wrappers refuse above 8
  uint64_t key_hash = 0;  // store.Hash(args[1]) if the executor has it already; 0: it has not

  // The clocks by which a reply tells remaining times: this node's live ones in a read; 0 in
  // entries: the applied ones. What is due is judged by the applied ones alone.
  int64_t live_elapsed_ms = 0;
  int64_t live_wall_ms = 0;

  // Tokens presented by LOCK DO and by TXN's conditions; they open guards.
  struct LockToken {
    std::string_view name;
    uint64_t token;
  };
  std::span<const LockToken> lock_tokens = {};

  uint32_t key_hits = 0;  // keys that readers found, for INFO

  // The item's budget; null outside of entries, where nothing is bounded. A handler that does more
  // than its arguments' worth says so before it does it, and if there isn't so much left it does
  // nothing and may leave its reply as it is: the item is undone, and answered with an error.
  WorkMeter* work = nullptr;
  bool Spend(uint64_t units) { return work == nullptr || work->Spend(units); }
  bool SpendRead(uint64_t bytes) { return work == nullptr || work->SpendRead(bytes); }
  bool SpendMade(uint64_t bytes) { return work == nullptr || work->SpendMade(bytes); }
  // The budget of work or of reply is used up. A command that has replied with something big asks
  // before it changes anything.
  bool HasReplyRoom(uint64_t bytes) {
    if (work == nullptr || reply.HasRoom(bytes)) return true;
    work->Exhaust();
    return false;
  }
  bool over_budget() const { return work != nullptr && (work->exceeded() || reply.over_limit()); }

  // Messages that are to be published when the item is known to stay; null: at once.
  std::vector<HeldMessage>* held_messages = nullptr;

  // True behind a check of all guards at once (EXEC, TXN): inner commands are not asked again.
  bool guards_checked = false;

  Nested* nested = nullptr;      // null where nesting is not possible
  ClientPort* client = nullptr;  // null in an entry whose caller is connected elsewhere, or gone
  ServerPort* server = nullptr;  // null in pure tests
  OnceTable* once = nullptr;     // in entries
  // The leader's timers, in a command of class kLeader run there; null elsewhere (in entries),
  // where a remaining time is the granted one.
  LeaderTimers* timers = nullptr;
  // Set by a kLeader command that met a lease or lock whose end is under way: its reply must not be
  // used, and it is run again behind the next apply.
  bool met_ending = false;
  // Set by a kLeader command that turned out to be a change (RENEW above the granted TTL), and by a
  // refresh: its reply must not be used, and it goes the way of a write.
  bool needs_entry = false;
  // A refresh that needs an entry (commands/generic/expire.h) asks there for this TTL; 0: for its
  // own.
  int64_t entry_ttl_ms = 0;

  // The item's own random numbers: the same on every node.
  Rng& rng() {
    if (!rng_made_) {
      rng_ = Rng(item_seed);
      rng_made_ = true;
    }
    return rng_;
  }

 private:
  Rng rng_{0};
  bool rng_made_ = false;
};

}  // namespace clustron::commands
