// Which rules apply goes by (feature_version.h), and which members' programs know them: a leader
// raises the version in force to what all know, and who does not know it is refused.
//
// THREAD: core loop.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "cluster/node/node_core.h"
#include "cluster/node/proposer.h"

namespace clustron::cluster {

class Versions {
 public:
  Versions(NodeCore& core, Proposer& proposer, HaltSwitch& halt)
      : core_(core), proposer_(proposer), halt_(halt) {}

  // The highest that this program knows.
  uint16_t supported() const { return core_.config.feature_version; }
  // What a peer introduced itself with: the highest feature version that its program knows.
  void OnPeerSupports(NodeId peer, uint16_t version) { known_[peer] = version; }
  // False: there is no link with this peer. A node that is too old for its peer halts.
  bool GoesTogether(NodeId from, const Introduction& peer);
  // It did not the last time: it may have been taken in an earlier life of this node.
  bool Refused(NodeId peer) const { return refused_.contains(peer); }
  // The highest version that every member has announced to this process, those that are down now
  // included; 0 while one of them has not been heard.
  uint16_t OfAll() const;
  void OnLeadingBegins() { raise_proposed_ = 0; }
  // As leader.
  void MaybeRaise();

 private:
  NodeCore& core_;
  Proposer& proposer_;
  HaltSwitch& halt_;
  std::map<NodeId, std::string> refused_;  // what was said of whom
  std::map<NodeId, uint16_t> known_;       // as announced to this process
  uint16_t raise_proposed_ = 0;            // in this leadership
};

}  // namespace clustron::cluster
