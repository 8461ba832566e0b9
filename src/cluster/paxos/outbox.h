// What the replica wants done: records to write, messages to send now, messages to send once the
// records before them are durable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "cluster/paxos/ready.h"

namespace clustron::paxos {

// THREAD: the replica's owner.
class Outbox {
 public:
  // The number of the written record; numbers rise by one.
  uint64_t Persist(LogRecord record);
  void Send(NodeId to, Message message) { send_.push_back({to, std::move(message)}); }
  // After everything written so far is durable (at once if it is).
  void SendWhenDurable(NodeId to, Message message);
  // What waits for the disk is not sent.
  void DropHeld() { held_.clear(); }
  void NeedCatchUp(CatchUpNeed need) { catch_up_.push_back(need); }

  // REQUIRES: seq <= last_seq().
  void OnDurable(uint64_t seq);

  uint64_t last_seq() const { return last_seq_; }
  uint64_t durable_seq() const { return durable_seq_; }
  bool IsDurable(uint64_t seq) const { return seq <= durable_seq_; }
  // Of records that are not durable yet, but for hints. At most kGroupBytes too much.
  size_t undurable_bytes() const { return undurable_bytes_; }
  // A promise of this ballot for `to` is waiting for the disk.
  bool HoldsPromise(NodeId to, Ballot ballot) const;
  bool HasRecords() const { return !persist_.empty(); }
  std::vector<Outgoing>& send() { return send_; }
  // Moves all that is pending to *ready, whose vectors are empty.
  void MoveTo(Ready* ready);

 private:
  struct Held {
    uint64_t seq;
    NodeId to;
    Message message;
  };
  // Records in a row, counted as one: durable when the last of them is.
  struct Group {
    uint64_t last_seq;
    size_t bytes;
  };
  static constexpr size_t kGroupBytes = 16 << 10;

  void CountUndurable(const LogRecord& record);

  std::vector<LogRecord> persist_;
  bool must_sync_ = false;
  std::vector<Outgoing> send_;
  std::vector<CatchUpNeed> catch_up_;
  std::vector<Held> held_;  // by rising seq
  uint64_t last_seq_ = 0;
  uint64_t durable_seq_ = 0;
  std::deque<Group> undurable_;  // by rising seq
  size_t undurable_bytes_ = 0;
};

}  // namespace clustron::paxos
