// What the roles of one replica share. Internal to the folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/rng.h"
#include "cluster/paxos/config.h"
#include "cluster/paxos/log_window.h"
#include "cluster/paxos/membership.h"
#include "cluster/paxos/outbox.h"
#include "cluster/paxos/replica.h"

namespace clustron::paxos {

// OWNS: the log in memory and all pending output. The roles (acceptor, learner, leader …) hold a
// reference and decide; only the replica, which owns them all, lets one call another.
struct Core {
  Config config;
  Membership membership;
  LogWindow window;
  Outbox outbox;
  Rng rng;
  int64_t now_ns;  // as of the current input
  // What is known of each peer; same order as membership.peers().
  std::vector<PeerStatus> peers;
  // Not empty: two values were met where Paxos allows one. This node does nothing more.
  std::string contradiction;

  Core(const Config& c, Slot first_slot, Rng generator, int64_t start_ns)
      : config(c),
        membership(c.self, c.members, c.quorum1, c.quorum2),
        window(first_slot),
        rng(generator),
        now_ns(start_ns) {
    ResetPeers();
  }

  PeerStatus* Peer(NodeId node) {
    for (PeerStatus& peer : peers) {
      if (peer.node == node) return &peer;
    }
    return nullptr;
  }
  // The voter's bit; none for whom votes don't count.
  Votes VoteOf(NodeId node) const {
    for (const PeerStatus& peer : peers) {
      if (peer.node == node && peer.vote == PeerVote::kIgnored) return 0;
    }
    return membership.BitOf(node);
  }
  // Whose promises phase 1 needs besides a quorum 1.
  Votes WantedVotes() const {
    Votes wanted = 0;
    for (const PeerStatus& peer : peers)
      if (peer.vote == PeerVote::kWanted) wanted |= membership.BitOf(peer.node);
    return wanted;
  }
  // After the members changed: keeps what is known of those that stay.
  void ResetPeers() {
    std::vector<PeerStatus> old = std::move(peers);
    peers.clear();
    for (NodeId node : membership.peers()) {
      PeerStatus& peer = peers.emplace_back();
      for (PeerStatus& known : old) {
        if (known.node == node) peer = std::move(known);
      }
      peer.node = node;
      peer.voter = membership.IsVoter(node);
    }
  }
  // What so many bytes may take to arrive; sending them again before is useless and makes it worse.
  static int64_t TransferNs(size_t bytes) { return static_cast<int64_t>(bytes) * 100; }
  // The own disk is too far behind for more records.
  bool LogFull() const { return outbox.undurable_bytes() >= config.undurable_bytes_max; }
  // `had` and `other` are two values of one slot of which Paxos allows one.
  void NoteContradiction(const Accepted& had, const Accepted& other);
  // Answered lately: worth sending bulk data to. A silent one will ask when it is back.
  bool IsResponsive(const PeerStatus& peer) const {
    return peer.heard_ns != 0 && now_ns - peer.heard_ns < 3 * config.round_ns;
  }
};

}  // namespace clustron::paxos
