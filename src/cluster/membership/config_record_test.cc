#include "cluster/membership/config_record.h"
// The checks of tests are doctest's.
#include <doctest/doctest.h>

namespace clustron::cluster {
namespace {

ConfigRecord Three() {
  return {
      .version = 4,
      .members = {{1, "a", 7001, 17001}, {2, "::1", 7002, 17002}, {5, "c", 7005, 17009, false}}};
}

TEST_CASE("a configuration comes back as it was written") {
  const Result<ConfigRecord> back = DecodeConfigRecord(EncodeConfigRecord(Three()));
  REQUIRE(back.has_value());
  CHECK(*back == Three());
  CHECK((RolesOf(*back) == paxos::Members{{1, 2}, {5}}));
}

TEST_CASE("a configuration that can't be one is no configuration") {
  std::string bytes = EncodeConfigRecord(Three());
  for (size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(DecodeConfigRecord(std::string_view(bytes).substr(0, size)).has_value());
  CHECK_FALSE(DecodeConfigRecord(bytes + "x").has_value());
  ConfigRecord record = Three();
  SUBCASE("a node twice") { record.members[1].node = 1; }
  SUBCASE("a node of no number") { record.members[0].node = 0; }
  SUBCASE("nobody votes") { record.members[0].votes = record.members[1].votes = false; }
  SUBCASE("more voters than the core takes") {
    record.members.clear();
    for (uint32_t node = 1; node <= 65; ++node) record.members.push_back({node, "h", 1, 2});
  }
  const Result<ConfigRecord> decoded = DecodeConfigRecord(EncodeConfigRecord(record));
  if (record == Three()) {  // what a later program may mean
    bytes.back() = 2;
    CHECK_FALSE(DecodeConfigRecord(bytes).has_value());
    bytes.front() = 2;
    CHECK(DecodeConfigRecord(bytes).error().code == Errc::kMismatch);
  } else {
    REQUIRE_FALSE(decoded.has_value());
    CHECK(decoded.error().code == Errc::kCorruption);
  }
}

TEST_CASE("a node goes on under other addresses and more members without a vote, no more yet") {
  ConfigRecord from = Three();
  ConfigRecord to = from;
  CHECK(WhyNotUnder(from, to) == "");
  to.version = 5;
  to.members[0].host = "elsewhere";
  to.members.push_back({6, "f", 7006, 17006, false});
  CHECK(WhyNotUnder(from, to) == "");
  CHECK(WhyNotUnder(to, from) == "version 4 of the configuration is older than 5");
  to.version = 4;
  CHECK(WhyNotUnder(from, to) == "version 4 of the configuration is another one here");
  to.version = 5;
  SUBCASE("one more voter") {
    to.members[3].votes = true;
    CHECK(WhyNotUnder(from, to) ==
          "who votes can't be changed yet (it is nodes 1,2, and would be 1,2,6)");
  }
  SUBCASE("one less") {
    to.members.erase(to.members.begin() + 2);
    CHECK(WhyNotUnder(from, to) == "node 5 can't be taken out yet");
  }
  SUBCASE("a node alone") {
    from.members.resize(1);
    to.members = from.members;
    CHECK(WhyNotUnder(from, to) == "");
    to.members.push_back({2, "b", 7002, 17002, false});
    CHECK(WhyNotUnder(from, to).find("alone") != std::string::npos);
    to.version = 6;
    from.version = 7;
    std::swap(from, to);
    CHECK(WhyNotUnder(from, to).find("alone") != std::string::npos);
  }
}

}  // namespace
}  // namespace clustron::cluster
