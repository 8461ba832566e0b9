// Who votes, and what a quorum is.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "cluster/paxos/config.h"
#include "cluster/paxos/types.h"

namespace clustron::paxos {

// A set of voters: bit i is the i-th of Members::voters. Means nothing under other members.
using Votes = uint64_t;

// INVARIANT: quorum1 + quorum2 > voters, so every phase 1 meets every phase 2. The same makes a
// quorum 2 of lease or read acknowledgements meet every phase 1 of another candidate.
class Membership {
 public:
  // Sizes 0: a majority. CHECKs the members and the invariant.
  Membership(NodeId self, Members members, uint32_t quorum1, uint32_t quorum2);

  const Members& members() const { return members_; }
  NodeId self() const { return self_; }
  uint32_t voter_count() const { return static_cast<uint32_t>(members_.voters.size()); }
  uint32_t quorum1() const { return quorum1_; }
  uint32_t quorum2() const { return quorum2_; }

  // The voter's bit, or 0 if it has no vote.
  Votes BitOf(NodeId node) const;
  bool IsVoter(NodeId node) const { return BitOf(node) != 0; }
  bool IsMember(NodeId node) const;
  bool self_votes() const { return self_bit_ != 0; }
  Votes self_bit() const { return self_bit_; }
  bool sole_voter() const { return self_bit_ != 0 && voter_count() == 1; }
  // All members but self, voters first.
  const std::vector<NodeId>& peers() const { return peers_; }

  bool IsQuorum1(Votes votes) const { return Count(votes) >= quorum1_; }
  bool IsQuorum2(Votes votes) const { return Count(votes) >= quorum2_; }
  static uint32_t Count(Votes votes) { return static_cast<uint32_t>(std::popcount(votes)); }

 private:
  NodeId self_;
  Members members_;
  uint32_t quorum1_;
  uint32_t quorum2_;
  Votes self_bit_ = 0;
  std::vector<NodeId> peers_;
};

}  // namespace clustron::paxos
