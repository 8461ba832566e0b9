#include "cluster/membership/applied_members.h"
// The checks of tests are doctest's.
#include <doctest/doctest.h>

namespace clustron::cluster {
namespace {

ConfigRecord First() {
  return {.members = {{1, "a", 7001, 17001}, {2, "b", 7002, 17002}, {4, "d", 7004, 17004}}};
}
// Node 2 is elsewhere.
ConfigRecord Moved() {
  ConfigRecord record = First();
  record.version = 1;
  record.members[1].host = "bb";
  return record;
}

TEST_CASE("members are those of the record that was settled last, and who follows is called") {
  AppliedMembers members;
  members.BeginWith(First());
  CHECK(members.all() == First().members);
  CHECK_FALSE(members.alone());
  CHECK((members.Roles() == paxos::Members{{1, 2, 4}, {}}));
  CHECK(members.Find(4)->host == "d");
  CHECK(members.Find(3) == nullptr);
  CHECK(members.Find(5) == nullptr);
  int calls = 0;
  members.Follow([&] {
    ++calls;
    CHECK(members.Find(2)->host == "bb");
  });

  REQUIRE(members.WhyNotNext(EncodeConfigRecord(Moved())) == "");
  REQUIRE(members.Stage(EncodeConfigRecord(Moved())).has_value());
  CHECK(members.Find(2)->host == "b");  // not before the entry is applied, or the snapshot loaded
  CHECK(calls == 0);
  members.Settle();
  CHECK(members.record() == Moved());
  CHECK(calls == 1);
  members.Settle();
  CHECK(calls == 1);
  // A snapshot of the same configuration changes nothing.
  REQUIRE(members.Stage(members.Encode()).has_value());
  members.Settle();
  CHECK(calls == 1);
  CHECK(members.first() == First());
}

TEST_CASE("what can't be read leaves the members as they are") {
  AppliedMembers members;
  members.BeginWith(First());
  CHECK_FALSE(members.Stage("no configuration").has_value());
  members.Settle();
  CHECK(members.record() == First());
}

TEST_CASE("a state that says nothing of its members has those of the genesis") {
  AppliedMembers members;
  members.BeginWith(First());
  REQUIRE(members.Stage(EncodeConfigRecord(Moved())).has_value());
  members.Settle();
  REQUIRE(members.Stage({}).has_value());
  members.Settle();
  CHECK(members.record() == First());
}

TEST_CASE("the next record has the next version, and is one to go on under") {
  AppliedMembers members;
  members.BeginWith(First());
  ConfigRecord next = Moved();
  next.version = 2;
  CHECK(members.WhyNotNext(EncodeConfigRecord(next)) ==
        "it has version 2 of the configuration, and version 0 is applied");
  next.version = 1;
  next.members[0].votes = false;
  CHECK(members.WhyNotNext(EncodeConfigRecord(next)).find("who votes") == 0);
  CHECK(members.WhyNotNext("\1 no configuration") == "the configuration is malformed");
}

TEST_CASE("one member is alone") {
  AppliedMembers members;
  CHECK_FALSE(members.alone());
  members.BeginWith({.members = {{1, "a", 7001, 17001}}});
  CHECK(members.alone());
}

}  // namespace
}  // namespace clustron::cluster
