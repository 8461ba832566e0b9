#include "cluster/paxos/membership.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace clustron::paxos {

namespace {

bool RisingAndNamed(const std::vector<NodeId>& nodes) {
  NodeId last = kNoNode;
  for (NodeId node : nodes) {
    if (node <= last) return false;
    last = node;
  }
  return true;
}

}  // namespace

Membership::Membership(NodeId self, Members members, uint32_t quorum1, uint32_t quorum2)
    : self_(self), members_(std::move(members)) {
  const uint32_t majority = voter_count() / 2 + 1;
  quorum1_ = quorum1 != 0 ? quorum1 : majority;
  quorum2_ = quorum2 != 0 ? quorum2 : majority;
  CHECK(self_ != kNoNode);
  CHECK(!members_.voters.empty());
  CHECK(members_.voters.size() <= 64);
  CHECK(RisingAndNamed(members_.voters));
  CHECK(RisingAndNamed(members_.learners));
  CHECK(quorum1_ <= voter_count());
  CHECK(quorum2_ <= voter_count());
  CHECK(quorum1_ + quorum2_ > voter_count());
  self_bit_ = BitOf(self_);
  for (NodeId node : members_.voters) {
    if (node != self_) peers_.push_back(node);
  }
  for (NodeId node : members_.learners) {
    CHECK(!IsVoter(node));
    if (node != self_) peers_.push_back(node);
  }
}

Votes Membership::BitOf(NodeId node) const {
  const auto& voters = members_.voters;
  const auto it = std::lower_bound(voters.begin(), voters.end(), node);
  if (it == voters.end() || *it != node) return 0;
  return Votes{1} << (it - voters.begin());
}

bool Membership::IsMember(NodeId node) const {
  return IsVoter(node) ||
         std::binary_search(members_.learners.begin(), members_.learners.end(), node);
}

}  // namespace clustron::paxos
