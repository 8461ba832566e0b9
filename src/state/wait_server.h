// Serves those who wait for keys (store/tables/wait_table.h), as a part of apply: behind each item
// whoever can use what it brought, in the order of arrival, within the item's revision. Also what
// else becomes of waiters: their deadlines, and what their nodes and the leader say of them.
//
// Who waits for a lock has a ticket in its queue, and is granted the lock by LockServer.
//
// Keys are looked at in the order in which changes made them ready, as in Redis; what a served
// command brings (BLMOVE) makes its key ready behind the others. An item that is taken back makes
// nothing ready. INVARIANT: all of it is a function of the log. THREAD: core loop.
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/log/wait_item.h"
#include "commands/core/context.h"
#include "state/lock_server.h"
#include "state/own_call.h"
#include "store/keyspace/key_name.h"
#include "store/keyspace/store.h"
#include "store/tables/wait_table.h"

namespace clustron::state {

// What came of a waiter whose turn it was.
enum class WaitOutcome : uint8_t {
  kWaitsOn,  // nothing was replied
  kServed,   // its command is answered
  kEnded,    // its time is over, or its node has said so
};

// Told of this node's own waiters. THREAD: core loop.
class WaitSink {
 public:
  // The waiter's reply begins; EndServed follows.
  virtual OwnCall BeginServed(uint64_t id) = 0;
  // Unless it waits on, its reply is complete.
  virtual void EndServed(uint64_t id, WaitOutcome outcome) = 0;
  // The leader took this node for gone: its waiters are not served before it says that it is here.
  virtual void WaitersParked() = 0;
  // A snapshot has taken the state's place: who does not wait there was served or ended, who knows.
  virtual void WaitersReplaced() = 0;

 protected:
  ~WaitSink() = default;
};

// Runs a waiter's command anew, within the item at hand.
class WaitRunner {
 public:
  // False: it has to wait on, and has done nothing.
  virtual bool RunServed(const store::Wait& wait, const OwnCall& call) = 0;

 protected:
  ~WaitRunner() = default;
};

class WaitServer {
 public:
  // All outlive it.
  WaitServer(store::Store& store, WaitRunner& runner) : store_(store), runner_(runner) {}

  // Null: nobody is told.
  void SetSink(WaitSink* sink) { sink_ = sink; }
  // Of which process's waiters the sink is told.
  void SetOwn(cluster::Session own) { own_ = {own.node, own.boot}; }
  // Entries are applied again: nobody is told anything.
  void SetRecovering(bool recovering) { recovering_ = recovering; }

  // --- What may be ready
  void OnKey(int db, std::string_view key) {
    if (WaitsOf(store_).WaitedDb(db)) NoteKey(db, key);
  }
  void OnDb(int db);
  // A lock of this name may hold nobody back any more.
  void OnLock(int db, std::string_view name);
  // The lease of a ticket that this client waits for has ended.
  void OnLockLost(const store::WaitId& id) {
    lost_.push_back(id);
    stirred_ = true;
  }
  // Something has changed that those behind an item are to look at: as every function above does.
  void Stir() { stirred_ = true; }
  bool idle() const { return !stirred_; }
  // A snapshot has taken the state's place.
  void OnReplaced() {
    if (sink_ != nullptr) sink_->WaitersReplaced();
  }

  LockServer& locks() { return locks_; }
  const LockServer& locks() const { return locks_; }

  // --- At an item's end
  // The command with this number found nothing: its client waits. False: too many do.
  bool Add(const cluster::ItemHeader& header, const commands::CommandSpec& spec,
           std::span<const std::string_view> args, const commands::Verdict::Wait& wait);
  void ServeReady() {
    if (!ready_.empty() || !lost_.empty()) ServeAll();
    stirred_ = false;
  }
  // The lock that this client waits for is its own now.
  void Granted(const store::WaitId& id, store::Revision token, int64_t ttl_ms);

  // --- What else ends a wait
  void Hear(const cluster::WaitNews& news);
  // A later process of the node has begun, or its membership has ended.
  void DropOlder(const store::WaitOwner& owner);
  // Whose time has come by the applied clock; some of them, if there are many. Returns how many.
  uint64_t EndDue();

 private:
  void ServeAll();
  void NoteKey(int db, std::string_view key);
  void ServeKey(const store::KeyName& key);
  bool MayServe(const store::Wait& wait) const;
  void AddForLock(store::Wait row, const commands::Verdict::Wait& wait);
  void End(store::WaitPlace place, cluster::WaitEnd how);
  // Takes it out, with its place in a lock's queue.
  store::Wait Remove(store::WaitPlace place);
  // Its client gets the reply that `write` writes.
  template <typename F>
  void Answer(const store::Wait& wait, WaitOutcome outcome, F&& write);
  bool Own(const store::Wait& wait) const {
    return wait.id.owner == own_ && !recovering_ && sink_ != nullptr;
  }
  OwnCall Begin(const store::Wait& wait) {
    return Own(wait) ? sink_->BeginServed(wait.id.id) : OwnCall{};
  }

  store::Store& store_;
  WaitRunner& runner_;
  LockServer locks_{store_, *this};
  store::WaitOwner own_;
  WaitSink* sink_ = nullptr;
  bool recovering_ = false;
  // In order, each once.
  std::deque<store::KeyName> ready_;
  std::set<store::KeyName> noted_;
  std::vector<store::WaitId> lost_;
  bool stirred_ = false;
};

}  // namespace clustron::state
