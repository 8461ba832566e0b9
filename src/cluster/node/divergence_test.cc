#include "cluster/node/divergence.h"
// The checks of tests are doctest's.
#include <doctest/doctest.h>

namespace clustron::cluster {
namespace {

using Verdict = Divergence::Verdict;
using Voters = std::vector<paxos::NodeId>;

struct Fixture {
  const Voters three = {1, 2, 3};
  DigestLog own;
  Divergence divergence;
  Fixture() {
    for (paxos::Slot slot = 64; slot <= 640; slot += 64) own.Note(slot, slot);
  }
};

TEST_CASE_FIXTURE(Fixture, "equal digests, and such as nothing is known of, are no difference") {
  CHECK_FALSE(divergence.OnClaim(2, 640, 640, own));
  CHECK_FALSE(divergence.OnClaim(2, 704, 1, own));
  CHECK_FALSE(divergence.OnClaim(3, 65, 1, own));
  CHECK(divergence.Judge(three) == Verdict::kSame);
  CHECK(divergence.slot() == 0);
}

TEST_CASE_FIXTURE(Fixture, "two that say the same against this one are right") {
  CHECK(divergence.OnClaim(2, 128, 1, own));
  CHECK(divergence.Judge(three) == Verdict::kAlarm);
  CHECK(divergence.slot() == 128);
  CHECK(divergence.Unheard(three, 1) == Voters{3});
  SUBCASE("asked about that slot") {
    CHECK(divergence.OnClaim(3, 128, 1, own));
    CHECK(divergence.slot() == 128);
  }
  SUBCASE("found at another one") {
    CHECK(divergence.OnClaim(3, 640, 9, own));
    CHECK(divergence.slot() == 640);
    CHECK(divergence.Judge(three) == Verdict::kAlarm);
    CHECK(divergence.Unheard(three, 1) == Voters{2});
    CHECK(divergence.OnClaim(2, 640, 9, own));
  }
  CHECK(divergence.Judge(three) == Verdict::kContradicted);
}

TEST_CASE_FIXTURE(Fixture, "one against two is an alarm for the two, until it is another one") {
  CHECK(divergence.OnClaim(2, 128, 1, own));
  CHECK_FALSE(divergence.OnClaim(3, 128, 128, own));
  CHECK(divergence.Judge(three) == Verdict::kAlarm);
  CHECK(divergence.Differs(2));
  CHECK_FALSE(divergence.Differs(3));
  divergence.Forget(2);
  CHECK(divergence.Judge(three) == Verdict::kSame);
  CHECK(divergence.slot() == 0);
}

TEST_CASE_FIXTURE(Fixture, "three that all differ, and two and two, know nothing but that") {
  divergence.OnClaim(2, 128, 1, own);
  divergence.OnClaim(3, 128, 2, own);
  CHECK(divergence.Judge(three) == Verdict::kAlarm);
  const Voters four = {1, 2, 3, 4};
  divergence.OnClaim(3, 128, 1, own);
  divergence.OnClaim(4, 128, 128, own);
  CHECK(divergence.Judge(four) == Verdict::kAlarm);
}

TEST_CASE_FIXTURE(Fixture, "who has no vote says nothing about who is right") {
  divergence.OnClaim(8, 128, 1, own);
  divergence.OnClaim(9, 128, 1, own);
  CHECK(divergence.Judge(three) == Verdict::kAlarm);
}

}  // namespace
}  // namespace clustron::cluster
