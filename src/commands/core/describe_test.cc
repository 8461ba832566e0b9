#include "commands/core/describe.h"

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "commands/core/registry.h"
#include "commands/core/test_server.h"

namespace clustron::commands {

namespace {

std::vector<std::string> Split(const std::string& line, const std::string& by) {
  std::vector<std::string> parts;
  size_t at = 0;
  for (size_t end; (end = line.find(by, at)) != std::string::npos; at = end + by.size()) {
    parts.push_back(line.substr(at, end - at));
  }
  parts.push_back(line.substr(at));
  return parts;
}

std::set<std::string> Sorted(const std::vector<std::string_view>& names) {
  return {names.begin(), names.end()};
}

std::set<std::string> Sorted(const std::string& list) {
  const std::vector<std::string> parts = Split(list, ",");
  std::set<std::string> sorted(parts.begin(), parts.end());
  sorted.erase("");
  return sorted;
}

// A key spec as the fact sheet writes it: "RW,access @1 0/1/0".
std::string KeyFacts(const KeySpec& spec) {
  std::string flags;
  for (const std::string& name : Sorted(KeyFlagNames(spec.flags))) flags += name + ",";
  const auto n = [](int number) { return std::to_string(number); };
  std::string begin = "?";
  std::string find = "?";
  if (spec.begin == KeySpec::Begin::kIndex) begin = "@" + n(spec.begin_index);
  if (spec.begin == KeySpec::Begin::kKeyword) {
    begin = "@" + std::string(spec.keyword) + n(spec.begin_index);
  }
  if (spec.find == KeySpec::Find::kRange) {
    find = n(spec.last) + "/" + n(spec.step) + "/" + n(spec.limit);
  }
  if (spec.find == KeySpec::Find::kKeyNum) {
    find = "keynum(" + n(spec.keynum_index) + "," + n(spec.first_key) + "," + n(spec.keynum_step) +
           ")";
  }
  return flags + " " + begin + " " + find;
}

std::string NormalKeyFacts(const std::string& text) {
  const size_t blank = text.find(' ');
  std::string flags;
  for (const std::string& name : Sorted(text.substr(0, blank))) flags += name + ",";
  return flags + text.substr(blank);
}

const CommandSpec* FindRow(const std::string& name) {
  const size_t bar = name.find('|');
  const CommandSpec* spec = Registry::Get().Find(name.substr(0, bar));
  if (spec == nullptr || bar == std::string::npos) return spec;
  return Registry::Get().FindSub(*spec, name.substr(bar + 1));
}

}  // namespace

TEST_CASE("rows agree with the facts about Redis's commands") {
  std::ifstream facts("../shared/compat/commands.tsv");
  if (!facts) {
    MESSAGE("skipped: ../shared/compat/commands.tsv is not here");
    return;
  }
  std::string line;
  std::getline(facts, line);
  size_t compared = 0;
  while (std::getline(facts, line)) {
    const std::vector<std::string> fact = Split(line, "\t");
    REQUIRE(fact.size() >= 6);
    const CommandSpec* spec = FindRow(fact[0]);
    if (spec == nullptr) continue;  // comes later
    CAPTURE(fact[0]);
    compared++;
    CHECK(GroupName(spec->group) == fact[1]);
    CHECK(spec->since == fact[2]);
    CHECK(std::to_string(spec->arity) == fact[3]);
    CHECK(Sorted(FlagNames(*spec)) == Sorted(fact[4]));
    CHECK(Sorted(AclNames(AclCategories(*spec))) == Sorted(fact[5]));
    std::vector<std::string> keys;
    if (fact.size() > 6 && !fact[6].empty()) keys = Split(fact[6], " ; ");
    REQUIRE(spec->keys.size() == keys.size());
    for (size_t i = 0; i < keys.size(); i++) {
      CHECK(KeyFacts(spec->keys[i]) == NormalKeyFacts(keys[i]));
    }
  }
  CHECK(compared >= 80);
}

TEST_CASE("the old key range follows from the key specs") {
  const auto range = [](const char* name) {
    const LegacyRange r = LegacyKeyRange(FindRow(name)->keys);
    return std::vector{r.first, r.last, r.step};
  };
  CHECK(range("GET") == std::vector{1, 1, 1});
  CHECK(range("DEL") == std::vector{1, -1, 1});
  CHECK(range("MSET") == std::vector{1, -1, 2});
  CHECK(range("RENAME") == std::vector{1, 2, 1});
  CHECK(range("BITOP") == std::vector{2, -1, 1});
  CHECK(range("OBJECT|ENCODING") == std::vector{2, 2, 1});
  CHECK(range("DBSIZE") == std::vector{0, 0, 0});
}

TEST_CASE("COMMAND INFO has Redis's shape in both protocols") {
  TestServer server;
  const std::string resp2 =
      "*1\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n"
      "*3\r\n+@read\r\n+@string\r\n+@fast\r\n*0\r\n"
      "*1\r\n*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n"
      "$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$"
      "5\r\nindex\r\n"
      ":1\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\ntype\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n"
      "$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n*0\r\n";
  CHECK(server.Run("COMMAND INFO get") == resp2);
  CHECK(server.Run("COMMAND INFO nosuch") == "*1\r\n$-1\r\n");
  server.resp_version = 3;
  const std::string resp3 = server.Run("COMMAND INFO get");
  CHECK(resp3.starts_with("*1\r\n*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n"));
  CHECK(resp3.find("%3\r\n$5\r\nflags\r\n~2\r\n") != std::string::npos);
}

TEST_CASE("COMMAND DOCS tells the syntax of nested arguments") {
  TestServer server;
  server.resp_version = 3;
  const std::string docs = server.Run("COMMAND DOCS getex nosuch");
  CHECK(docs.starts_with("%1\r\n$5\r\ngetex\r\n%5\r\n$7\r\nsummary\r\n"));
  CHECK(docs.find(
            "$10\r\nexpiration\r\n$4\r\ntype\r\n$5\r\noneof\r\n$5\r\nflags\r\n~1\r\n+optional\r\n"
            "$9\r\narguments\r\n*5\r\n") != std::string::npos);
  CHECK(server.Run("COMMAND DOCS nosuch") == "%0\r\n");
}

TEST_CASE("COMMAND GETKEYS names what wrappers wrap") {
  TestServer server;
  CHECK(server.Run("COMMAND GETKEYS MSET a 1 b 2") == "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  CHECK(server.Run("COMMAND GETKEYS LOCK DO n 1 MSET a 1 b 2") ==
        "*3\r\n$1\r\nn\r\n$1\r\na\r\n$1\r\nb\r\n");
  CHECK(server.Run("COMMAND GETKEYS ONCE r 1000 LEASE DO l SET a 1") == "*1\r\n$1\r\na\r\n");
  CHECK(server.Run("COMMAND GETKEYS TXN IF 1 EXISTS c THEN 1 3 SET a 1") ==
        "*2\r\n$1\r\nc\r\n$1\r\na\r\n");
  CHECK(server.Run("COMMAND GETKEYSANDFLAGS SET a 1 GET") ==
        "*1\r\n*2\r\n$1\r\na\r\n*3\r\n+RW\r\n+access\r\n+update\r\n");
  CHECK(server.Run("COMMAND GETKEYS NOSUCH a") == "-ERR Invalid command specified\r\n");
  CHECK(server.Run("COMMAND GETKEYS DBSIZE a") == "-ERR The command has no key arguments\r\n");
  CHECK(server.Run("COMMAND GETKEYS BITOP AND") ==
        "-ERR Invalid number of arguments specified for command\r\n");
}

TEST_CASE("COMMAND LIST filters") {
  TestServer server;
  CHECK(server.Run("COMMAND LIST FILTERBY PATTERN getr*") == "*1\r\n$8\r\ngetrange\r\n");
  CHECK(server.Run("COMMAND LIST FILTERBY MODULE x") == "*0\r\n");
  CHECK(server.Run("COMMAND LIST FILTERBY ACLCAT hash").starts_with("*16\r\n"));
  CHECK(server.Run("COMMAND LIST FILTERBY ACLCAT nosuch") == "*0\r\n");
  CHECK(server.Run("COMMAND LIST FILTERBY PATTERN") == "-ERR syntax error\r\n");
  CHECK(server.Run("COMMAND LIST NOSUCH x y") == "-ERR syntax error\r\n");
}

}  // namespace clustron::commands
