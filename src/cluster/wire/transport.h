// How the members of a cluster exchange messages. The consensus core's node sends through a
// Transport and hears of links and messages as its listener; TCP (peer_link.h) and the simulator's
// network are two implementations.
//
// A message may be lost, with the link or because a queue is full: whoever needs the answer asks
// again. On one link the messages of one urgency arrive in order, each at most once.
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/payload.h"
#include "cluster/paxos/types.h"

namespace clustron::cluster {

enum class Urgency : uint8_t {
  kBulk,    // entries, items, snapshots
  kUrgent,  // small, and late it is worth nothing: overtakes bulk
};

class Transport {
 public:
  virtual ~Transport() = default;
  // The message is `head` and, if there is one, `tail` behind it: big values are not copied.
  virtual void Send(paxos::NodeId to, Urgency urgency, std::string head, Payload tail) = 0;
  void Send(paxos::NodeId to, Urgency urgency, std::string message) {
    Send(to, urgency, std::move(message), nullptr);
  }
};

class TransportListener {
 public:
  // False: malformed; the link is dropped.
  virtual bool OnMessage(paxos::NodeId from, std::string message) = 0;
  // In the middle of something long (base/breather.h): true if the message was dealt with; else it
  // comes by OnMessage later.
  virtual bool OnMessageWhileBusy(paxos::NodeId from, std::string_view message) = 0;
  virtual void OnPeerUp(paxos::NodeId peer) = 0;    // the link to it is usable
  virtual void OnPeerDown(paxos::NodeId peer) = 0;  // it was, and is not any more

 protected:
  ~TransportListener() = default;
};

}  // namespace clustron::cluster
