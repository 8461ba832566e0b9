// Who the other members are: each says so on each new link (introduction.h), and until then nothing
// that comes from it is taken.
//
// Pure: the owner sends what it is given and hands in what comes. THREAD: the owner's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/introduction.h"
#include "cluster/paxos/types.h"

namespace clustron::cluster {

class MemberWatch {
 public:
  // `again_ns`: an introduction that is not answered is said again after so long.
  MemberWatch(const Introduction& own, int64_t again_ns) : own_(own), again_ns_(again_ns) {}

  // What this node says of itself.
  const Introduction& own() const { return own_; }
  // The peers to whom the introduction is due now.
  std::vector<paxos::NodeId> TakeDue(const std::vector<paxos::NodeId>& peers, int64_t now_ns);
  // A new link: it begins with the introduction.
  void OnLinkUp(paxos::NodeId peer) { Of(peer).answered = false, Of(peer).asked_ns = 0; }

  // `from` introduces itself. Returns the answer.
  IntroductionAnswer OnIntroduction(paxos::NodeId from, const Introduction& introduction);
  // `from` has taken this node's introduction; answers to an earlier process are ignored.
  void OnAnswer(paxos::NodeId from, const IntroductionAnswer& answer);

  // The peer has introduced itself: what else it says is taken.
  bool Taken(paxos::NodeId peer) const;
  // What it said last; null: nothing yet.
  const Introduction* IntroductionOf(paxos::NodeId peer) const;

 private:
  struct Peer {
    paxos::NodeId node = paxos::kNoNode;
    bool answered = false;  // it has taken ours
    int64_t asked_ns = 0;   // when it was last told; 0: not on this link
    Introduction said;      // nonce 0: nothing
  };

  Peer& Of(paxos::NodeId node);
  const Peer* Find(paxos::NodeId node) const;

  const Introduction own_;
  const int64_t again_ns_;
  std::vector<Peer> peers_;  // few
};

}  // namespace clustron::cluster
