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
    Run({"CONFIG", "SET", "watches", mode});
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

TEST_CASE("without a history and watches nothing is gathered") {
  WatchedServer server;
  server.Do("CONFIG SET watches off");
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
