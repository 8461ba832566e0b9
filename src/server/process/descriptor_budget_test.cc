#include "server/process/descriptor_budget.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

namespace clustron::server {
namespace {

TEST_CASE("whatever the limit, the shares together leave the files of our own theirs") {
  constexpr uint64_t kOwn = 40;
  constexpr size_t kMembers[] = {1, 2, 3, 5, 9};
  constexpr size_t kListeners[] = {1, 3, 20};
  for (const size_t members : kMembers) {
    for (const size_t listeners : kListeners) {
      const DescriptorBudget budget(members, listeners);
      const uint64_t links = 4 * (members - 1);
      DescriptorBudget::Shares before;
      for (uint64_t limit = 0; limit < 2000; ++limit) {
        const DescriptorBudget::Shares shares = budget.Divide(limit);
        CHECK((shares.clients > 0) == (limit >= budget.least()));
        CHECK(shares.clients >= before.clients);
        CHECK(shares.half_open >= before.half_open);
        before = shares;
        if (shares.clients == 0) continue;
        CHECK((members > 1) == (shares.half_open > 0));
        CHECK(kOwn + listeners + links + shares.half_open + shares.clients == limit);
      }
      CHECK(before.half_open == (members > 1 ? 64 : 0));
    }
  }
}

TEST_CASE("the limit is raised for the clients that are wanted, and for strangers besides") {
  rlimit before = {};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  if (before.rlim_max < 1024) return;
  const rlimit few = {128, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
  DescriptorBudget budget(3, 3);
  CHECK(budget.shares().clients == 0);
  CHECK(budget.Raise(10) >= budget.least());
  CHECK(budget.shares().clients >= 10);
  CHECK(budget.shares().half_open == 64);
  budget.Raise(500);
  const uint64_t clients = budget.shares().clients;
  CHECK(clients >= 500);
  // Fewer clients take nothing back.
  budget.Raise(5);
  CHECK(budget.shares().clients == clients);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace clustron::server
