// The commands of one session that can't be answered at once, in the order in which they came.
//
//   kReply   a finished reply behind something that isn't finished
//   kRun     a read waiting for its read round, or a local command waiting for its place
//   kWrite   an item on its way through the log
//   kCall    a command for the leader's memory that waits for the front
//   kCalled  the same, asked; only at the front
//   kLate    a command whose reply comes later (WAIT …); only at the front
//   kBlocked a command that waits for keys (BLPOP …), alone in the queue
//   kRest    a command that has done a part of its work; its next item has not left, alone, too
//
// INVARIANT: items of one session are applied in the queue's order; writes() counts its kWrite
// elements; under_way_bytes() is the sum of all elements' bytes. THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ring.h"
#include "commands/core/context.h"

namespace clustron::server {

class Client;

// Arguments that outlive the buffer they came in: one block and the ends of each.
class OwnedArgs {
 public:
  OwnedArgs() = default;
  explicit OwnedArgs(commands::Args args);
  bool empty() const { return ends_.empty(); }
  // Views into this.
  void Views(std::vector<std::string_view>* out) const;
  size_t bytes() const { return block_.size(); }

 private:
  std::string block_;
  std::vector<size_t> ends_;
};

// A command in the queue.
struct Pending {
  enum class Kind : uint8_t { kReply, kRun, kWrite, kCall, kCalled, kLate, kBlocked, kRest };
  Kind kind = Kind::kReply;
  bool muted = false;  // CLIENT REPLY: its reply is thrown away
  bool begun = false;  // some of its entries are applied
  int8_t resp_version = 2;
  int8_t db = 0;
  // kRun: of its read; 0: none needed. kCalled: the call's id. kBlocked: the item's number.
  uint64_t round = 0;
  uint64_t tick = 0;  // kRun: that it waits for, or has waited for
  const commands::CommandSpec* spec = nullptr;
  size_t bytes = 0;        // counted in SessionQueue::under_way_bytes()
  int64_t ttl_max_ms = 0;  // kRun, of a refresh: the longest that it may be logged with
  OwnedArgs args;
  std::string reply;
};

class SessionQueue {
 public:
  bool empty() const { return queue_.empty(); }
  size_t size() const { return queue_.size(); }
  Pending& front() { return queue_.front(); }
  Pending& operator[](size_t i) { return queue_[i]; }
  // kWrite elements. Those of a session without a socket are still applied.
  size_t writes() const { return writes_; }
  size_t under_way_bytes() const { return under_way_bytes_; }

  // Appends a command in `client`'s database and protocol. Not for kWrite: see BeginWrite.
  Pending& Push(Pending::Kind kind, const Client& client);
  // The element, new or at the front, waits with so many bytes of words. Once for each element.
  void CountBytes(Pending& pending, size_t bytes);
  // The element, new or at the front, becomes an item of so many bytes on its way through the log.
  void BeginWrite(Pending& pending, size_t bytes);
  // The front, a write, was applied: it leaves.
  void EndWrite();
  // The first write will not be applied: its place becomes a reply, which the caller writes.
  // Returns its index.
  size_t FailFirstWrite();
  // The front asks the leader.
  void BeginCall(uint64_t call);
  // The element is answered in its place: returns its reply, empty.
  std::string& BecomeReply(Pending& pending);
  // The front's reply comes later; nothing is parsed until then.
  void BecomeLate();
  // The front, a write that was applied, waits for keys. REQUIRES: nothing stands behind it.
  void BecomeBlocked(uint64_t id);
  // The front, a write, was applied and goes on with these words. REQUIRES: nothing stands behind
  // it.
  void BecomeRest(OwnedArgs args);
  // The front, which is no write, was answered.
  void PopFront();

  // Nothing more is parsed until the queue is empty and the caller says Resume: how the next
  // commands are to be read is known only then.
  void Stall() { stalled_ = true; }
  void Resume();
  // False while so much waits that no more should be parsed.
  bool TakesMore() const { return !stalled_ && !full_ && size() < kQueueMax; }

 private:
  // With more elements than this no further input is taken until there are fewer.
  static constexpr size_t kQueueMax = 16384;

  void Release(Pending& pending);

  Ring<Pending> queue_;
  size_t writes_ = 0;
  size_t under_way_bytes_ = 0;
  bool full_ = false;  // until half of what may be under way is done
  bool stalled_ = false;
};

}  // namespace clustron::server
