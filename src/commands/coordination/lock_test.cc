#include <string>
#include <utility>
#include <vector>

#include "commands/core/registry.h"
#include "commands/core/test_server.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"

namespace clustron::commands {

namespace {

uint64_t Token(const TestServer& server, std::string_view name) {
  return LocksOf(server.store).Find(0, name)->holder().token;
}

class Events : public store::Observer {
 public:
  void OnChange(const store::Change&) override {}
  void OnNotify(int, std::string_view, store::Event) override {}
  void OnFlush(int, store::Revision) override {}
  void OnSwap(int, int, store::Revision) override {}
  void OnLease(const store::LeaseEvent& e) override {
    text += "lease" + std::to_string(static_cast<int>(e.kind)) + " ";
  }
  void OnLock(const store::LockEvent& e) override {
    text += "lock" + std::to_string(static_cast<int>(e.kind)) + " ";
  }
  std::string text;
};

}  // namespace

TEST_CASE("a lock has one holder, and its tokens rise") {
  TestServer server;
  CHECK(server.Run("LOCK ACQUIRE n 1000 OWNER me") == "*3\r\n:1\r\n:1\r\n:1000\r\n");
  CHECK(server.Run("LOCK ACQUIRE n 5000 OWNER you") == "*4\r\n:0\r\n:1\r\n:1000\r\n$2\r\nme\r\n");
  // The same attempt again: the same grant, not extended.
  CHECK(server.Run("LOCK ACQUIRE n 5000 OWNER me") == "*3\r\n:1\r\n:1\r\n:1000\r\n");
  CHECK(server.Run("LOCK RELEASE n 7") == ":0\r\n");
  CHECK(server.Run("LOCK CHECK n 1") == ":1\r\n");
  CHECK(server.Run("LOCK RELEASE n 1") == ":1\r\n");
  CHECK(server.Run("LOCK CHECK n 1") == ":0\r\n");
  CHECK(server.Run("LOCK RELEASE n 1") == ":0\r\n");
  CHECK(server.Run("LOCK ACQUIRE n 1000") == "*3\r\n:1\r\n:3\r\n:1000\r\n");
  // Without an owner no two attempts are the same.
  CHECK(server.Run("LOCK ACQUIRE n 1000").starts_with("*4\r\n:0\r\n:3\r\n"));
  CHECK(server.Run("LOCK BREAK n") == ":1\r\n");
  CHECK(server.Run("LOCK BREAK n") == ":0\r\n");
}

TEST_CASE("a call tells by its options whether it waits, and which programs know it") {
  const CommandSpec* spec = Registry::Get().ById(550);
  const auto facts = [&](const std::vector<std::string_view>& more) {
    std::vector<std::string_view> args{"LOCK", "ACQUIRE", "n", "1000"};
    args.insert(args.end(), more.begin(), more.end());
    return std::pair(spec->MayWait(args), spec->FeatureVersionOf(args));
  };
  CHECK(facts({}) == std::pair(false, uint16_t{1}));
  CHECK(facts({"OWNER", "WAIT", "LEASE", "SHARED", "ADVISORY"}) == std::pair(false, uint16_t{1}));
  CHECK(facts({"wait", "0"}) == std::pair(true, uint16_t{5}));
  CHECK(facts({"OWNER", "o", "ENQUEUE", "1000"}) == std::pair(false, uint16_t{5}));
  CHECK(facts({"SHARED"}) == std::pair(false, uint16_t{5}));
  CHECK(facts({"LIMIT", "3"}) == std::pair(false, uint16_t{5}));
  CHECK(facts({"DELAY", "3"}) == std::pair(false, uint16_t{5}));
}

TEST_CASE("wrong calls change nothing") {
  TestServer server;
  for (const char* option : {"SHARED LIMIT 2", "LIMIT 0", "LIMIT 65537", "DELAY 3600001", "WAIT -1",
                             "ENQUEUE 99", "WAIT 1 ENQUEUE 100", "WAIT", "NOSUCH"}) {
    CAPTURE(option);
    CHECK(server.Run(std::string("LOCK ACQUIRE n 1000 ") + option).starts_with("-ERR "));
  }
  CHECK(server.Run("LOCK ACQUIRE n 99").starts_with("-ERR "));
  CHECK(server.Run("LOCK ACQUIRE n 0").starts_with("-ERR "));
  CHECK(server.Run("LOCK ACQUIRE n x").starts_with("-ERR "));
  CHECK(LocksOf(server.store).size() == 0);
}

TEST_CASE("LOCK DO writes under the lock and fences who lost it") {
  TestServer server;
  server.Run("LOCK ACQUIRE k 1000");
  const std::string old = std::to_string(Token(server, "k"));
  CHECK(server.Run("SET k v").starts_with("-LOCKED "));
  CHECK(server.Run("LOCK DO k " + old + " SET k v") == "+OK\r\n");
  CHECK(server.Run("LOCK DO k " + old + " GET k") == "$1\r\nv\r\n");
  server.Run("LOCK BREAK k");
  CHECK(server.Run("LOCK DO k " + old + " SET k x") == "-FENCED current=0 lock 'k' is free\r\n");
  server.Run("LOCK ACQUIRE k 1000");
  const std::string now = std::to_string(Token(server, "k"));
  CHECK(server.Run("LOCK DO k " + old + " SET k x") ==
        "-FENCED current=" + now + " lock 'k' is held with token " + now + "\r\n");
  CHECK(server.Run("GET k") == "$1\r\nv\r\n");
  CHECK(server.Run("LOCK DO k " + now + " SET other x") == "+OK\r\n");
  CHECK(server.Run("LOCK DO k " + now + " MULTI").starts_with("-ERR "));
  CHECK(server.Run("LOCK DO k x SET k 1") == "-ERR value is not an integer or out of range\r\n");
}

TEST_CASE("several locks are shown by nesting") {
  TestServer server;
  server.Run("LOCK ACQUIRE a 1000");
  server.Run("LOCK ACQUIRE b 1000");
  const std::string a = std::to_string(Token(server, "a"));
  const std::string b = std::to_string(Token(server, "b"));
  CHECK(server.Run("LOCK DO a " + a + " MSET a 1 b 2").starts_with("-LOCKED "));
  CHECK(server.Run("LOCK DO a " + a + " LOCK DO b " + b + " MSET a 1 b 2") == "+OK\r\n");
  std::string deep;
  for (int i = 0; i < 12; i++) deep += "LOCK DO a " + a + " ";
  CHECK(server.Run(deep + "SET a 3").starts_with("-ERR "));
}

TEST_CASE("commands nested as deep as a request can be are refused at once") {
  TestServer server;
  for (const size_t depth : {9u, 64u, 100'000u}) {
    CAPTURE(depth);
    for (const std::vector<std::string_view>& wrapper :
         {std::vector<std::string_view>{"LOCK", "DO", "a", "1"},
          std::vector<std::string_view>{"LEASE", "DO", "l"},
          std::vector<std::string_view>{"ONCE", "r", "1000"}}) {
      std::vector<std::string_view> call;
      for (size_t i = 0; i < depth; i++) call.insert(call.end(), wrapper.begin(), wrapper.end());
      call.insert(call.end(), {"SET", "a", "1"});
      CHECK(server.Run(call)[0] == '-');
    }
    std::vector<std::string> words;
    for (size_t i = depth; i-- > 0;) {
      words.insert(words.end(), {"TXN", "THEN", "1", std::to_string(3 + 4 * i)});
    }
    words.insert(words.end(), {"SET", "a", "1"});
    const std::vector<std::string_view> call(words.begin(), words.end());
    CHECK(server.Run(call) == "-ERR command 1 (TXN THEN ...): commands are nested too deep\r\n");
  }
  CHECK(server.Run("EXISTS a") == ":0\r\n");
}

TEST_CASE("a lock ends with its lease") {
  TestServer server;
  CHECK(server.Run("LOCK ACQUIRE n 1000 LEASE l1").starts_with("-NOLEASE "));
  CHECK(server.Run({"LOCK", "ACQUIRE", "n", "1000", "LEASE", ""}).starts_with("-NOLEASE "));
  server.Run("LEASE GRANT 5000 ID l1");
  CHECK(server.Run("LOCK ACQUIRE n 1000 LEASE l1").starts_with("*3\r\n:1\r\n"));
  CHECK(server.Run("LOCK INFO n").find("$2\r\nl1\r\n") != std::string::npos);
  server.Run("LEASE REVOKE l1");
  CHECK(server.Run("LOCK INFO n") == "$-1\r\n");
}

TEST_CASE("a lease has so many locks and tickets that its end is short work") {
  TestServer server;
  server.Run("LEASE GRANT 5000 ID l1");
  server.Run("LOCK ACQUIRE held 5000 OWNER other");
  const std::string full =
      "-BUSY the lease has 16384 locks and tickets, as many as it may have\r\n";
  const auto acquire = [&](std::string_view name, std::string_view owner) {
    return server.Run({"LOCK", "ACQUIRE", name, "1000", "OWNER", owner, "LEASE", "l1"});
  };
  const auto enqueue = [&](std::string_view owner) {
    return server.Run(
        {"LOCK", "ACQUIRE", "held", "1000", "OWNER", owner, "LEASE", "l1", "ENQUEUE", "1000"});
  };
  const store::Lease& lease = *LeasesOf(server.store).Find("l1");
  while (lease.locks.size() + 1 < store::kLeaseLocksMax) {
    const std::string name = "n" + std::to_string(lease.locks.size());
    REQUIRE(acquire(name, "o").starts_with("*3\r\n:1\r\n"));
  }
  REQUIRE(enqueue("last").starts_with("*3\r\n:0\r\n"));
  CHECK(enqueue("more") == full);
  CHECK(server.Run("LOCK ACQUIRE held 1000 LEASE l1 WAIT 1000") == full);
  // Who asks anew for what he has gets it.
  CHECK(acquire("n0", "o").starts_with("*3\r\n:1\r\n"));
  CHECK(enqueue("last").starts_with("*3\r\n:0\r\n"));
  // Programs from before queues granted without a bound: so do their entries.
  CHECK(acquire("free", "o").starts_with("*3\r\n:1\r\n"));
  LocksOf(server.store).set_keeps_age(true);
  CHECK(acquire("another", "o") == full);
  CHECK(server.Run("LOCK ACQUIRE another 1000") == "*3\r\n:1\r\n:16388\r\n:1000\r\n");
  CHECK(server.Run("LOCK ACQUIRE held 1000 LEASE l1").starts_with("*4\r\n:0\r\n"));
}

TEST_CASE("renewals above the granted TTL are entries") {
  TestServer server;
  class Timers : public LeaderTimers {
   public:
    Touch KeepAlive(std::string_view, uint64_t, int64_t*) override { return Touch::kGone; }
    Touch Renew(int, std::string_view, uint64_t, int64_t ttl_ms, int64_t* remaining_ms) override {
      *remaining_ms = ttl_ms;
      return touch;
    }
    std::optional<int64_t> LeaseRemainingMs(std::string_view) override { return {}; }
    std::optional<int64_t> LockRemainingMs(int, std::string_view, uint64_t) override { return 123; }
    Touch touch = Touch::kOk;
  } timers;
  server.Run("LOCK ACQUIRE n 1000");
  server.timers = &timers;
  CHECK(server.Run("LOCK RENEW n 1 800") == ":800\r\n");
  CHECK_FALSE(server.needs_entry);
  server.Run("LOCK RENEW n 1 2000");
  CHECK(server.needs_entry);
  CHECK(server.Run("LOCK RENEW n 9 800") == "$-1\r\n");
  timers.touch = LeaderTimers::Touch::kEnding;
  server.Run("LOCK RENEW n 1 800");
  CHECK(server.met_ending);
  // In an entry.
  CHECK(server.Run("ONCE r 1000 LOCK RENEW n 1 2000") == ":2000\r\n");
  CHECK(LocksOf(server.store).Find(0, "n")->holder().ttl_ms == 2000);
  CHECK(server.Run("LOCK INFO n").find(":2000\r\n:123\r\n") != std::string::npos);
  // A grant that is not claimed yet is claimed by it.
  server.Run("LOCK ACQUIRE n 2000 ENQUEUE 500");
  server.Run("LOCK RELEASE n 1");
  server.store.BeginItem();
  LocksOf(server.store).HandOver(store::KeyName(*LocksOf(server.store).index().Ready()));
  timers.touch = LeaderTimers::Touch::kOk;
  server.Run("LOCK RENEW n " + std::to_string(Token(server, "n")) + " 800");
  CHECK(server.needs_entry);
}

TEST_CASE("grants, renewals and ends are announced; what is rolled back is not") {
  TestServer server;
  Events events;
  server.store.set_observer(&events);
  server.Run("LEASE GRANT 1000 ID l");
  server.Run("LOCK ACQUIRE n 1000");
  server.Run("ONCE a 1000 LEASE KEEPALIVE l");
  server.Run("ONCE b 1000 LOCK RENEW n 2 500");
  server.Run("LOCK RELEASE n 2");
  server.Run("LEASE REVOKE l");
  CHECK(events.text == "lease0 lock0 lease1 lock1 lock2 lease3 ");
  events.text.clear();
  server.Run("SET s x");
  server.Run("TXN THEN 3 4 LOCK ACQUIRE n 1000 3 LEASE GRANT 1000 2 INCR s");
  CHECK(events.text.empty());
  CHECK(LocksOf(server.store).size() == 0);
}

TEST_CASE("locks are listed by name within a database") {
  TestServer server;
  for (const char* name : {"b", "a", "c"}) {
    server.Run(std::string("LOCK ACQUIRE ") + name + " 1000 ADVISORY");
  }
  CHECK(server.Run("LOCK LIST LIMIT 1") ==
        "*1\r\n*8\r\n$1\r\na\r\n:2\r\n$0\r\n\r\n:1000\r\n$8\r\nadvisory\r\n:1\r\n:0\r\n:0\r\n");
  CHECK(server.Run("LOCK LIST PREFIX c").starts_with("*1\r\n"));
  CHECK(server.Run("LOCK LIST AFTER b").starts_with("*1\r\n"));
  server.db = 1;
  CHECK(server.Run("LOCK LIST") == "*0\r\n");
}

}  // namespace clustron::commands
