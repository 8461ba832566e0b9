#include "server/process/directory_check.h"
// The checks of tests are doctest's.
#include <doctest/doctest.h>

#include "tests/sim/sim_fs.h"

namespace clustron::server {
namespace {

std::vector<cluster::Member> List(std::initializer_list<uint16_t> ports) {
  std::vector<cluster::Member> members;
  for (const uint16_t port : ports)
    members.push_back({static_cast<uint32_t>(members.size() + 1), "h", port,
                       static_cast<uint16_t>(port + 10000)});
  return members;
}

TEST_CASE("a redis-server's data are not taken for an empty directory") {
  sim::SimFs fs;
  REQUIRE(fs.MakeDir("/d").has_value());
  Config config;
  REQUIRE(
      config.LoadText("dbfilename other.rdb\nDBFilename prod.rdb\nappendfilename \"\"\n"
                      "appenddirname my-aof\n",
                      "x"));
  CHECK(CheckForeignData(fs, "/d", config).has_value());
  REQUIRE(fs.Open("/d/other.rdb", persist::OpenMode::kCreate).has_value());
  CHECK(CheckForeignData(fs, "/d", config).has_value());  // the last line holds
  const char* name = nullptr;
  SUBCASE("RDB") { name = "/d/dump.rdb"; }
  SUBCASE("AOF") { name = "/d/appendonly.aof"; }
  SUBCASE("RDB under another name") { name = "/d/prod.rdb"; }
  SUBCASE("AOF under another name") { name = "/d/my-aof"; }
  REQUIRE(fs.Open(name, persist::OpenMode::kCreate).has_value());
  const Status refused = CheckForeignData(fs, "/d", config);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().detail.starts_with(name));
  CHECK(refused.error().detail.find("dir") != std::string::npos);
}

TEST_CASE("who was formed alone joins no list; members with another list are told both") {
  cluster::Genesis genesis;
  genesis.members = List({1});
  const auto alone = CheckInitial("/d", "abc", genesis, List({1, 2, 3}));
  REQUIRE_FALSE(alone.has_value());
  CHECK(alone.error().detail.find("formed alone, at h:1") != std::string::npos);
  CHECK(alone.error().detail.find("h:1,h:2,h:3") != std::string::npos);
  genesis.members = List({1, 2, 3});
  CHECK(CheckInitial("/d", "abc", genesis, List({1, 2, 3})) == "");
  const auto other = CheckInitial("/d", "abc", genesis, List({1, 3, 2}));
  REQUIRE(other.has_value());
  CHECK(other->find("h:1,h:3,h:2") != std::string::npos);
  CHECK(other->find("h:1,h:2,h:3") != std::string::npos);
  // A list of this node alone is another one, too.
  const auto one = CheckInitial("/d", "abc", genesis, List({1}));
  REQUIRE(one.has_value());
  CHECK(one->find("(h:1)") != std::string::npos);
  genesis.members = List({1});
  CHECK(CheckInitial("/d", "abc", genesis, List({1})) == "");
  CHECK(CheckInitial("/d", "abc", genesis, List({2}))->find("differs") != std::string::npos);
}

TEST_CASE("a genesis and a state that can't be of one cluster are named both") {
  cluster::Genesis genesis;
  genesis.members = List({1, 2, 3});
  cluster::ConfigRecord applied = genesis.FirstRecord();
  CHECK(CheckGenesis("/d", "abc", genesis, applied).has_value());
  const auto refused = [&](std::string_view text) {
    const Status checked = CheckGenesis("/d", "abc", genesis, applied);
    REQUIRE_FALSE(checked.has_value());
    for (const std::string_view word : {"/d: ", "cluster abc", "h:1,h:2,h:3", "h:1,h:2,h:4"})
      CHECK(checked.error().detail.find(word) != std::string::npos);
    CHECK(checked.error().detail.find(text) != std::string::npos);
  };
  applied.members = List({1, 2, 4});
  refused("version 0 of the configuration is another one");
  applied.version = 1;  // node 3 has moved since
  CHECK(CheckGenesis("/d", "abc", genesis, applied).has_value());
  applied.members[2].node = 4;
  refused("who votes");
}

TEST_CASE("a list is shown as it is written in cluster-initial") {
  std::vector<cluster::Member> list = {{1, "::1", 7000, 17000}, {2, "h", 7000, 7001}};
  CHECK(cluster::ListText(list) == "[::1]:7000,h:7000@7001");
}

}  // namespace
}  // namespace clustron::server
