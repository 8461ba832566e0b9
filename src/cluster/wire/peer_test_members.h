// Members with sockets on one loop, for the tests of the links.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/host_port.h"
#include "cluster/wire/peer_link.h"
#include "net/socket.h"

// Behind our own headers: it has a CHECK of its own.
#include <doctest/doctest.h>

namespace clustron::cluster {

inline const std::string kTestSecret = "a secret of more than 32 bytes, for tests";

struct Inbox : TransportListener {
  std::vector<std::pair<uint32_t, std::string>> messages;
  int ups = 0;
  int downs = 0;
  bool OnMessage(NodeId from, std::string message) override {
    messages.emplace_back(from, message);
    return message != "malformed";
  }
  bool OnMessageWhileBusy(NodeId, std::string_view) override { return false; }
  void OnPeerUp(NodeId) override { ++ups; }
  void OnPeerDown(NodeId) override { ++downs; }
};

inline uint16_t PortOf(const net::Fd& fd) {
  const auto address = ParseHostPort(net::LocalName(fd.get()));
  REQUIRE(address);
  return address->port;
}

// A node with its listening socket; both ends of every link live on one loop.
struct LinkedMember {
  LinkedMember(net::Loop& loop, uint32_t node, const std::string& secret = kTestSecret,
               size_t queue_bytes_max = 64 << 20, size_t half_open_max = 64)
      : peers(loop, Config(node, secret, queue_bytes_max, half_open_max)) {
    peers.SetListener(&inbox);
    auto fd = net::ListenTcp("127.0.0.1", 0, 16);
    REQUIRE(fd.has_value());
    port = PortOf(*fd);
    peers.Listen(*std::move(fd));
  }
  static PeerConfig Config(uint32_t node, const std::string& secret, size_t queue_bytes_max,
                           size_t half_open_max = 64) {
    return {.cluster_id = "cluster",
            .node = node,
            .boot = 1,
            .secret = secret,
            .queue_bytes_max = queue_bytes_max,
            .half_open_max = half_open_max,
            .handshake_ms_max = 1000};
  }
  Inbox inbox;
  uint16_t port = 0;
  Peers peers;
};

inline bool RunUntil(net::Loop& loop, std::vector<LinkedMember*> members,
                     const std::function<bool()>& done) {
  bool held = false;
  net::Timer deadline(loop, [&] { loop.Stop(); });
  deadline.Start(20'000);
  net::Timer tick(loop, [] {});
  tick.Start(1, 1);
  loop.Run([&] {
    for (LinkedMember* member : members) member->peers.Flush();
    if (!held && done()) {
      held = true;
      loop.Stop();
    }
  });
  return held;
}

}  // namespace clustron::cluster
