#include <string>

#include "commands/core/test_server.h"
#include "store/tables/lease_table.h"

namespace clustron::commands {

namespace {

// Timers that answer what the test says.
class FakeTimers : public LeaderTimers {
 public:
  Touch KeepAlive(std::string_view, uint64_t revision, int64_t* remaining_ms) override {
    last_revision = revision;
    *remaining_ms = remaining;
    return touch;
  }
  Touch Renew(int, std::string_view, uint64_t, int64_t ttl_ms, int64_t* remaining_ms) override {
    *remaining_ms = ttl_ms;
    return touch;
  }
  std::optional<int64_t> LeaseRemainingMs(std::string_view) override { return remaining; }
  std::optional<int64_t> LockRemainingMs(int, std::string_view, uint64_t) override {
    return remaining;
  }
  Touch touch = Touch::kOk;
  int64_t remaining = 777;
  uint64_t last_revision = 0;
};

}  // namespace

TEST_CASE("a lease is granted once, and again to the same caller") {
  TestServer server;
  CHECK(server.Run("LEASE GRANT 5000 ID l1 OWNER me") == "*3\r\n$2\r\nl1\r\n:5000\r\n:1\r\n");
  CHECK(server.Run("LEASE GRANT 9000 ID l1 OWNER me") == "*3\r\n$2\r\nl1\r\n:5000\r\n:1\r\n");
  CHECK(server.Run("LEASE GRANT 5000 ID l1 OWNER you").starts_with("-ERR "));
  CHECK(server.Run("LEASE GRANT 99").starts_with("-ERR "));
  CHECK(server.Run("LEASE GRANT 2592000001").starts_with("-ERR "));
  CHECK(server.Run({"LEASE", "GRANT", "1000", "ID", ""}).starts_with("-ERR "));
  CHECK(server.Run({"LEASE", "GRANT", "1000", "ID", std::string(65, 'x')}).starts_with("-ERR "));
  CHECK(server.store.revision() == 1);
  // Ids that the server makes differ.
  CHECK(server.Run("LEASE GRANT 1000") != server.Run("LEASE GRANT 1000"));
  CHECK(LeasesOf(server.store).size() == 3);
}

TEST_CASE("keys end with their lease, in one revision") {
  TestServer server;
  server.Run("LEASE GRANT 5000 ID l1");
  server.Run("MSET a 1 b 2 c 3");
  CHECK(server.Run("LEASE ATTACH l1 a b nokey") == ":2\r\n");
  CHECK(server.Run("LEASE ATTACH l1 a") == ":1\r\n");
  CHECK(server.Run("LEASE ATTACH nolease a").starts_with("-NOLEASE "));
  CHECK(server.Run("LEASE DETACH b c") == ":1\r\n");
  const uint64_t before = server.store.revision();
  CHECK(server.Run("LEASE REVOKE l1") ==
        "*3\r\n:1\r\n:1\r\n:" + std::to_string(before + 1) + "\r\n");
  CHECK(server.Run("EXISTS a b c") == ":2\r\n");
  CHECK(server.Run("LEASE REVOKE l1") == "*1\r\n:0\r\n");
}

TEST_CASE("a key has an end of its own or a lease") {
  TestServer server;
  server.Run("LEASE GRANT 5000 ID l1");
  server.Run("LEASE GRANT 5000 ID l2");
  server.Run("MSET a 1 b 2");
  server.Run("EXPIRE b 100");
  CHECK(server.Run("LEASE ATTACH l1 a b").starts_with("-ERR "));
  CHECK_FALSE(server.store.Find(0, "a")->has_lease());  // all or nothing
  server.Run("LEASE ATTACH l1 a");
  CHECK(server.Run("EXPIRE a 100").starts_with("-ERR "));
  CHECK(server.Run("GETEX a EX 100").starts_with("-ERR "));
  CHECK(server.Run("LEASE ATTACH l2 a").starts_with("-ERR "));
  CHECK(server.Run("TTL a") == ":-1\r\n");
  // A value that replaces it is free.
  server.Run("SET a 2");
  CHECK_FALSE(server.store.Find(0, "a")->has_lease());
  server.Run("LEASE ATTACH l1 a");
  server.Run("SET a 3 KEEPTTL");
  CHECK(server.store.Find(0, "a")->has_lease());
}

TEST_CASE("SET takes a lease") {
  TestServer server;
  CHECK(server.Run("SET a 1 LEASE l1").starts_with("-NOLEASE "));
  CHECK(server.Run("EXISTS a") == ":0\r\n");
  server.Run("LEASE GRANT 5000 ID l1");
  CHECK(server.Run("SET a 1 LEASE l1") == "+OK\r\n");
  CHECK(server.Run("SET a 1 LEASE l1 EX 10") == "-ERR syntax error\r\n");
  CHECK(server.Run("SET a 1 KEEPTTL LEASE l1") == "-ERR syntax error\r\n");
  CHECK(server.Run("LEASE TTL l1 KEYS") == "*4\r\n:5000\r\n:5000\r\n$0\r\n\r\n*1\r\n$1\r\na\r\n");
}

TEST_CASE("LEASE DO attaches what was written, and nothing else") {
  TestServer server;
  server.Run("LEASE GRANT 5000 ID l1");
  server.Run("SET old 1");
  CHECK(server.Run("LEASE DO l1 SET a 1") == "+OK\r\n");
  CHECK(server.Run("LEASE DO l1 MSET b 1 c 2") == "+OK\r\n");
  CHECK(server.Run("LEASE DO l1 SETNX old 2") == ":0\r\n");
  CHECK(server.Run("LEASE DO l1 HSET h f v") == ":1\r\n");
  CHECK(LeasesOf(server.store).Find("l1")->keys.size() == 4);
  CHECK(server.Run("LEASE DO l1 GET a").starts_with("-ERR "));
  CHECK(server.Run("LEASE DO nolease SET x 1").starts_with("-NOLEASE "));
  CHECK(server.Run("EXISTS x") == ":0\r\n");
  CHECK(server.Run("LEASE DO l1 NOSUCH").starts_with("-ERR unknown command"));
  CHECK(server.Run("LEASE DO l1 SET x").starts_with("-ERR wrong number"));
  CHECK(server.Run("LEASE DO l1 WATCH x").starts_with("-ERR "));
  // What can't be attached is not written either.
  CHECK(server.Run("LEASE DO l1 SET x 1 EX 10").starts_with("-ERR "));
  CHECK(server.Run("EXISTS x") == ":0\r\n");
  CHECK(server.Run("LEASE DO l1 INCR h").starts_with("-WRONGTYPE"));
  // What another command of the same entry wrote is not its business.
  const size_t before = LeasesOf(server.store).Find("l1")->keys.size();
  CHECK(server.Run("TXN THEN 3 3 SET x 1 6 LEASE DO l1 SETNX x 2 7 LEASE DO l1 LOCK ACQUIRE x 1000")
            .starts_with("*3\r\n:1\r\n"));
  CHECK(LeasesOf(server.store).Find("l1")->keys.size() == before);
  CHECK(server.Run("TXN THEN 2 3 SET y 1 6 LEASE DO l1 RENAME y z").starts_with("*3\r\n:1\r\n"));
  CHECK(LeasesOf(server.store).Find("l1")->keys.size() == before + 1);
}

TEST_CASE("a full lease takes no further key, by any command, and lets go of none") {
  TestServer server;
  server.Run("LEASE GRANT 5000 ID l1");
  std::vector<std::string> names(store::kLeaseKeysMax + 1);
  std::vector<std::string_view> mset = {"MSET"};
  std::vector<std::string_view> attach = {"LEASE", "ATTACH", "l1"};
  for (size_t i = 0; i < names.size(); i++) {
    names[i] = "k" + std::to_string(i);
    mset.insert(mset.end(), {names[i], "1"});
    attach.push_back(names[i]);
  }
  server.Run(mset);
  const std::string full = "-ERR the lease has as many keys as it may have\r\n";
  const store::Lease& lease = *LeasesOf(server.store).Find("l1");
  CHECK(server.Run(attach) == full);
  CHECK(lease.keys.empty());
  attach.pop_back();
  CHECK(server.Run(attach) == ":65536\r\n");
  CHECK(server.Run("LEASE ATTACH l1 k65536") == full);
  CHECK(server.Run("SET new 1 LEASE l1") == full);
  CHECK(server.Run("LEASE DO l1 MSET k0 2 new 1") == full);
  CHECK(server.Run("MGET k0 new") == "*2\r\n$1\r\n1\r\n$-1\r\n");
  // Its own keys may be written again.
  CHECK(server.Run("SET k0 2 LEASE l1") == "+OK\r\n");
  CHECK(server.Run("LEASE DO l1 INCR k0") == ":3\r\n");
  CHECK(lease.keys.size() == store::kLeaseKeysMax);
}

TEST_CASE("a keepalive asks the leader's timers and changes nothing") {
  TestServer server;
  FakeTimers timers;
  server.timers = &timers;
  server.Run("LEASE GRANT 5000 ID l1");
  CHECK(server.Run("LEASE KEEPALIVE l1 gone") == "*2\r\n:777\r\n$-1\r\n");
  CHECK(timers.last_revision == 1);
  CHECK(server.store.revision() == 1);
  CHECK(server.Run("LEASE TTL l1") == "*3\r\n:5000\r\n:777\r\n$0\r\n\r\n");
  CHECK(server.Run("LEASE TTL gone") == "$-1\r\n");
  timers.touch = LeaderTimers::Touch::kEnding;
  server.Run("LEASE KEEPALIVE l1");
  CHECK(server.met_ending);
  timers.touch = LeaderTimers::Touch::kGone;
  CHECK(server.Run("LEASE KEEPALIVE l1") == "*1\r\n$-1\r\n");
}

TEST_CASE("inside an entry remaining times are the granted ones") {
  TestServer server;
  FakeTimers timers;
  server.timers = &timers;
  server.Run("LEASE GRANT 5000 ID l1");
  CHECK(server.Run("ONCE r 1000 LEASE KEEPALIVE l1") == "*1\r\n:5000\r\n");
  CHECK(server.Run("TXN THEN 2 3 LEASE TTL l1 3 SET a 1").starts_with("*3\r\n:1\r\n"));
}

TEST_CASE("leases are listed by id") {
  TestServer server;
  for (const char* id : {"b", "a", "c"}) {
    server.Run(std::string("LEASE GRANT 1000 ID ") + id + " OWNER o-" + id);
  }
  CHECK(server.Run("LEASE LIST LIMIT 1") ==
        "*1\r\n*5\r\n$1\r\na\r\n:1000\r\n$3\r\no-a\r\n:0\r\n:2\r\n");
  CHECK(server.Run("LEASE LIST AFTER a LIMIT 1").find("o-b") != std::string::npos);
  CHECK(server.Run("LEASE LIST OWNER o-c").starts_with("*1\r\n"));
  CHECK(server.Run("LEASE LIST AFTER c") == "*0\r\n");
  CHECK(server.Run("LEASE LIST NOSUCH") == "-ERR syntax error\r\n");
}

}  // namespace clustron::commands
