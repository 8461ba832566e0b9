// Moves what the core has to say: what must be durable goes to the log, then what depends on
// nothing goes to the peers, then what is chosen is applied, until there is nothing left to do in
// this turn. What waits for the log to be durable comes with a later call (DiskWatch::OnDurable).
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>

#include "cluster/node/leader_view.h"
#include "cluster/node/node_clock.h"
#include "cluster/node/node_core.h"
#include "cluster/node/snapshot_receiver.h"
#include "cluster/node/snapshot_sender.h"
#include "cluster/node/snapshot_writer.h"

namespace clustron::cluster {

class PumpListener {
 public:
  // The core's read rounds up to this one are confirmed.
  virtual void OnRoundConfirmed(uint64_t round) = 0;
  // Entries were applied, and the pump has stopped.
  virtual void OnEntriesApplied() = 0;

 protected:
  ~PumpListener() = default;
};

class Pump {
 public:
  struct Around {
    LeaderView& leader_view;
    NodeClock& clock;
    SnapshotWriter& writer;
    SnapshotSender& sender;
    const SnapshotReceiver& receiver;
    HaltSwitch& halt;
    PumpListener& listener;
  };
  Pump(NodeCore& core, const Around& around) : core_(core), around_(around) {}

  // A turn's end begins: what a backlog may take starts anew.
  void BeginTurn();
  void Run();
  // The turn's time was up with chosen entries left to apply. To the outside that is as if they had
  // not been heard of yet.
  bool backlog() const { return backlog_; }

 private:
  bool ApplyChosen();
  bool Apply(Slot slot, const paxos::Value& chosen);
  bool TimeIsUp();
  void Send(NodeId to, const paxos::Message& message);
  void ServeCatchUp(const paxos::CatchUpNeed& need);

  NodeCore& core_;
  const Around around_;
  paxos::Ready ready_;
  std::string wire_;  // reused for encoding
  bool running_ = false;
  bool backlog_ = false;
  size_t applied_ = 0;  // entries, in this turn
  int64_t until_ns_ = 0;
};

}  // namespace clustron::cluster
