#include "cluster/member_watch.h"

namespace clustron::cluster {

using paxos::NodeId;

MemberWatch::Peer& MemberWatch::Of(NodeId node) {
  for (Peer& peer : peers_) {
    if (peer.node == node) return peer;
  }
  peers_.push_back({.node = node});
  return peers_.back();
}

const MemberWatch::Peer* MemberWatch::Find(NodeId node) const {
  for (const Peer& peer : peers_) {
    if (peer.node == node) return &peer;
  }
  return nullptr;
}

std::vector<NodeId> MemberWatch::TakeDue(const std::vector<NodeId>& peers, int64_t now_ns) {
  std::vector<NodeId> due;
  for (const NodeId node : peers) {
    Peer& peer = Of(node);
    if (peer.answered || (peer.asked_ns != 0 && now_ns - peer.asked_ns < again_ns_)) continue;
    peer.asked_ns = now_ns;
    due.push_back(node);
  }
  return due;
}

IntroductionAnswer MemberWatch::OnIntroduction(NodeId from, const Introduction& introduction) {
  Of(from).said = introduction;
  return {.boot = introduction.boot, .nonce = introduction.nonce};
}

void MemberWatch::OnAnswer(NodeId from, const IntroductionAnswer& answer) {
  if (answer.boot != own_.boot || answer.nonce != own_.nonce) return;
  Of(from).answered = true;
}

bool MemberWatch::Taken(NodeId peer) const {
  const Peer* found = Find(peer);
  return found != nullptr && found->said.nonce != 0;
}

const Introduction* MemberWatch::IntroductionOf(NodeId peer) const {
  const Peer* found = Find(peer);
  return found != nullptr && found->said.nonce != 0 ? &found->said : nullptr;
}

}  // namespace clustron::cluster
