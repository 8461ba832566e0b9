#include "cluster/node/read_rounds.h"

#include <doctest/doctest.h>

namespace clustron::cluster {
namespace {

TEST_CASE("a read that comes after a round was asked for waits for the next one") {
  ReadRounds reads(100);
  const uint64_t first = reads.Join(0);
  CHECK(first > 100);
  CHECK(reads.Join(0) == first);  // of the same turn
  CHECK(reads.TakeUnasked(0) == first);
  const uint64_t second = reads.Join(1);
  CHECK(second > first);
  CHECK(reads.TakeUnasked(1) == second);
  CHECK(reads.TakeUnasked(1) == 0);
}

TEST_CASE("an answer is good for earlier rounds, and none that comes late takes it back") {
  ReadRounds reads(100);
  const uint64_t first = reads.Join(0);
  reads.TakeUnasked(0);
  const uint64_t second = reads.Join(1);
  reads.TakeUnasked(1);
  CHECK(reads.Unanswered());
  reads.Granted(second, {.index = 7});
  CHECK_FALSE(reads.Unanswered());
  reads.Granted(first, {.index = 5});
  reads.Granted(second, {.index = 9});
  reads.Granted(second + 1, {.index = 1});  // nobody has asked for that
  CHECK_FALSE(reads.Unanswered());
  uint64_t id = 0;
  ReadGrant grant;
  CHECK_FALSE(reads.TakeReady(6, &id, &grant));
  REQUIRE(reads.TakeReady(7, &id, &grant));
  CHECK(id == second);
  CHECK(grant.index == 7);
  CHECK_FALSE(reads.TakeReady(100, &id, &grant));
  CHECK(reads.TakeExpired(1'000'000, 10) == 0);  // nobody waits any more
}

}  // namespace
}  // namespace clustron::cluster
