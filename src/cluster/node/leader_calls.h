// Commands that run in the leader's memory (keepalives): from a client here to the leader, and the
// answer back; and the leader's side, where a call waits for a quorum round if there is no valid
// lease, or for an end that is under way.
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/node/leader_view.h"
#include "cluster/node/node_core.h"
#include "cluster/node/read_index.h"

namespace clustron::cluster {

class LeaderCalls final : public MessageHandler {
 public:
  LeaderCalls(NodeCore& core, const LeaderView& leader_view, const ReadIndex& reads);

  // The answer comes by host.LeaderAnswer(id).
  uint64_t Call(std::string body);
  // Sends what is due to be sent. Cheap when there is nothing new.
  void SendNew();
  void Send(int64_t now_ns);
  // Another leader, or another link to it: all are sent again.
  void SendAllAgain();
  void Expire(int64_t now_ns);

  // kLeaderCall, kLeaderAnswer
  bool OnMessage(NodeId from, WireKind kind, std::string_view body) override;

  // --- The leader's side
  void OnLeadingBegins() { confirmed_ = 0; }
  void OnLeadingEnds() { waiting_.clear(); }
  // The core's read rounds up to this one are confirmed.
  void OnRoundConfirmed(uint64_t round);
  // What was in the way of waiting calls may be gone.
  void Retry();

 private:
  struct Pending {  // of a client here
    uint64_t id;
    std::string body;
    int64_t since_ns;
    int64_t sent_ns;  // 0: to be sent
    bool ever_sent = false;
  };
  struct Waiting {  // at the leader
    NodeId from;
    uint64_t id;
    std::string body;
    uint64_t read_round;  // 0: none needed
  };
  void OnAnswer(uint64_t id, std::string_view answer);
  void Serve(NodeId from, uint64_t id, std::string_view body);
  void Answer(NodeId to, uint64_t id, std::string_view answer);

  NodeCore& core_;
  const LeaderView& leader_view_;
  const ReadIndex& reads_;
  uint64_t next_id_;
  std::deque<Pending> calls_;  // by id; answered mostly in that order
  bool unsent_ = false;
  std::vector<Waiting> waiting_;
  uint64_t confirmed_ = 0;  // read rounds, so far in this leadership
};

}  // namespace clustron::cluster
