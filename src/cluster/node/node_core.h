// What the parts of a node have in common: the consensus core, what it stands on, and whether the
// node goes on. The node owns it; its parts borrow it.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/hash.h"
#include "cluster/log/log_store.h"
#include "cluster/node/node_config.h"
#include "cluster/node/node_messages.h"
#include "cluster/node/state_machine.h"
#include "cluster/paxos/replica.h"
#include "cluster/wire/transport.h"

namespace clustron::cluster {

struct NodeCore {
  NodeConfig config;
  const Clock& clock;
  LogStore& log;
  StateMachine& state;
  Transport& transport;
  NodeHost& host;
  // The state's. The replica's roles follow it: Roster::OnMembersChanged.
  const AppliedMembers& members;
  // That an earlier start may have granted: it may still run when this one begins.
  const int64_t longest_lease_ns;
  paxos::Replica replica;
  // Changed by Node::Halt alone: no vote, no message, no record, no entry applied any more.
  bool halted = false;
  // Changed by SnapshotReceiver alone: a snapshot takes the state's place, so it may not be looked
  // at, and nothing is applied to it.
  bool restoring = false;

  NodeId self() const { return config.paxos.self; }
  bool alone() const { return members.alone(); }
  int64_t NowNs() const { return clock.MonotonicNs(); }
  bool IsLeader() const { return replica.role() == paxos::Role::kLeader; }
  // Where the numbers of what this process asks others for start: elsewhere at each start, so that
  // answers to an earlier process are not taken for answers to this one. `of`: what is numbered.
  uint64_t FirstNumber(uint64_t of) const { return Mix64(config.seed + of) >> 8; }
};

// What a part of a node does with the messages that are meant for it.
class MessageHandler {
 public:
  // False: malformed; the link is dropped.
  virtual bool OnMessage(NodeId from, WireKind kind, std::string_view body) = 0;

 protected:
  ~MessageHandler() = default;
};

// Node::Halt, for the parts that can find a reason.
class HaltSwitch {
 public:
  virtual void Halt(HaltCause cause, const std::string& reason) = 0;

 protected:
  ~HaltSwitch() = default;
};

// A part of a message that is smaller than this is copied rather than shared.
inline constexpr size_t kSharedBytesMin = 16 * 1024;
// More asks or calls of others than this are dropped at the leader, and come again.
inline constexpr size_t kWaitingMax = 65536;

}  // namespace clustron::cluster
