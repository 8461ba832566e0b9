// What watches are told is what differs: each write of the command table is run, and the keys that
// changed by it are compared with the events.
#include "state/revision_changes.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "commands/core/test_server.h"
#include "commands/generic/dump_payload.h"
#include "state/apply_news.h"
#include "tests/support/write_examples.h"

namespace clustron::state {
namespace {

using store::Reason;

struct Told {
  WatchKind kind;
  Reason reason;
  int db;
  std::string key;
  std::string lease;
  std::string value;
  int64_t value_size;
  std::string previous;
  int64_t previous_size;
};

class NoWaits final : public WaitRunner {
  bool RunServed(const store::Wait&, const OwnCall&) override { return false; }
};

// Commands on a store whose changes go to watches, as in the executor.
class WatchedServer final : public commands::TestServer, private WatchSink {
 public:
  explicit WatchedServer(std::string_view mode = "previous") {
    store.set_observer(&news);
    news.changes().SetSink(this);
    news.changes().SetOwnNeeds(true, false);
    Run({"CONFIG", "SET", "watches", mode});
    news.EndRevision();
    told.clear();
  }
  ~WatchedServer() { store.set_observer(nullptr); }

  // The reply; what it changed is in `told`.
  std::string Do(std::string_view line) {
    told.clear();
    revisions = 0;
    std::string reply = Run(line);
    news.EndRevision();
    return reply;
  }
  void Expire(int64_t ms) {
    told.clear();
    Advance(ms);
    store.BeginItem();
    store.ExpireDue(1000);
    news.EndRevision();
  }

  std::vector<Told> told;
  int revisions = 0;
  NoWaits runner;
  WaitServer waits{store, runner};
  ApplyNews news{waits, store};

 private:
  void OnRevision(const WatchRevision& revision) override {
    ++revisions;
    CHECK(revision.revision == store.ItemRevision());
    for (const WatchEvent& e : revision.events)
      told.push_back({e.kind, e.reason, e.db, std::string(e.key), std::string(e.lease),
                      std::string(e.value), e.value_size, std::string(e.previous),
                      e.previous_size});
  }
  void OnReplaced(store::Revision) override {}
};

using Keys = std::map<std::pair<int, std::string>, std::string>;  // their DUMP

Keys AllKeys(const store::Store& store) {
  Keys keys;
  for (int db = 0; db < store::kDatabases; ++db)
    store.Scan(db, 0, SIZE_MAX, [&](const store::KeyRecord& record) {
      keys[{db, std::string(record.key())}] =
          std::to_string(record.revision()) + commands::DumpPayload(record);
    });
  return keys;
}

// What differs must be told, as it is now, and nothing else.
void CheckTold(const WatchedServer& server, const Keys& before) {
  const Keys after = AllKeys(server.store);
  std::set<int> reset;
  for (const Told& one : server.told)
    if (one.kind == WatchKind::kReset)
      for (int db = 0; db < store::kDatabases; ++db)
        if (one.db == db || one.db == WatchEvent::kAllDbs) CHECK(reset.insert(db).second);
  std::set<std::pair<int, std::string>> changed;
  for (const auto& [name, value] : before)
    if (const auto it = after.find(name); it == after.end() || it->second != value)
      changed.insert(name);
  for (const auto& [name, value] : after)
    if (!before.contains(name)) changed.insert(name);
  std::erase_if(changed, [&](const auto& name) { return reset.contains(name.first); });
  std::set<std::pair<int, std::string>> told;
  for (const Told& one : server.told) {
    if (one.kind == WatchKind::kReset) continue;
    CAPTURE(one.key);
    CHECK(told.insert({one.db, one.key}).second);  // each once
    CHECK((one.kind == WatchKind::kPut) == after.contains({one.db, one.key}));
    CHECK((one.previous_size == WatchEvent::kNone) == !before.contains({one.db, one.key}));
  }
  CHECK(told == changed);
  CHECK(server.revisions <= 1);
}

TEST_CASE("what each command changes is told, and nothing else") {
  for (const std::string_view mode : {"previous", "on"}) {
    for (const test::WriteExample& example : test::WriteExamples()) {
      CAPTURE(example.call);
      WatchedServer server(mode);
      for (const std::string_view line : example.before) REQUIRE(server.Do(line)[0] != '-');
      const Keys before = AllKeys(server.store);
      server.Do(example.call);
      if (mode == "previous") {
        CheckTold(server, before);
      } else {
        CHECK(server.revisions <= 1);
      }
    }
  }
}

TEST_CASE("values, leases, reasons, and the values before") {
  WatchedServer server;
  server.Do("SET k one");
  REQUIRE(server.told.size() == 1);
  CHECK(server.told[0].value == "one");
  CHECK(server.told[0].reason == Reason::kCmd);
  CHECK(server.told[0].previous_size == WatchEvent::kNone);
  server.Do("SET k two");
  REQUIRE(server.told.size() == 1);
  CHECK(server.told[0].previous == "one");
  server.Do("SET k one");
  server.Do("TXN THEN 2 3 APPEND k 2 3 APPEND k 3");
  REQUIRE(server.told.size() == 1);
  CHECK(server.told[0].value == "one23");
  CHECK(server.told[0].previous == "one");
  CHECK(server.told[0].reason == Reason::kTxn);
  server.Do("LEASE GRANT 1000 ID lease-1");
  CHECK(server.told.empty());
  server.Do("SET k x LEASE lease-1");
  REQUIRE(server.told.size() == 1);
  CHECK(server.told[0].lease == "lease-1");
  server.Do("SET k x KEEPTTL");
  REQUIRE(server.told.size() == 1);
  CHECK(server.told[0].lease == "lease-1");
  server.Do("LEASE REVOKE lease-1");
  REQUIRE(server.told.size() == 1);
  CHECK(server.told[0].kind == WatchKind::kDelete);
  CHECK(server.told[0].reason == Reason::kLease);
  CHECK(server.told[0].lease == "lease-1");
  CHECK(server.told[0].previous == "x");
  server.Do("SETEX k 10 v");
  server.Expire(10'000);
  REQUIRE(server.told.size() == 1);
  CHECK(server.told[0].reason == Reason::kExpire);
  CHECK(server.told[0].previous == "v");
  // Due, and written again before it was removed.
  server.Do("PSETEX k 10 v");
  server.Advance(10);
  server.Do("SET k w");
  REQUIRE(server.told.size() == 1);
  CHECK(server.told[0].kind == WatchKind::kPut);
  CHECK(server.told[0].value == "w");
}

TEST_CASE("a key that keeps its lease is told with it") {
  for (const std::string_view mode : {"on", "previous"}) {
    WatchedServer server(mode);
    server.Do("LEASE GRANT 1000 ID l");
    server.Do("SET k x LEASE l");
    server.Do("SET k y KEEPTTL");
    REQUIRE(server.told.size() == 1);
    CHECK(server.told[0].lease == "l");
    CHECK(server.told[0].value == "y");
    server.Do("SET k z");
    REQUIRE(server.told.size() == 1);
    CHECK(server.told[0].lease.empty());
  }
}

TEST_CASE("long values and those of other types are not told") {
  WatchedServer server;
  server.Do("SETRANGE k 65535 x");
  CHECK(server.told[0].value_size == 65536);
  server.Do("APPEND k x");
  CHECK(server.told[0].value_size == WatchEvent::kNotKept);
  CHECK(server.told[0].previous_size == 65536);
  server.Do("DEL k");
  CHECK(server.told[0].value_size == 0);
  CHECK(server.told[0].previous_size == WatchEvent::kNotKept);
  server.Do("RPUSH k x");
  CHECK(server.told[0].value_size == WatchEvent::kNotKept);
}

TEST_CASE("of a database one reset is told, however often it was emptied") {
  for (const char* call :
       {"TXN THEN 3 3 SET a 1 1 FLUSHDB 1 FLUSHALL", "TXN THEN 2 1 FLUSHALL 1 FLUSHDB",
        "TXN THEN 2 3 SWAPDB 0 1 1 FLUSHALL", "TXN THEN 2 1 FLUSHALL 3 SWAPDB 0 1"}) {
    CAPTURE(call);
    WatchedServer server;
    server.Do("SET k x");
    server.Do(call);
    REQUIRE(server.told.size() == 1);
    CHECK(server.told[0].db == WatchEvent::kAllDbs);
    CHECK(server.told[0].reason == Reason::kFlush);
  }
}

TEST_CASE("a key that ends with its lease names it, whatever else the item changed between") {
  WatchedServer server;
  server.Do("LEASE GRANT 1000 ID lease-1");
  server.Do("SET k x LEASE lease-1");
  server.Do("TXN THEN 4 3 SET a 1 3 APPEND k y 3 SET b 1 3 LEASE REVOKE lease-1");
  REQUIRE(server.told.size() == 3);
  CHECK(server.told[1].key == "k");
  CHECK(server.told[1].kind == WatchKind::kDelete);
  CHECK(server.told[1].lease == "lease-1");
  CHECK(server.told[2].lease.empty());
}

TEST_CASE("what an item changed twice is forgotten with it") {
  WatchedServer server;
  server.Do("MSET a1 x a1 y");
  REQUIRE(server.told.size() == 1);
  CHECK(server.told[0].value == "y");
  server.Do("TXN THEN 2 3 SET a2 x 2 DEL a2");
  CHECK(server.told.empty());
  server.Do("DEL a2 a1");
  REQUIRE(server.told.size() == 1);
  CHECK(server.told[0].key == "a1");
}

// What the history has of a key or prefix.
std::vector<WatchEvent> InHistory(const WatchHistory& history, WatchSearch& search) {
  std::vector<WatchEvent> events;
  while (search.Step(history) == WatchSearch::Progress::kMore) {
  }
  search.ForEach([&](store::Revision, const WatchEvent& event) { events.push_back(event); });
  return events;
}

TEST_CASE("the history has what is told, whatever else the item does") {
  for (const std::string_view mode : {"on", "previous"}) {
    for (const char* call :
         {"SET k v", "SET k v LEASE l", "SET held v KEEPTTL", "APPEND k v", "DEL held",
          "SETRANGE long 5000 x", "SETRANGE k 66000 x", "RPUSH list x", "MSET k v k w",
          "MSET k v other w", "RENAME held k", "LEASE REVOKE l", "SET held v", "GETDEL held",
          "TXN THEN 2 3 SET k v 2 DEL k", "TXN THEN 2 2 DEL held 3 SET held v",
          "TXN THEN 2 3 SET k v 3 EXPIRE k 10", "TXN THEN 2 3 SET k v 1 FLUSHDB"}) {
      CAPTURE(call);
      WatchedServer server(mode);
      const WatchHistory& history = server.news.changes().history();
      server.Do("LEASE GRANT 1000 ID l");
      server.Do("SET held x LEASE l");
      const store::Revision before = server.store.revision();
      REQUIRE(server.Do(call)[0] != '-');
      WatchSearch search(0, true, "", before, 100);
      const std::vector<WatchEvent> found = InHistory(history, search);
      REQUIRE(found.size() == server.told.size());
      for (size_t i = 0; i < found.size(); ++i) {
        const Told& told = server.told[i];
        CHECK(found[i].kind == told.kind);
        CHECK(found[i].reason == told.reason);
        CHECK(found[i].db == (told.kind == WatchKind::kReset ? told.db : 0));
        CHECK(found[i].key == told.key);
        CHECK(found[i].lease == told.lease);
        CHECK(found[i].value == told.value);
        CHECK(found[i].value_size == told.value_size);
        CHECK(found[i].previous == told.previous);
        CHECK(found[i].previous_size == told.previous_size);
      }
    }
  }
}

TEST_CASE("what an item has changed is in the history when the item is done, not before") {
  WatchedServer server("on");
  const WatchHistory& history = server.news.changes().history();
  const store::Revision before = history.newest();
  server.told.clear();
  server.Run("SET k v");
  CHECK(server.news.changes().any());
  CHECK(history.newest() == before);
  CHECK(server.told.empty());
  WatchSearch early(0, false, "k", before, 100);
  CHECK(InHistory(history, early).empty());
  server.news.EndRevision();
  CHECK_FALSE(server.news.changes().any());
  CHECK(history.newest() == before + 1);
  CHECK(server.told.size() == 1);
  WatchSearch search(0, false, "k", before, 100);
  CHECK(InHistory(history, search).size() == 1);
}

TEST_CASE("the history counts for maxmemory, within its own setting") {
  WatchedServer server("on");
  server.Do("CONFIG SET watch-history-size 1mb");
  server.Do("SET k v");
  const size_t before = server.store.used_bytes();
  for (int i = 0; i < 5000; ++i) server.Do("SETRANGE k 99 " + std::to_string(i % 10));
  const size_t grown = server.store.used_bytes() - before;
  CHECK(grown > 512 << 10);
  CHECK(grown < 1280 << 10);
  server.Do("CONFIG SET watch-history-size 300kb");
  CHECK(server.store.used_bytes() - before < 640 << 10);
  server.Do("CONFIG SET watches off");
  CHECK(server.store.used_bytes() < before);
}

// Keyspace notifications and the leader's counters beside the history: all hear of all.
TEST_CASE("who else hears of every change hears of it while the history is kept, too") {
  class Counts final : public store::Observer {
   public:
    void OnChange(const store::Change&) override { ++changes; }
    void OnNotify(int, std::string_view, store::Event) override {}
    void OnFlush(int, store::Revision) override {}
    void OnSwap(int, int, store::Revision) override {}
    void OnLease(const store::LeaseEvent&) override {}
    void OnLock(const store::LockEvent&) override {}
    int changes = 0;
  };
  Counts others;
  WatchedServer server("on");
  server.news.SetDownstream(&others);
  for (const char* command : {"SET k v", "SET k w", "MSET a x b y", "SET k x"}) server.Do(command);
  CHECK(others.changes == 5);
  server.news.SetDownstreamFollows(false);
  server.Do("SET k v");
  server.Do("SET k w");
  CHECK(others.changes == 5);
  server.news.SetDownstreamFollows(true);
  server.Do("SET k v");
  CHECK(others.changes == 6);
  WatchSearch search(0, false, "k", server.news.changes().history().oldest(), 100);
  CHECK(InHistory(server.news.changes().history(), search).size() == 6);
}

TEST_CASE("nobody is told while nobody watches here, and the history goes on") {
  WatchedServer server("on");
  server.news.changes().SetOwnNeeds(false, false);
  const store::Revision before = server.store.revision();
  server.Do("SET k v");
  server.Do("MSET a x b y");
  CHECK(server.told.empty());
  WatchSearch search(0, true, "", before, 100);
  CHECK(InHistory(server.news.changes().history(), search).size() == 3);
}

// An item may change the settings of the history behind its first change.
TEST_CASE("a history that an item sets anew does not have what the item did before") {
  for (const char* last : {"CONFIG SET watches off", "CONFIG SET watch-history-size 0",
                           "CONFIG SET watch-history-size 600"}) {
    CAPTURE(last);
    WatchedServer server("on");
    server.told.clear();
    server.Run("SET k v");
    // Without a new item, as EXEC runs it.
    const Result<bool> set = server.store.ChangeSetting(
        *store::FindSetting(std::string_view(last).find("size") == std::string_view::npos
                                ? "watches"
                                : "watch-history-size"),
        std::string_view(last).substr(std::string_view(last).rfind(' ') + 1));
    REQUIRE(set.has_value());
    server.news.changes().OnSetting();
    server.news.EndRevision();
    REQUIRE(server.told.size() == 1);
    CHECK(server.told[0].key == "k");
    CHECK_FALSE(server.news.changes().any());
  }
}

TEST_CASE("without a history and watches nothing is gathered") {
  WatchedServer server;
  server.Do("CONFIG SET watches off");
  server.news.changes().SetOwnNeeds(false, false);
  CHECK_FALSE(server.news.changes().wanted());
  server.Do("SET k v");
  CHECK(server.told.empty());
  server.news.changes().SetOwnNeeds(true, false);
  server.Do("SET k v");
  CHECK(server.told.size() == 1);
  CHECK_FALSE(server.news.changes().history().active());
  server.news.changes().SetOwnNeeds(false, false);
  server.Do("SET k v");
  CHECK(server.told.empty());
}

}  // namespace
}  // namespace clustron::state
