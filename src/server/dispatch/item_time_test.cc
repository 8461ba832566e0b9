// The nominal time of items that run other commands (base/work_meter.h): from which feature version
// on, for whom, and that it follows what commands do.
#include <memory>
#include <string>
#include <vector>

#include "base/work_meter.h"
#include "cluster/log/feature_version.h"
#include "commands/core/registry.h"
#include "tests/support/budget_bench.h"

namespace clustron::server {
namespace {

struct Timed : Budget {
  explicit Timed(uint16_t version = cluster::kFeatureVersion) : Budget(version) {}
  void LimitNs(uint64_t ns) {
    for (Node* node : {&with, &without}) node->executor.SetItemWorkMax(10 * ns);
  }
  void LimitExecNs(uint64_t ns) {
    for (Node* node : {&with, &without}) node->executor.SetItemWorkMax(ns / 2);
  }
  void Fill(const std::string& key, size_t count, const std::string& text = "e:") {
    for (size_t at = 0; at < count; at += 1000) {
      Words words = {"RPUSH", key};
      for (size_t i = at; i < std::min(count, at + 1000); i++)
        words.push_back(text + std::to_string(i));
      Run(words);
    }
  }
  void FillHash(const std::string& key, size_t count) {
    for (size_t at = 0; at < count; at += 1000) {
      Words words = {"HSET", key};
      for (size_t i = at; i < std::min(count, at + 1000); i++) {
        words.push_back("f:" + std::to_string(i));
        words.push_back("v:" + std::to_string(i));
      }
      Run(words);
    }
  }
  // Of an EXEC with this command in it.
  uint64_t NsOf(const Words& words) {
    const std::string reply = Exec({{"SET", "x", "1"}, words});
    CAPTURE(words[0]);
    CAPTURE(reply.substr(0, 100));
    CHECK(reply.starts_with("*2\r\n+OK\r\n"));
    return store().work().spent_ns();
  }
};

TEST_CASE("what runs other commands has nominal time, from feature version 5 on") {
  for (const uint16_t version : {uint16_t{4}, cluster::kItemsHaveTime}) {
    CAPTURE(version);
    Timed t(version);
    t.Fill("l", 2000);
    t.LimitExecNs(50'000);
    const bool bounded = version >= cluster::kItemsHaveTime;
    const std::vector<Words> commands = {
        {"SET", "k", "v"}, {"LPOS", "l", "x"}, {"LPOS", "l", "x"}, {"LPOS", "l", "x"}};
    const Words txn = {"TXN", "THEN", "3", "3",       "SET", "k",      "v",    "3", "LPOS",
                       "l",   "x",    "5", "LINSERT", "l",   "BEFORE", "none", "z"};
    if (bounded) {
      t.Refused("EXECABORT", [&] { return t.Exec(commands); });
      t.LimitNs(30'000);
      t.Refused("TXNLIMIT", [&] { return t.Run(txn); });
      t.LimitNs(10'000);
      t.Refused("ERR", [&] {
        return t.Run({"ONCE", "id", "1000", "LINSERT", "l", "BEFORE", "none", "z"});
      });
    } else {
      CHECK(t.Exec(commands).starts_with("*4\r\n+OK\r\n"));
      CHECK(t.Run(txn).starts_with("*3\r\n:1\r\n"));
      CHECK(t.Run({"ONCE", "id", "1000", "LINSERT", "l", "BEFORE", "none", "z"}) == ":-1\r\n");
    }
    // A plain command has none.
    CHECK(t.Run({"LINSERT", "l", "BEFORE", "none", "z"}) == ":-1\r\n");
    CHECK(t.Run({"LREM", "l", "0", "none"}) == ":0\r\n");
    t.LimitExecNs(500'000);
    CHECK(t.Exec(commands).starts_with("*4\r\n+OK\r\n"));
  }
}

// Outside of entries.
std::string Read(Timed& t, const std::vector<std::string_view>& args) {
  const commands::CommandSpec* container = nullptr;
  const commands::CommandSpec* spec = commands::Registry::Get().Resolve(args, &container);
  REQUIRE(spec != nullptr);
  resp::ReplyChunks out;
  t.with.executor.RunHere(*spec, args, {.db = 0}, &out);
  return out.TakeAll();
}

TEST_CASE("a TXN of reads has nominal time, an EXEC of reads has none") {
  Timed t;
  t.Fill("l", 2000);
  const std::vector<std::string_view> txn = {"TXN", "THEN", "2",    "3", "LPOS", "l",
                                             "x",   "3",    "LPOS", "l", "x"};
  CHECK(Read(t, txn).starts_with("*3\r\n:1\r\n"));
  t.LimitNs(30'000);
  CHECK(Read(t, txn).starts_with("-TXNLIMIT nothing was done"));
  CHECK(Read(t, {"LPOS", "l", "x", "COUNT", "0"}) == "*0\r\n");
  const std::string_view lpos[] = {"LPOS", "l", "x"};
  commands::ExecEncoder exec({}, 3);
  for (int i = 0; i < 3; i++) exec.Add(lpos);
  const commands::Args args = exec.args();
  CHECK(Read(t, {args.begin(), args.end()}).starts_with("*3\r\n"));
}

TEST_CASE("nominal time follows what a command goes over") {
  Timed t;
  t.Fill("l1", 10'000);
  t.Fill("l2", 20'000);
  t.FillHash("h1", 10'000);
  t.FillHash("h2", 20'000);
  struct Asked {
    Words one;
    Words two;
    uint64_t ns_each;  // at least so much for each of 10,000 elements
  };
  const std::vector<Asked> asked = {
      {{"LPOS", "l1", "x"}, {"LPOS", "l2", "x"}, 10},
      {{"LREM", "l1", "0", "x"}, {"LREM", "l2", "0", "x"}, 5},
      {{"LINSERT", "l1", "AFTER", "x", "y"}, {"LINSERT", "l2", "AFTER", "x", "y"}, 5},
      {{"LRANGE", "l1", "0", "-1"}, {"LRANGE", "l2", "0", "-1"}, 25},
      {{"HGETALL", "h1"}, {"HGETALL", "h2"}, 50},
      {{"HKEYS", "h1"}, {"HKEYS", "h2"}, 25},
      {{"HSCAN", "h1", "0", "COUNT", "100000"}, {"HSCAN", "h2", "0", "COUNT", "100000"}, 100},
  };
  for (const Asked& a : asked) {
    CAPTURE(a.one[0]);
    const uint64_t one = t.NsOf(a.one);
    const uint64_t two = t.NsOf(a.two);
    CHECK(one >= a.ns_each * 10'000);
    CHECK(two > one * 19 / 10);
    CHECK(two < one * 21 / 10);
  }
  // What shares pieces costs little, however long it is.
  t.Run({"SETRANGE", "zeros", "200000000", "x"});
  for (const Words& words : std::vector<Words>{{"COPY", "zeros", "copy", "REPLACE"},
                                               {"SETRANGE", "far", "300000000", "x"},
                                               {"SETBIT", "bits", "4000000000", "1"}}) {
    CAPTURE(words[0]);
    CHECK(t.NsOf(words) < 3'000'000);
    t.Run({"DEL", "copy", "far", "bits"});
  }
}

TEST_CASE("of a reply counts what is copied, not what is referred to, wherever its client is") {
  Timed t;
  t.Run({"SET", "short", std::string(4000, 'v')});
  t.Run({"SET", "long", std::string(1'000'000, 'v')});
  t.LimitExecNs(8000);
  const Words write = {"SET", "k", "v"};
  std::vector<Words> commands = {write, {"GET", "long"}, {"GET", "long"}, {"GET", "long"}};
  CHECK(t.Exec(commands).size() > 3'000'000);
  commands = {write, {"GET", "short"}, {"GET", "short"}, {"GET", "short"}};
  CHECK(t.Exec(commands).size() > 12'000);
  commands.push_back({"GET", "short"});
  t.Refused("EXECABORT", [&] { return t.Exec(commands); });
}

}  // namespace
}  // namespace clustron::server
