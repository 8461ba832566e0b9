// What one node asks another, named one: a question and its answer. A question goes once and is
// heard at most once: who asks sets itself a time, and must not take silence for a no.
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string_view>

#include "cluster/node/node_core.h"
#include "cluster/node/replay_window.h"

namespace clustron::cluster {

// Whoever asks and answers. THREAD: core loop.
class NodeCallHandler {
 public:
  // The answer goes by NodeCalls::Answer, at once or later.
  virtual void Called(NodeId from, uint64_t call, std::string_view body) = 0;
  virtual void Answered(NodeId from, uint64_t call, std::string_view body) = 0;

 protected:
  ~NodeCallHandler() = default;
};

class NodeCalls final : public MessageHandler {
 public:
  // Numbers rise from start to start.
  explicit NodeCalls(NodeCore& core)
      : core_(core), next_id_(uint64_t{core.config.boot} << 32 | 1) {}

  void SetHandler(NodeCallHandler* handler) { handler_ = handler; }

  // The link to the node is up.
  bool InReach(NodeId node) const { return !core_.halted && linked_.contains(node); }
  // The answer comes by Answered. REQUIRES: InReach(to).
  uint64_t Call(NodeId to, std::string_view body);
  // To what Called told of.
  void Answer(NodeId to, uint64_t id, std::string_view body);

  // Answers that have come, so far.
  uint64_t answered() const { return answered_; }

  void OnLinkUp(NodeId peer) { linked_.insert(peer); }
  // What its next link brings is new, and may come from a process that numbers anew.
  void OnLinkDown(NodeId peer) {
    linked_.erase(peer);
    heard_.erase(peer);
  }

  // kNodeCall, kNodeAnswer
  bool OnMessage(NodeId from, WireKind kind, std::string_view body) override;

 private:
  NodeCore& core_;
  NodeCallHandler* handler_ = nullptr;
  uint64_t next_id_;
  uint64_t answered_ = 0;
  std::set<NodeId> linked_;
  std::map<NodeId, ReplayWindow> heard_;
};

}  // namespace clustron::cluster
