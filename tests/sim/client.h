// A simulated client: one connection at a time to one of the nodes, requests pipelined, replies in
// order. It knows of each request what came of it: a reply, or nothing (the connection broke, or
// the client lost patience), and then the outcome is unknown.
#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/event_loop.h"
#include "tests/sim/reply.h"
#include "tests/sim/report.h"

namespace clustron::sim {

class Client;

// The nodes' side of client connections, as the cluster simulates it.
class ClientNetwork {
 public:
  // The bytes arrive at the node after a while, unless the connection ends before.
  virtual void Connect(Client* client, uint64_t connection, int node) = 0;
  virtual void SendToNode(uint64_t connection, std::string bytes) = 0;
  virtual void CloseByClient(uint64_t connection) = 0;
  virtual uint64_t NextConnection() = 0;
  virtual int node_count() const = 0;

 protected:
  ~ClientNetwork() = default;
};

struct ClientOptions {
  int64_t patience_ns = 6 * kSecond;  // without any reply: hangs up and goes elsewhere
  int64_t reconnect_ns = 200 * kMillisecond;
  int home = -1;  // the node it always goes to; -1: any
};

class Client {
 public:
  // What came of a request.
  class Handler {
   public:
    virtual void OnReply(uint64_t tag, const Reply& reply) = 0;
    // No answer will come: it happened, or will happen, or not.
    virtual void OnLost(uint64_t tag) = 0;
    // Out of turn (RESP3): what was subscribed to.
    virtual void OnPush(const Reply&) {}
    // Ready for requests (again).
    virtual void OnConnected() = 0;

   protected:
    ~Handler() = default;
  };

  Client(EventLoop* loop, ClientNetwork* network, Report* report, int id,
         const ClientOptions& options, Handler* handler);
  // No events of this client may be pending when it goes: the simulation's loop ends first.
  ~Client() = default;

  void Start();
  bool connected() const { return connected_; }
  size_t outstanding() const { return waiting_.size(); }
  int id() const { return id_; }
  int node() const { return node_; }
  uint64_t connection() const { return connection_; }
  // Since when an answer has been due; 0: none is.
  int64_t waits_since_ns() const { return connected_ && !waiting_.empty() ? last_reply_ns_ : 0; }
  // The node that last answered that it can't, since the last call; -1: none did.
  int TakeRefusedBy() { return std::exchange(refused_by_, -1); }

  // REQUIRES: connected(). Sent with the others of the same moment.
  void Send(std::initializer_list<std::string_view> args, uint64_t tag) {
    Send(std::span<const std::string_view>(args.begin(), args.size()), tag);
  }
  void Send(std::span<const std::string_view> args, uint64_t tag);
  // Of a request that is answered by pushes alone.
  void SendForPushes(std::initializer_list<std::string_view> args);
  // Takes nothing from its socket for so long, as far as the node can tell.
  void Stall(int64_t ns) { stalled_until_ns_ = loop_.now_ns() + ns; }
  bool stalled() const { return loop_.now_ns() < stalled_until_ns_; }
  // Closes; everything outstanding is lost; connects anew.
  void HangUp();
  // To this node at once, this time.
  void GoTo(int node);
  // From now on to this node only.
  void MoveHome(int node);

  // --- From the network
  void OnEstablished(uint64_t connection);
  void OnBytes(uint64_t connection, std::string_view bytes);
  void OnClosed(uint64_t connection);

 private:
  void ConnectLater();
  void Lose();
  void Watchdog();

  EventLoop& loop_;
  ClientNetwork& network_;
  Report& report_;
  const int id_;
  ClientOptions options_;
  Handler& handler_;
  uint64_t connection_ = 0;  // 0: none
  int node_ = 0;
  int next_ = -1;  // the node it goes to next; -1: as its options say
  bool connected_ = false;
  bool flush_filed_ = false;
  std::string out_;
  std::string in_;
  std::deque<uint64_t> waiting_;  // tags
  int refused_by_ = -1;
  int64_t stalled_until_ns_ = 0;
  int64_t last_reply_ns_ = 0;  // or since when it has been waiting
};

}  // namespace clustron::sim
