#include "cluster/member_watch.h"

#include <doctest/doctest.h>

#include <vector>

namespace clustron::cluster {
namespace {

constexpr Introduction kOwn{.boot = 3, .nonce = 33};

TEST_CASE("an introduction is said once a link, and again until it is answered") {
  MemberWatch watch(kOwn, 100);
  CHECK((watch.TakeDue({2, 3}, 1000) == std::vector<paxos::NodeId>{2, 3}));
  CHECK(watch.TakeDue({2, 3}, 1099).empty());
  watch.OnAnswer(2, {.boot = 3, .nonce = 32});  // to an earlier process
  CHECK((watch.TakeDue({2, 3}, 1100) == std::vector<paxos::NodeId>{2, 3}));
  watch.OnAnswer(2, {.boot = 3, .nonce = 33});
  CHECK((watch.TakeDue({2, 3}, 1300) == std::vector<paxos::NodeId>{3}));
  watch.OnLinkUp(2);
  CHECK((watch.TakeDue({2, 3}, 1301) == std::vector<paxos::NodeId>{2}));
}

TEST_CASE("who has introduced itself is known, and by its last word") {
  MemberWatch watch(kOwn, 100);
  CHECK(!watch.Taken(2));
  CHECK(watch.IntroductionOf(2) == nullptr);
  CHECK((watch.OnIntroduction(2, {.boot = 5, .nonce = 55}) ==
         IntroductionAnswer{.boot = 5, .nonce = 55}));
  CHECK(watch.Taken(2));
  CHECK(!watch.Taken(3));
  watch.OnIntroduction(2, {.boot = 6, .nonce = 66, .feature_version = 2});
  REQUIRE(watch.IntroductionOf(2) != nullptr);
  CHECK(watch.IntroductionOf(2)->feature_version == 2);
}

}  // namespace
}  // namespace clustron::cluster
