#include <string>

#include "commands/core/keys.h"
#include "commands/core/registry.h"
#include "commands/core/test_server.h"
#include "commands/core/txn_call.h"

namespace clustron::commands {

namespace {

using Words = std::vector<std::string_view>;

}  // namespace

TEST_CASE("TXN takes the branch that its conditions say") {
  TestServer server;
  CHECK(server.Run("TXN IF 1 ABSENT a THEN 1 3 SET a 1 ELSE 1 2 GET a") ==
        "*3\r\n:1\r\n:1\r\n*1\r\n+OK\r\n");
  CHECK(server.Run("TXN IF 1 ABSENT a THEN 1 3 SET a 1 ELSE 1 2 GET a") ==
        "*3\r\n:0\r\n:1\r\n*1\r\n$1\r\n1\r\n");
  CHECK(server.Run("TXN IF 1 ABSENT a THEN 1 3 SET a 1") == "*3\r\n:0\r\n:1\r\n*0\r\n");
  CHECK(server.Run("TXN THEN 2 2 INCR a 2 INCR b") == "*3\r\n:1\r\n:2\r\n*2\r\n:2\r\n:1\r\n");
}

TEST_CASE("each condition is judged") {
  TestServer server;
  server.Run("SET n 10");                // revision 1
  server.Run("SET s abc");               // 2
  server.Run("HSET h f 5 g text");       // 3
  server.Run("LEASE GRANT 1000 ID l1");  // 4
  server.Run("LOCK ACQUIRE k 1000");     // 5
  server.Run("SET leased v LEASE l1");
  const auto holds = [&](const std::string& condition) {
    const std::string reply = server.Run("TXN IF 1 " + condition + " THEN 0");
    CHECK(reply[0] == '*');
    return reply.starts_with("*3\r\n:1\r\n");
  };
  for (const char* yes :
       {"EXISTS n",         "ABSENT x",          "REV n = 1",   "REV n >= 1",      "REV x = 0",
        "REV s > 1",        "VALUE n = 10",      "VALUE n > 9", "VALUE s > abb",   "VALUE s != x",
        "VALUE x != 1",     "LEN s = 3",         "LEN h = 2",   "LEN x = 0",       "FIELD h f < 10",
        "FIELD h g = text", "FIELD h none != 1", "ALIVE l1",    "LEASE leased l1", "LOCK k 5"}) {
    CAPTURE(yes);
    CHECK(holds(yes));
  }
  for (const char* no :
       {"EXISTS x", "ABSENT n", "REV n != 1", "REV n < 1", "VALUE n = 11", "VALUE x = 1",
        "VALUE x < 1", "LEN s > 3", "FIELD h f > 10", "FIELD h none = 1", "FIELD x f = 1",
        "ALIVE l2", "LEASE n l1", "LOCK k 4", "LOCK x 5"}) {
    CAPTURE(no);
    CHECK_FALSE(holds(no));
  }
  CHECK(server.Run("TXN IF 1 VALUE h = 1 THEN 0").starts_with("-WRONGTYPE"));
  CHECK(server.Run("TXN IF 1 FIELD s f = 1 THEN 0").starts_with("-WRONGTYPE"));
  CHECK(server.Run("TXN IF 2 EXISTS nosuch VALUE h = 1 THEN 0").starts_with("-WRONGTYPE"));
}

TEST_CASE("a malformed TXN is refused") {
  TestServer server;
  for (const char* bad : {"TXN IF 1 THEN 0", "TXN IF x THEN 0", "TXN IF 1 NOSUCH k THEN 0",
                          "TXN IF 1 REV k ~ 1 THEN 0", "TXN THEN 1", "TXN THEN 1 0",
                          "TXN THEN 1 4 SET a 1", "TXN THEN 1 3 SET a 1 more", "TXN THEN 0 ELSE",
                          "TXN NOSUCH 1", "TXN THEN 1025", "TXN IF 2 EXISTS a THEN 0"}) {
    CAPTURE(bad);
    CHECK(server.Run(bad)[0] == '-');
  }
  for (const char* none : {"TXN THEN x", "TXN THEN -1", "TXN IF x THEN 0", "TXN IF -1 THEN 0"}) {
    CAPTURE(none);
    CHECK(server.Run(none).ends_with("': value is not an integer or out of range\r\n"));
  }
  CHECK(server.Run("TXN IF 1025 THEN 0").starts_with("-TXNLIMIT "));
  CHECK(server.store.revision() == 0);
}

TEST_CASE("one failing command undoes them all") {
  TestServer server;
  server.Run("SET s text");
  server.Run("HSET h f 1");
  server.Run("SET gone 1 PX 500");
  const uint64_t digest = server.store.Digest();
  CHECK(
      server
          .Run(
              "TXN THEN 7 3 SET a 1 3 DEL gone s 4 HSET h g 2 3 EXPIRE h 100 4 LOCK ACQUIRE n 1000 "
              "3 LEASE GRANT 1000 2 INCR h")
          .starts_with("-"));
  CHECK(
      server.Run(
          "TXN THEN 6 3 SET a 1 3 DEL gone s 4 HSET h g 2 3 EXPIRE h 100 4 LOCK ACQUIRE n 1000 "
          "2 INCR h") ==
      "-WRONGTYPE command 6 (INCR h): Operation against a key holding the wrong kind of value\r\n");
  CHECK(server.store.Digest() == digest);
  CHECK(server.Run("TXN THEN 2 3 SET a 1 1 NOSUCH")
            .starts_with("-ERR command 2 (NOSUCH): unknown command"));
  CHECK(server.Run("TXN THEN 2 3 SET a 1 2 WATCH a").starts_with("-ERR "));
  CHECK(server.store.Digest() == digest);
}

TEST_CASE("a lock condition opens the guard for the whole transaction") {
  TestServer server;
  server.Run("LOCK ACQUIRE k 1000");
  CHECK(server.Run("TXN THEN 2 3 SET a 1 3 SET k 1").starts_with("-LOCKED "));
  CHECK(server.Run("EXISTS a k") == ":0\r\n");
  CHECK(server.Run("TXN IF 1 LOCK k 1 THEN 2 3 SET a 1 3 SET k 1").starts_with("*3\r\n:1\r\n"));
  CHECK(server.Run("TXN IF 1 LOCK k 9 THEN 1 3 SET k 2 ELSE 1 3 SET k 3").starts_with("-LOCKED "));
  // Judged by the locks at its start.
  CHECK(server.Run("TXN THEN 2 4 LOCK RELEASE k 1 3 SET k 4").starts_with("-LOCKED "));
  CHECK(server.Run("TXN IF 1 LOCK k 1 THEN 2 4 LOCK RELEASE k 1 3 SET k 4")
            .starts_with("*3\r\n:1\r\n"));
}

TEST_CASE("transactions nest") {
  TestServer server;
  server.Run("SET s x");
  CHECK(server.Run("TXN THEN 2 3 SET a 1 6 TXN THEN 1 2 INCR s").starts_with("-ERR "));
  CHECK(server.Run("EXISTS a") == ":0\r\n");
  CHECK(server.Run("TXN THEN 2 3 SET a 1 6 TXN THEN 1 2 INCR n").starts_with("*3\r\n:1\r\n"));
}

TEST_CASE("TXN HELP needs no leader") {
  const CommandSpec* spec = Registry::Get().Find("TXN");
  const std::vector<std::string_view> help = {"TXN", "help"};
  CHECK(spec->ClassOf(help) == Class::kLocal);
}

TEST_CASE("a transaction that only reads is a read, and its keys are found") {
  const CommandSpec* spec = Registry::Get().Find("TXN");
  const Words reads = {"TXN", "IF", "1", "EXISTS", "a", "THEN", "1", "2", "GET", "b"};
  const Words writes = {"TXN", "IF", "1", "LOCK", "l", "7", "THEN", "1", "3",
                        "SET", "b",  "1", "ELSE", "1", "3", "MGET", "c", "d"};
  CHECK(spec->class_of(reads) == Class::kRead);
  CHECK(spec->class_of(writes) == Class::kWrite);
  std::vector<KeyRef> keys;
  REQUIRE(KeysOf(*spec, reads, &keys));
  REQUIRE(keys.size() == 2);
  CHECK(keys[0].index == 4);
  CHECK(keys[1].index == 9);
  REQUIRE(KeysOf(*spec, writes, &keys));
  REQUIRE(keys.size() == 4);
  CHECK(keys[1].index == 10);
  CHECK(keys[3].index == 17);
  CHECK((keys[1].flags & KeySpec::kOw) != 0);
}

}  // namespace clustron::commands
