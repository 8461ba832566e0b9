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
#include "net/loop.h"
#include "net/socket.h"
#include "net/stream.h"

namespace clustron::cluster {

struct PeerAddress {
  uint32_t node = 0;
  std::string host;
  uint16_t port = 0;  // of the peer protocol
};

class PeerListener {
 public:
  virtual ~PeerListener() = default;
  // False: malformed; the link is dropped.
  virtual bool OnPeerMessage(uint32_t from, std::string message) = 0;
  // In Breathe: true if it was dealt with; else it comes by OnPeerMessage later.
  virtual bool OnPeerMessageWhileBusy(uint32_t, std::string_view) { return false; }
  virtual void OnPeerUp(uint32_t node) = 0;    // the link to it is usable
  virtual void OnPeerDown(uint32_t node) = 0;  // it was, and is not any more
  // Somebody who knows the secret asks for the place of a member that has lost its disk.
  virtual FormationAnswer OnPlaceWanted(uint32_t) {
    return {FormationState::kRefused, {}, "places are not given here"};
  }
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
};

class Peers {
 public:
  Peers(net::Loop& loop, PeerConfig config, PeerListener& listener);
  ~Peers();

  // Takes over a listening socket.
  void Listen(net::Fd listener);
  // Dials these from now on.
  void SetPeers(const std::vector<PeerAddress>& peers);
  // The message is `head` and, if there is one, `tail` behind it.
  void Send(uint32_t to, bool urgent, std::string head, Payload tail = nullptr);
  // Writes what is queued; once per loop turn.
  void Flush();
  // In the middle of a long turn: reads what came and offers it as OnPeerMessageWhileBusy; what is
  // not wanted then is kept, up to a bound per link, for OnPeerMessage. Writes what is queued.
  void Breathe();
  // Gives what Breathe kept to OnPeerMessage. Before the turn's end.
  void DeliverKept();
  bool Connected(uint32_t node) const;
  // Bulk messages that were left out.
  uint64_t left_out() const { return left_out_; }
  uint64_t bytes_sent() const { return bytes_sent_; }
  uint64_t bytes_received() const { return bytes_received_; }

 private:
  class Outbound;
  class Inbound;

  Hello OwnHello() const;  // with a nonce of its own
  void OnAccept(net::Fd fd);
  void Reap();
  void EndOlderLinks(const Inbound& newer);
  void Warn(const std::string& line);  // a link was refused; logged now and then

  net::Loop& loop_;
  const PeerConfig config_;
  PeerListener& listener_;
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
