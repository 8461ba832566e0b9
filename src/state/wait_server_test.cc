// Who is served, in which order, and what else becomes of those who wait: by entries applied by
// hand.
#include "state/wait_server.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "state/watch_history.h"
#include "store/tables/lock_table.h"
#include "tests/support/waiting_state.h"

namespace clustron::state {
namespace {

using cluster::ItemKind;
using cluster::WaitEnd;

using Fixture = WaitingState;

// With the rules of today.
struct Today : WaitingState {
  Today() { RaiseVersion(cluster::kFeatureVersion); }
};

TEST_CASE_FIXTURE(Fixture, "waiters are served as they came, whichever their nodes") {
  Ask(kThree, {"BLPOP", "k", "0"});
  Ask(kTwo, {"BLPOP", "k", "0"});
  const uint64_t mine = Ask(kOne, {"BLPOP", "k", "0"});
  CHECK(waits_by == std::vector<uint64_t>{mine});
  Do({"RPUSH", "k", "1"});
  Do({"RPUSH", "k", "2"});
  CHECK(served.empty());
  CHECK(waiting() == 1);
  Do({"RPUSH", "k", "3", "4"});
  CHECK(served[mine] == "*2\r\n$1\r\nk\r\n$1\r\n3\r\n");
  CHECK(waiting() == 0);
  CHECK(Read({"LRANGE", "k", "0", "-1"}) == "*1\r\n$1\r\n4\r\n");
}

TEST_CASE_FIXTURE(Fixture, "a push and the pops that it serves are one item: one revision") {
  Ask(kOne, {"BLMOVE", "a", "b", "LEFT", "LEFT", "0"});
  Ask(kOne, {"BLPOP", "b", "0"});
  const uint64_t before = executor.revision();
  Do({"RPUSH", "a", "x"});
  CHECK(executor.revision() == before + 1);
  CHECK(served.size() == 2);
  CHECK(waiting() == 0);
}

// What an entry may no longer hand over must not part an item from whom it serves.
TEST_CASE_FIXTURE(Fixture, "a push and its pop are told as one, behind any number of grants") {
  struct Told final : WatchSink {
    void OnRevision(const WatchRevision& revision) override {
      CHECK(revision.revision > last);
      last = revision.revision;
      for (const WatchEvent& event : revision.events) keys += std::string(event.key) + " ";
    }
    void OnReplaced(store::Revision) override {}
    store::Revision last = 0;
    std::string keys;
  } told;
  RaiseVersion(cluster::kFeatureVersion);
  Do({"CONFIG", "SET", "watches", "on"});
  Do({"LEASE", "GRANT", "60000", "ID", "big"});
  constexpr int kLocks = static_cast<int>(LockServer::kGrantsPerEntry) + 5;
  for (int i = 0; i < kLocks; i++) {
    const std::string name = "l" + std::to_string(i);
    Do({"LOCK", "ACQUIRE", name, "0", "LEASE", "big"});
    Do({"LOCK", "ACQUIRE", name, "60000", "ENQUEUE", "60000"});
  }
  Ask(kOne, {"BLPOP", "q", "0"});
  executor.news().changes().SetSink(&told);
  executor.news().changes().SetOwnNeeds(true, false);
  Items({CommandItem({"LEASE", "REVOKE", "big"}), CommandItem({"RPUSH", "q", "x"}),
         CommandItem({"SET", "k", "v"})});
  executor.news().changes().SetSink(nullptr);
  executor.news().changes().SetOwnNeeds(false, false);
  CHECK(told.keys == "k ");  // q came and went
}

TEST_CASE_FIXTURE(Fixture, "waiting changes no revision, but the digest") {
  const uint64_t revision = executor.revision();
  const uint64_t digest = executor.digest();
  const uint64_t full = executor.store().Digest();
  Ask(kTwo, {"BLPOP", "k", "0"});
  CHECK(executor.revision() == revision);
  CHECK(executor.digest() != digest);
  CHECK(executor.store().Digest() != full);
}

TEST_CASE_FIXTURE(Fixture, "a wait ends at the first entry whose clock has reached its time") {
  const uint64_t id = Ask(kOne, {"BLPOP", "k", "2.5"});
  CHECK(executor.NextWaitEndMs() == 3500);
  elapsed_ms = 3499;
  Items({});
  CHECK(served.empty());
  // What comes with that entry comes in time.
  elapsed_ms = 3500;
  const uint64_t other = Ask(kOne, {"BLPOP", "j", "0"});
  CHECK(served[id] == "*-1\r\n");
  CHECK(executor.NextWaitEndMs() == INT64_MAX);
  Do({"RPUSH", "k", "x"});
  CHECK(Read({"LLEN", "k"}) == ":1\r\n");
  Do({"RPUSH", "j", "x"});
  CHECK(served[other] == "*2\r\n$1\r\nj\r\n$1\r\nx\r\n");
  const uint64_t late = Ask(kOne, {"BLPOP", "last", "1"});
  elapsed_ms = 9000;
  Do({"RPUSH", "last", "x"});
  CHECK(served[late] == "*2\r\n$4\r\nlast\r\n$1\r\nx\r\n");
}

TEST_CASE_FIXTURE(Fixture, "whose node says so, waits no more; others' words do nothing") {
  const uint64_t gone = Ask(kOne, {"BLPOP", "k", "0"});
  const uint64_t unblocked = Ask(kOne, {"BLPOP", "k", "0"});
  Ask(kTwo, {"BLPOP", "k", "0"});
  Tell(kTwo, {.what = WaitNews::What::kEnd, .id = unblocked, .how = WaitEnd::kTimeout});
  CHECK(waiting() == 3);
  Tell(kOne, {.what = WaitNews::What::kEnd, .id = gone, .how = WaitEnd::kGone});
  Tell(kOne, {.what = WaitNews::What::kEnd, .id = unblocked, .how = WaitEnd::kUnblocked});
  Tell(kOne, {.what = WaitNews::What::kEnd, .id = unblocked, .how = WaitEnd::kTimeout});
  CHECK(served[unblocked] == "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
  CHECK(waiting() == 1);
  Do({"RPUSH", "k", "x", "y"});
  CHECK(Read({"LRANGE", "k", "0", "-1"}) == "*1\r\n$1\r\ny\r\n");
}

TEST_CASE_FIXTURE(Fixture, "parked waiters are not served, and keep their places") {
  const uint64_t mine = Ask(kOne, {"BLPOP", "k", "0"});
  Ask(kTwo, {"BLPOP", "k", "0"});
  Park(kOne);
  CHECK(parked == 1);
  CHECK(executor.ServedWaiters() == std::vector<Session>{kTwo});
  Do({"RPUSH", "k", "1", "2"});
  CHECK(served.empty());
  CHECK(waiting() == 1);
  // One that comes now waits like any other, until its node is taken for gone once more.
  CHECK(Ask(kOne, {"BLPOP", "other", "0"}) != 0);
  CHECK(executor.ServedWaiters() == std::vector<Session>{kOne});
  Tell(kOne, {.what = WaitNews::What::kBack});
  CHECK(served[mine] == "*2\r\n$1\r\nk\r\n$1\r\n2\r\n");
  CHECK(executor.ServedWaiters() == std::vector<Session>{kOne});
  // Nobody is parked by another boot's number.
  Park({1, 4});
  CHECK(parked == 1);
  CHECK(executor.ServedWaiters() == std::vector<Session>{kOne});
}

TEST_CASE_FIXTURE(Fixture, "a parked wait ends with its time as well") {
  const uint64_t mine = Ask(kOne, {"BLPOP", "k", "1"});
  Park(kOne);
  elapsed_ms = 2000;
  Items({});
  CHECK(served[mine] == "*-1\r\n");
  CHECK(waiting() == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "waiters of an earlier start of a node go with the first item of the next") {
  Ask(kTwo, {"BLPOP", "k", "0"});
  Ask(kThree, {"BLPOP", "k", "0"});
  const Session again{2, 9};
  sequences[2] = 0;
  Ask(again, {"SET", "x", "1"});
  CHECK(waiting() == 1);
  Items([] {
    std::string node;
    Writer(&node).U32(3);
    std::string item;
    const std::string_view args[] = {node};
    cluster::AppendItem({.kind = ItemKind::kEndSession}, args, &item);
    return std::vector<std::string>{item};
  }());
  CHECK(waiting() == 0);
  Do({"RPUSH", "k", "x"});
  CHECK(Read({"LLEN", "k"}) == ":1\r\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "nobody is told while entries are applied again; the state is the same") {
  Items({ItemOf(kOne, {"BLPOP", "k", "0"})}, true);
  Items({ItemOf(kOne, {"BLPOP", "k", "0"})}, true);
  Items({CommandItem({"RPUSH", "k", "x"})}, true);
  CHECK(served.empty());
  CHECK(waits_by.empty());
  CHECK(waiting() == 1);
}

TEST_CASE_FIXTURE(Fixture, "an item that is taken back makes nothing ready") {
  Ask(kOne, {"BLPOP", "k", "0"});
  Do({"TXN", "THEN", "2", "3", "RPUSH", "k", "x", "3", "LPUSHX", "none"});
  Do({"SET", "s", "v"});
  Do({"TXN", "THEN", "2", "3", "RPUSH", "k", "x", "3", "LPUSH", "s", "x"});
  CHECK(served.empty());
  CHECK(Read({"EXISTS", "k"}) == ":0\r\n");
  CHECK(waiting() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a lock holds waiters of its key back until it ends, however it ends") {
  Ask(kOne, {"BLPOP", "k", "0"});
  Ask(kTwo, {"BLMOVE", "from", "k", "LEFT", "LEFT", "0"});
  Do({"LOCK", "ACQUIRE", "k", "1000", "OWNER", "me"});
  const std::string token = std::to_string(LocksOf(executor.store()).Find(0, "k")->holder().token);
  Do({"LOCK", "DO", "k", token, "RPUSH", "k", "x"});
  Do({"RPUSH", "from", "y"});
  CHECK(served.empty());
  Do({"LOCK", "BREAK", "k"});
  // The lock held the second one back as well: it writes the key.
  CHECK(served.size() == 1);
  CHECK(waiting() == 0);
  CHECK(Read({"LRANGE", "k", "0", "-1"}) == "*1\r\n$1\r\ny\r\n");
}

TEST_CASE_FIXTURE(Fixture, "a lock of one key holds back who waits for another one as well") {
  const uint64_t id = Ask(kOne, {"BLPOP", "a", "b", "0"});
  Do({"LOCK", "ACQUIRE", "a", "1000", "OWNER", "me"});
  Do({"RPUSH", "b", "x"});
  CHECK(served.empty());
  Do({"LOCK", "BREAK", "a"});
  CHECK(served[id] == "*2\r\n$1\r\nb\r\n$1\r\nx\r\n");
}

TEST_CASE_FIXTURE(Fixture, "more waiters than may wait are refused by name") {
  for (size_t i = 0; i < store::WaitTable::kWaitersMax; i++) {
    WaitsOf(executor.store())
        .Add({.id = {{9, 1}, i + 1}, .command_id = 717, .args = {"k", "0"}, .keys = {"k"}});
  }
  const std::string item = ItemOf(kTwo, {"BLPOP", "k", "0"});
  Items({item});
  CHECK(waiting() == store::WaitTable::kWaitersMax);
  CHECK(Ask(kOne, {"BLPOP", "k", "0"}) != 0);
  CHECK(waits_by.empty());
}

// Many wait for one key: each push looks at the first alone.
TEST_CASE_FIXTURE(Fixture, "elements go to as many waiters as there are elements") {
  for (int i = 0; i < 10'000; i++) {
    WaitsOf(executor.store())
        .Add({.id = {kOne.node, kOne.boot, static_cast<uint64_t>(i + 1)},
              .command_id = 717,
              .args = {"k", "0"},
              .keys = {"k"}});
  }
  std::vector<std::string> elements;
  for (int i = 0; i < 3000; i++) elements.push_back(std::to_string(i));
  std::vector<std::string_view> words{"RPUSH", "k"};
  words.insert(words.end(), elements.begin(), elements.end());
  Do(words);
  CHECK(served.size() == 3000);
  CHECK(served[1] == "*2\r\n$1\r\nk\r\n$1\r\n0\r\n");
  CHECK(served[3000] == "*2\r\n$1\r\nk\r\n$4\r\n2999\r\n");
  CHECK(waiting() == 7000);
}

// What an item sets holds from its end on, and what it sets in vain never does.
TEST_CASE_FIXTURE(Today, "settings change within an item that changes keys: each revision once") {
  Do({"CONFIG", "SET", "watches", "on"});
  const WatchHistory& history = executor.news().changes().history();
  for (const char* setting : {"maxmemory", "watch-history-size"}) {
    CAPTURE(setting);
    const store::Revision before = executor.revision();
    Items({CommandItem(
               {"EXEC", "0", "2", "3", "SET", "a", "1", "4", "CONFIG", "SET", setting, "900mb"}),
           CommandItem({"SET", "b", "1"})});
    CHECK(executor.revision() == before + 2);
    WatchSearch search(0, true, "", before, 100);
    while (search.Step(history) == WatchSearch::Progress::kMore) {
    }
    CHECK(search.revisions() == 2);
  }
}

TEST_CASE_FIXTURE(Today, "a setting that is undone leaves the history as it was") {
  Do({"CONFIG", "SET", "watches", "on", "item-reply-max", "1024"});
  Do({"SET", "big", std::string(3000, 'x')});
  const WatchHistory& history = executor.news().changes().history();
  const store::Revision oldest = history.oldest();
  const store::Revision before = executor.revision();
  for (const char* off : {"watches", "watch-history-size"}) {
    CAPTURE(off);
    const char* value = off == std::string_view("watches") ? "off" : "0";
    Do({"EXEC", "0", "2", "4", "CONFIG", "SET", off, value, "2", "GET", "big"});
    CHECK(executor.revision() == before);
    CHECK(history.active());
    CHECK(history.oldest() == oldest);
    CHECK(history.newest() == before);
  }
  Do({"SET", "a", "1"});
  CHECK(history.newest() == executor.revision());
}

TEST_CASE_FIXTURE(Today, "upkeep of indexes that passes the budget undoes the command") {
  Do({"INDEX", "CREATE", "i", "ON", "HASH", "FIELDS", "2", "f", "TEXT", "g", "TEXT"});
  executor.SetItemWorkMax(1'000'000);
  std::string words;
  for (int i = 0; words.size() < 4000; ++i) words += "w" + std::to_string(i) + " ";
  const store::Revision before = executor.revision();
  const uint64_t mine = Ask(kOne, {"HSET", "k", "f", words, "g", words});
  CHECK(mine > 0);
  CHECK(executor.revision() == before);
  CHECK(Read({"EXISTS", "k"}) == ":0\r\n");
  Do({"EXEC", "0", "2", "4", "HSET", "k", "f", "one", "6", "HSET", "k2", "f", words, "g", words});
  CHECK(Read({"EXISTS", "k"}) == ":0\r\n");
  Do({"HSET", "k", "f", "one"});
  CHECK(Read({"EXISTS", "k"}) == ":1\r\n");
}

// The same everywhere: so what it has looked at before it is refused counts, too.
TEST_CASE_FIXTURE(Today, "queries that are refused use up an item's budget") {
  Do({"INDEX", "CREATE", "i", "ON", "HASH", "FIELDS", "1", "f", "NUM"});
  for (int i = 0; i < 200; ++i) Do({"HSET", "k" + std::to_string(i), "f", std::to_string(i)});
  Do({"CONFIG", "SET", "index-query-limit", "300"});
  executor.SetItemWorkMax(10'000);
  std::vector<std::string_view> exec = {"EXEC", "0", "101", "3", "SET", "a", "1"};
  for (int i = 0; i < 100; ++i)
    for (const char* word :
         {"9", "INDEX", "QUERY", "i", "WHERE", "f >= 0", "SORT", "1", "f", "ASC"})
      exec.push_back(word);
  Do(exec);
  CHECK(Read({"EXISTS", "a"}) == ":0\r\n");
}

}  // namespace
}  // namespace clustron::state
