// TCP between this node and its peers. A link carries messages only when both ends have proved that
// they know the cluster's secret (peer_hello.h); until then they may say little, and not for long.
// This node dials every peer and sends on that link; what
// peers send comes on the links that they dialed. A link that breaks is dialed again with backoff.
//
// Each link carries two streams (peer_frame.h). Urgent messages overtake bulk: of that a slice is
// framed at a time, when the kernel has room, and only so much is written in one turn of the loop.
// Big messages are not copied on their way: they are cut where they lie.
//
// Queues are bounded. While more than `queue_bytes_max` wait, not counting the biggest message,
// bulk messages to that peer are left out: whoever needs them asks again. So a link holds that much
// and two messages more; big values lie in memory once for all links. The link itself is dropped
// only if nothing moves: the kernel ends it when the peer acknowledges nothing for three seconds.
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/payload.h"
#include "cluster/wire/formation_wire.h"
#include "cluster/wire/peer_frame.h"
#include "cluster/wire/peer_hello.h"
#include "cluster/wire/transport.h"
#include "net/loop.h"
#include "net/socket.h"
#include "net/stream.h"

namespace clustron::cluster {

using paxos::NodeId;

struct PeerAddress {
  uint32_t node = 0;
  std::string host;
  uint16_t port = 0;  // of the peer protocol

  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};

struct PeerConfig {
  std::string cluster_id;
  uint32_t node = 0;
  uint64_t boot = 0;
  std::string secret;  // empty: there is none
  // Without a secret: only who is on this machine is dialed or listened to.
  bool loopback_only = false;
  size_t queue_bytes_max = 64 << 20;
  // Links whose other end has not yet proved that it knows the secret. One more, and the oldest of
  // them ends: who holds many open keeps no member out.
  size_t half_open_max = 64;
  // For connecting and for proving who one is, on either side.
  uint64_t handshake_ms_max = 3000;
  // Somebody who knows the secret asks for the place of a member that has lost its disk. Empty:
  // places are not given here.
  std::function<FormationAnswer(NodeId)> on_place_wanted = {};
};

class Peers final : public Transport {
 public:
  Peers(net::Loop& loop, PeerConfig config);
  ~Peers() override;

  // Who is told of links and messages from now on. Null: nobody, and what comes is dropped.
  void SetListener(TransportListener* listener) { listener_ = listener; }

  // Takes over a listening socket.
  void Listen(net::Fd listener);
  // Dials these from now on, and no others: the link to a peer that is at another address than it
  // was ends. Not from within the listener's calls.
  void SetPeers(const std::vector<PeerAddress>& peers);
  void Send(NodeId to, Urgency urgency, std::string head, Payload tail) override;
  using Transport::Send;
  // Writes what is queued; once per loop turn.
  void Flush();
  // In the middle of a long turn: reads what came and offers it as OnMessageWhileBusy; what is not
  // wanted then is kept, up to a bound per link, for OnMessage. Writes what is queued.
  void Breathe();
  // Gives what Breathe kept to OnMessage. Before the turn's end.
  void DeliverKept();
  bool Connected(uint32_t node) const;
  // Bulk messages that were left out.
  uint64_t left_out() const { return left_out_; }
  uint64_t bytes_sent() const { return bytes_sent_; }
  uint64_t bytes_received() const { return bytes_received_; }

 private:
  class Outbound;
  class Inbound;

  // False: malformed.
  bool Take(NodeId from, std::string message);
  bool TakenWhileBusy(NodeId from, std::string_view message);
  FormationAnswer PlaceWanted(NodeId node) const;
  Hello OwnHello() const;  // with a nonce of its own
  void OnAccept(net::Fd fd);
  void Reap();
  void EndOlderLinks(const Inbound& newer);
  void Warn(const std::string& line);  // a link was refused; logged now and then

  net::Loop& loop_;
  const PeerConfig config_;
  TransportListener* listener_ = nullptr;
  std::unique_ptr<net::Listener> accepts_;
  std::map<uint32_t, std::unique_ptr<Outbound>> outbound_;
  std::vector<std::unique_ptr<Inbound>> inbound_;
  uint64_t bytes_sent_ = 0;
  uint64_t bytes_received_ = 0;
  uint64_t left_out_ = 0;
  bool warned_ = false;
  uint64_t warned_ms_ = 0;
};

}  // namespace clustron::cluster
