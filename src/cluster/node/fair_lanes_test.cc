#include "cluster/node/fair_lanes.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "base/rng.h"

namespace clustron::cluster {
namespace {

struct Owner : ItemOwner {};

OwnItem ItemOf(Owner& owner, size_t bytes, int64_t submitted_ns) {
  return {std::string(1, 'x'), nullptr, &owner, submitted_ns, bytes};
}

TEST_CASE("a lane's items leave in order, whatever other lanes hold, and sums are kept") {
  Owner owners[5];
  FairLanes lanes;
  std::map<ItemOwner*, std::vector<int64_t>> waiting;  // by owner, when they were submitted
  size_t bytes = 0;
  size_t count = 0;
  Rng rng(7);
  for (int64_t now = 1; now < 20'000; ++now) {
    if (rng.Percent(50) || lanes.Empty()) {
      Owner& owner = owners[rng.Below(5)];
      const size_t size = 1 + rng.Below(1000);
      lanes.Add(ItemOf(owner, size, now));
      waiting[&owner].push_back(now);
      bytes += size;
      ++count;
    } else {
      if (rng.Percent(10)) lanes.BlockOnFirst();
      const ItemOwner* const first = lanes.First().owner;
      const OwnItem item = lanes.TakeFirst();
      REQUIRE(item.owner == first);
      std::vector<int64_t>& of_owner = waiting[item.owner];
      REQUIRE(!of_owner.empty());
      REQUIRE(item.submitted_ns == of_owner.front());
      of_owner.erase(of_owner.begin());
      bytes -= item.counts;
      --count;
    }
    REQUIRE(lanes.bytes() == bytes);
    REQUIRE(lanes.size() == count);
  }
}

TEST_CASE("what is blocked keeps its turn, though others would come before it") {
  Owner big, small;
  FairLanes lanes;
  lanes.Add(ItemOf(big, 1000, 1));
  lanes.BlockOnFirst();
  lanes.Add(ItemOf(small, 1, 2));
  CHECK(lanes.First().owner == &big);
  CHECK(lanes.TakeFirst().owner == &big);
  CHECK(lanes.TakeFirst().owner == &small);
  CHECK(lanes.Empty());
}

TEST_CASE("late items are dropped from the front of their lanes, and their owners told") {
  Owner one, two;
  FairLanes lanes;
  lanes.Add(ItemOf(one, 10, 5));
  lanes.Add(ItemOf(two, 10, 20));
  lanes.Add(ItemOf(one, 10, 6));
  lanes.Add(ItemOf(one, 10, 30));
  std::vector<ItemOwner*> dropped;
  lanes.DropLate(10, &dropped);
  CHECK(dropped == std::vector<ItemOwner*>{&one, &one});
  CHECK(lanes.size() == 2u);
  CHECK(lanes.bytes() == 20u);
  lanes.DropLate(100, &dropped);
  CHECK(dropped.size() == 4u);
  CHECK(lanes.Empty());
}

}  // namespace
}  // namespace clustron::cluster
