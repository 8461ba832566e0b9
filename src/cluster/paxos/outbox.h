// What the replica wants done: records to write, messages to send now, messages to send once the
// records before them are durable.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "cluster/paxos/ready.h"

namespace clustron::paxos {

// THREAD: the replica's owner.
class Outbox {
 public:
  // The number of the written record; numbers rise by one.
  uint64_t Persist(LogRecord record) {
    record.seq = ++last_seq_;
    if (record.type != LogRecord::Type::kChosen) must_sync_ = true;
    persist_.push_back(std::move(record));
    return last_seq_;
  }
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

  std::vector<LogRecord> persist_;
  bool must_sync_ = false;
  std::vector<Outgoing> send_;
  std::vector<CatchUpNeed> catch_up_;
  std::vector<Held> held_;  // by rising seq
  uint64_t last_seq_ = 0;
  uint64_t durable_seq_ = 0;
};

}  // namespace clustron::paxos
