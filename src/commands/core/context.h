// What a command handler sees. A handler parses its arguments (ArgCursor), acts on the store or on
// the ports, and writes exactly one reply. It runs
//   - on the apply path (Class::kWrite): all that it does and answers is a function of the log;
//   - on this node's state (Class::kRead);
//   - at the connection (Class::kLocal), with `caller.client` and `server` set.
// Reads see a const store. What changes it asks for Writable(), which there is only in an entry.
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/rng.h"
#include "base/work_meter.h"
#include "commands/core/spec.h"
#include "resp/reply_writer.h"
#include "store/keyspace/key_record.h"
#include "store/tables/lock_request.h"

namespace clustron::store {
class Store;
}

namespace clustron::commands {

class ClientPort;    // ports.h: the caller's connection
class ServerPort;    // ports.h: this node: configuration, clients, pub/sub, cluster
class LeaderTimers;  // ports.h

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

// Who asks, and what he brings along.
struct Caller {
  int db = 0;                    // selected when the command was sent, 0–15
  int resp_version = 2;          // the protocol when the command was sent
  std::string_view user;         // empty: default
  ClientPort* client = nullptr;  // null in an entry whose caller is connected elsewhere, or gone

  // The clocks by which a reply tells remaining times: this node's live ones in a read; 0 in
  // entries: the applied ones. What is due is judged by the applied ones alone.
  int64_t live_elapsed_ms = 0;
  int64_t live_wall_ms = 0;
  // The leader's timers, in a command of class kLeader run there; null elsewhere (in entries),
  // where a remaining time is the granted one.
  LeaderTimers* timers = nullptr;

  uint64_t key_hash = 0;  // Store::Hash(args[1]) if it is known; 0: it is not

  // The same in an entry, where no node's own clocks and timers are.
  Caller InEntry() const {
    return {.db = db,
            .resp_version = resp_version,
            .user = user,
            .client = client,
            .key_hash = key_hash};
  }
};

// The entry that is being applied, for one item of it.
struct EntryView {
  store::Store& store;
  // True while entries are applied again (restart, catch-up): nothing is delivered to anybody.
  bool recovering = false;
  uint8_t item_flags = 0;  // ItemFlag
};

// What whoever ran the command must know besides the reply.
struct Verdict {
  // Set by a kLeader command that met a lease or lock whose end is under way: its reply must not be
  // used, and it is run again behind the next apply.
  bool met_ending = false;
  // Set by a kLeader command that turned out to be a change (RENEW above the granted TTL), and by a
  // refresh: its reply must not be used, and it goes the way of a write.
  bool needs_entry = false;
  // A refresh that needs an entry (commands/generic/expire.h) asks there for this TTL; 0: for its
  // own.
  int64_t entry_ttl_ms = 0;
  uint32_t key_hits = 0;  // keys that readers found, for INFO
  // Set by a command that found nothing to take and is ready to wait: it has replied nothing and
  // changed nothing, and runs anew when one of the keys may have what it wants.
  struct Wait {
    std::span<const std::string_view> keys;  // of its arguments
    store::Type type;                        // of a value that it can use
    int64_t timeout_ms;                      // 0: for ever
    // It waits for the lock of the one key instead; its ticket, if its owner has one in the queue.
    std::optional<store::LockRequest> lock = {};
    store::Revision ticket = 0;
  };
  std::optional<Wait> wait = {};
  // Set by a command that has done a part of its work and leaves the rest to an entry of its own:
  // the call that goes on. It has replied nothing. Only at the top of an item.
  std::vector<std::string> rest = {};
};

// Who serves a command beside the store.
struct Ports {
  Nested* nested = nullptr;      // null where nesting is not possible
  ServerPort* server = nullptr;  // null in pure tests
};

class Context {
 public:
  // `in`: null outside of entries. `seed`: of the command's random numbers. All that is named here,
  // and what the arguments view, outlives the context.
  Context(const CommandSpec& command, Args arguments, const Caller& from, const store::Store& data,
          const EntryView* in, uint64_t seed, resp::ReplyWriter& out, const Ports& ports = {})
      : spec(&command),
        args(arguments),
        store(data),
        db(from.db),
        reply(out),
        caller(in == nullptr ? from : from.InEntry()),
        nested(ports.nested),
        server(ports.server),
        entry_(in),
        seed_(seed) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  const CommandSpec* spec;
  Args args;  // args[0] is the command's name; views are good for this call only
  const store::Store& store;
  int db;  // selected now: the caller's, until a SELECT inside of EXEC
  resp::ReplyWriter& reply;
  const Caller caller;
  std::string_view user() const { return caller.user.empty() ? "default" : caller.user; }
  Nested* const nested;
  ServerPort* const server;
  Verdict verdict;

  // Tokens presented by LOCK DO and by TXN's conditions; they open guards.
  struct LockToken {
    std::string_view name;
    uint64_t token;
  };
  std::span<const LockToken> lock_tokens = {};
  // True behind a check of all guards at once (EXEC, TXN): inner commands are not asked again.
  bool guards_checked = false;
  int depth = 0;  // nesting level; wrappers refuse above 8
  // Messages that are to be published when the item is known to stay; null: at once.
  std::vector<HeldMessage>* held_messages = nullptr;

  // ---- the entry ----
  // True inside a log entry, that of a node alone included: the reply must be a function of the log
  // alone.
  bool in_entry() const { return entry_ != nullptr; }
  // The same store, to be changed. REQUIRES: in_entry().
  store::Store& Writable() {
    CHECK(entry_ != nullptr);
    return entry_->store;
  }
  bool recovering() const { return entry_ != nullptr && entry_->recovering; }
  uint8_t item_flags() const { return entry_ == nullptr ? uint8_t{0} : entry_->item_flags; }

  // ---- the item's budget ----
  // Null outside of entries, where nothing is bounded. A handler that does more than its arguments'
  // worth says so before it does it, and if there isn't so much left it does nothing and may leave
  // its reply as it is: the item is undone, and answered with an error.
  WorkMeter* work = nullptr;
  bool Spend(uint64_t units) { return work == nullptr || work->Spend(units); }
  // Where a unit takes another time than most (WorkMeter): so many nanoseconds in all, or for each.
  bool Spend(uint64_t units, uint64_t ns) { return work == nullptr || work->Spend(units, ns); }
  bool SpendEach(uint64_t count, uint64_t ns_each) {
    return work == nullptr || work->SpendEach(count, ns_each);
  }
  bool SpendRead(uint64_t bytes) { return work == nullptr || work->SpendRead(bytes); }
  bool SpendMade(uint64_t bytes) { return work == nullptr || work->SpendMade(bytes); }
  // The budget of work or of reply is used up. A command that has replied with something big asks
  // before it changes anything.
  bool HasReplyRoom(uint64_t bytes) {
    if (work == nullptr || reply.HasRoom(bytes)) return true;
    work->Exhaust();
    return false;
  }
  bool over_budget() const {
    constexpr uint64_t kBytesPerNs = 2;  // of a reply
    return work != nullptr &&
           (work->ExceededWith(reply.copied_bytes() / kBytesPerNs) || !reply.HasRoom(0));
  }

  // ---- random numbers ----
  // In entries a function of (cluster, slot, item); of reads a local one.
  uint64_t seed() const { return seed_; }
  // The item's own: the same on every node.
  Rng& rng() {
    if (!rng_) rng_.emplace(seed_);
    return *rng_;
  }

  // A command inside this one: same entry, same caller, same budget. What it must have of its own
  // is given; its database and its hits are taken over by EndInner.
  Context ForInner(const CommandSpec& command, Args arguments, uint64_t seed,
                   resp::ReplyWriter& out) const {
    return Context(*this, command, arguments, seed, out);
  }
  void EndInner(const Context& inner) {
    CHECK(inner.entry_ == entry_);
    CHECK(inner.depth == depth + 1);
    db = inner.db;  // SELECT inside EXEC
    verdict.key_hits += inner.verdict.key_hits;
  }

 private:
  Context(const Context& outer, const CommandSpec& command, Args arguments, uint64_t seed,
          resp::ReplyWriter& out)
      : Context(command, arguments, CallerOfInner(outer), outer.store, outer.entry_, seed, out,
                {outer.nested, outer.server}) {
    lock_tokens = outer.lock_tokens;
    guards_checked = outer.guards_checked;
    depth = outer.depth + 1;
    held_messages = outer.held_messages;
    work = outer.work;
  }
  static Caller CallerOfInner(const Context& outer) {
    Caller caller = outer.caller;
    caller.db = outer.db;
    caller.key_hash = 0;
    return caller;
  }

  const EntryView* const entry_;
  const uint64_t seed_;
  std::optional<Rng> rng_;
};

}  // namespace clustron::commands
