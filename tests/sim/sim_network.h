// The links between the nodes of a simulated cluster.
//
// Two modes, picked per simulation:
//   stream    what the product has: a TCP connection per pair. Messages of one direction and
//             priority arrive in order, each at most once. A blocked direction holds them back; if
//             it stays blocked the connection breaks, what was in flight is lost, and a new one is
//             made once both directions work: both ends hear of either (OnLinkUp, OnLinkDown).
//            With a bound on the bytes per second, bulk waits in a queue, and beyond the queue's
//            bound it is left out: on a healthy link that must never happen.
//   datagram  what the protocol claims to stand: every message alone, lost, doubled, overtaken.
// `loss_percent` holds in both: a sender with a full queue drops messages too.
//
// Faults are per direction: blocking (partitions of any shape), clogging (a further delay), losing
// everything for a moment while what is sent afterwards arrives.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "tests/sim/event_loop.h"

namespace clustron::sim {

struct NetworkOptions {
  bool datagram = false;
  int64_t delay_ns = 300 * kMicrosecond;   // least one-way delay
  int64_t jitter_ns = 300 * kMicrosecond;  // mean of the exponential part
  double tail_percent = 0;                 // of the messages take up to …
  int64_t tail_ns = 50 * kMillisecond;
  double loss_percent = 0;
  double duplicate_percent = 0;               // datagram only
  int64_t break_after_ns = kSecond;           // blocked for longer: the connection breaks
  int64_t reconnect_ns = 100 * kMillisecond;  // up to, after it could be made
  size_t held_bytes_max = 1 << 20;            // per direction while blocked; beyond: it breaks
  // Streams only. What is not urgent takes its time, and what has no room is left out, as the
  // product's links do it. One direction, drawn by chance, has a tenth of this.
  int64_t bytes_per_s = 0;  // 0: no bound
  size_t queue_bytes_max = 0;
};

class SimNetwork {
 public:
  // Nodes are numbered from 0 here.
  class Host {
   public:
    virtual void OnMessage(int to, int from, std::string message) = 0;
    // A connection between the two was made, for the first time or again.
    virtual void OnLinkUp(int node, int peer) = 0;
    // It is there no more.
    virtual void OnLinkDown(int node, int peer) {
      static_cast<void>(node);
      static_cast<void>(peer);
    }

   protected:
    ~Host() = default;
  };

  SimNetwork(EventLoop* loop, int node_count, const NetworkOptions& options, Host* host);

  void Send(int from, int to, bool urgent, std::string message);

  // A process began or ended: connections come and go with it.
  void SetUp(int node, bool up);
  void Block(int from, int to, bool blocked);
  bool blocked(int from, int to) const { return At(from, to).blocked; }
  void Clog(int from, int to, int64_t delay_ns, int64_t until_ns);
  void Lose(int from, int to, int64_t until_ns) {
    At(from, to).lose_until_ns = At(from, to).faulted_ns = until_ns;
  }
  // Cuts the connection of a pair; it is made again at once if it can be.
  void Break(int a, int b);
  // No blocks, no clogs, nothing lost on purpose.
  void HealAll();
  // The faults of single messages too.
  void MakeReliable();

  struct Counters {
    uint64_t sent = 0;
    uint64_t bytes = 0;
    uint64_t delivered = 0;
    uint64_t lost = 0;
    uint64_t duplicated = 0;
    uint64_t breaks = 0;
    uint64_t left_out = 0;          // no room in a queue
    uint64_t left_out_healthy = 0;  // … of a link that nothing has been done to for a while
  };
  const Counters& counters() const { return counters_; }
  // The first healthy link without room, and what was given to it since it was free.
  const std::string& no_room() const { return no_room_; }

 private:
  struct Held {
    bool urgent;
    std::string message;
  };
  struct Link {  // one direction
    bool blocked = false;
    int64_t blocked_since_ns = 0;
    int64_t clog_ns = 0;
    int64_t clog_until_ns = 0;
    int64_t lose_until_ns = 0;
    int64_t last_ns[2] = {0, 0};  // last arrival by lane: bulk, urgent
    std::deque<Held> held;
    size_t held_bytes = 0;
    uint32_t newest_life = 0;  // of the sender, of what has arrived
    int64_t bytes_per_s = 0;
    int64_t free_ns = 0;     // when all bulk given to it so far has left
    size_t biggest = 0;      // message since it was free
    int64_t faulted_ns = 0;  // when something was last done to it
    int64_t drained_ns = 0;  // when nothing waited last
    // Bytes since it was free, by the first two of each message: what they are is in there.
    std::map<std::string, uint64_t> sent_of;
  };
  struct Pair {
    bool connected = false;
    bool connecting = false;
    uint32_t epoch = 0;  // of the connection: what was sent on an older one is lost
  };

  const Link& At(int from, int to) const { return links_[from * node_count_ + to]; }
  Link& At(int from, int to) { return links_[from * node_count_ + to]; }
  Pair& PairOf(int a, int b) { return pairs_[(a < b ? a : b) * node_count_ + (a < b ? b : a)]; }
  int64_t Delay(const Link& link);
  bool FindRoom(Link& link, const std::string& message);
  void NoteNoRoom(const Link& link, size_t waiting);
  void Launch(int from, int to, bool urgent, std::string message);
  void Arrive(int from, int to, bool urgent, uint32_t epoch, uint32_t life, std::string message);
  void TryConnect(int a, int b);
  void Drop(int a, int b);

  EventLoop& loop_;
  const int node_count_;
  NetworkOptions options_;
  Host& host_;
  std::vector<Link> links_;
  std::vector<Pair> pairs_;
  std::vector<bool> up_;
  std::vector<uint32_t> lives_;  // processes of each node so far
  Counters counters_;
  std::string no_room_;
};

}  // namespace clustron::sim
