#include "cluster/paxos/membership.h"

#include <doctest/doctest.h>

namespace clustron::paxos {
namespace {

TEST_CASE("majorities of one to seven") {
  const uint32_t expected[] = {1, 2, 2, 3, 3, 4, 4};
  Members members;
  for (NodeId node = 1; node <= 7; ++node) {
    members.voters.push_back(node);
    const Membership membership(1, members, 0, 0);
    CHECK(membership.quorum1() == expected[node - 1]);
    CHECK(membership.quorum2() == expected[node - 1]);
    CHECK(membership.quorum1() + membership.quorum2() > membership.voter_count());
  }
}

TEST_CASE("quorum sizes of one's own") {
  const Membership membership(2, {{1, 2, 3, 4}, {}}, 3, 2);
  CHECK(membership.IsQuorum1(0b0111));
  CHECK_FALSE(membership.IsQuorum1(0b0011));
  CHECK(membership.IsQuorum2(0b1001));
  CHECK_FALSE(membership.IsQuorum2(0b1000));
}

TEST_CASE("voters have a bit, learners and strangers none") {
  const Membership membership(30, {{10, 20, 30}, {25, 40}}, 0, 0);
  CHECK(membership.BitOf(10) == 1);
  CHECK(membership.BitOf(30) == 4);
  CHECK(membership.BitOf(25) == 0);
  CHECK(membership.BitOf(15) == 0);
  CHECK(membership.IsMember(25));
  CHECK_FALSE(membership.IsMember(15));
  CHECK(membership.self_votes());
  CHECK_FALSE(membership.sole_voter());
  CHECK(membership.peers() == std::vector<NodeId>{10, 20, 25, 40});
  CHECK_FALSE(Membership(40, membership.members(), 0, 0).self_votes());
  CHECK(Membership(7, {{7}, {8}}, 0, 0).sole_voter());
}

}  // namespace
}  // namespace clustron::paxos
