#include "commands/core/guard.h"

#include <doctest/doctest.h>

#include "commands/core/registry.h"
#include "commands/core/test_server.h"
#include "commands/transaction/multi.h"
#include "store/tables/lock_table.h"

namespace clustron::commands {

namespace {

using Words = std::vector<std::string_view>;

class GuardedServer : public TestServer {
 public:
  GuardedServer() {
    Run("SET k v");
    Run("SET free v");
    store.BeginItem();
    token = LocksOf(store).Acquire(0, "k", {.owner = "me", .ttl_ms = 1000});
  }
  void Prepare(Context& ctx) override { ctx.lock_tokens = tokens; }
  std::vector<Context::LockToken> tokens;
  uint64_t token = 0;
};

bool Locked(const std::string& reply) { return reply.starts_with("-LOCKED "); }

std::string RunExec(TestServer& server, const std::vector<Words>& commands) {
  ExecEncoder encoder({}, commands.size());
  for (const Words& command : commands) encoder.Add(command);
  const Args args = encoder.args();
  return server.Run(Words(args.begin(), args.end()));
}

}  // namespace

TEST_CASE("a guarded key is read by everybody and written by nobody without the token") {
  GuardedServer server;
  for (const char* write : {"SET k x",          "DEL k",
                            "UNLINK k",         "EXPIRE k 10",
                            "PERSIST k",        "APPEND k x",
                            "INCR k",           "RENAME k other",
                            "RENAME free k",    "RENAMENX free k",
                            "MSET a 1 k 2",     "MSETNX a 1 k 2",
                            "BITOP NOT k free", "COPY free k REPLACE",
                            "MOVE k 1",         "HSET k f v",
                            "GETDEL k",         "GETSET k x",
                            "GETEX k PERSIST",  "SETRANGE k 0 x",
                            "SETBIT k 0 1",     "BITFIELD k SET u8 0 1",
                            "DELEX k",          "SWAPDB 0 1",
                            "SWAPDB 3 0"}) {
    CAPTURE(write);
    CHECK(Locked(server.Run(write)));
  }
  CHECK(server.Run("GET k") == "$1\r\nv\r\n");
  CHECK(server.Run("MGET a free") == "*2\r\n$-1\r\n$1\r\nv\r\n");
  for (const char* fine : {"STRLEN k", "TTL k", "COPY k other", "BITOP NOT other k", "EXISTS k",
                           "SWAPDB 2 1", "BITFIELD k GET u8 0", "SET free x"}) {
    CAPTURE(fine);
    CHECK(server.Run(fine)[0] != '-');
  }
}

TEST_CASE("the holder's token opens the guard, an older one doesn't") {
  GuardedServer server;
  server.tokens = {{"k", server.token - 1}};
  CHECK(Locked(server.Run("SET k x")));
  server.tokens = {{"other", server.token}};
  CHECK(Locked(server.Run("SET k x")));
  server.tokens = {{"k", server.token}};
  CHECK(server.Run("SET k x") == "+OK\r\n");
  // A token is for the caller's database.
  server.db = 1;
  server.Run("SET k y");
  CHECK(Locked(server.Run("MOVE k 0")));
  CHECK(Locked(server.Run("COPY k k DB 0 REPLACE")));
}

TEST_CASE("behind the end of the last lock everything may be written, SWAPDB included") {
  GuardedServer server;
  CHECK(Locked(server.Run("SWAPDB 0 1")));
  server.Run("LOCK BREAK k");
  CHECK(server.Run("SET k x") == "+OK\r\n");
  server.Run("LOCK ACQUIRE j 1000");  // of this database alone
  server.db = 1;
  server.Run("LOCK ACQUIRE k 1000");
  server.Run("LOCK BREAK k");
  CHECK(server.Run("SWAPDB 1 2") == "+OK\r\n");
}

TEST_CASE("the same name in another database is free") {
  GuardedServer server;
  server.db = 1;
  CHECK(server.Run("SET k x") == "+OK\r\n");
  CHECK(Locked(server.Run("COPY k k DB 0 REPLACE")));
  CHECK(server.Run("COPY k other DB 0") == ":1\r\n");
}

TEST_CASE("an advisory lock guards nothing") {
  TestServer server;
  server.store.BeginItem();
  LocksOf(server.store).Acquire(0, "k", {.owner = "me", .ttl_ms = 1000, .advisory = true});
  CHECK(server.Run("SET k x") == "+OK\r\n");
}

TEST_CASE("expiry and FLUSHALL pass a guard") {
  GuardedServer server;
  server.tokens = {{"k", server.token}};
  server.Run("PEXPIRE k 10");
  server.tokens = {};
  server.Advance(20);
  CHECK(server.Run("EXISTS k") == ":0\r\n");
  CHECK(server.Run("FLUSHALL") == "+OK\r\n");
  CHECK(LocksOf(server.store).Find(0, "k") != nullptr);
}

TEST_CASE("EXEC may read a guarded key") {
  GuardedServer server;
  CHECK(RunExec(server,
                {{"GETEX", "k"}, {"BITFIELD", "k", "GET", "u8", "0"}, {"SET", "free", "x"}}) ==
        "*3\r\n$1\r\nv\r\n*1\r\n:118\r\n+OK\r\n");
}

TEST_CASE("EXEC is refused whole if one of its commands would meet a guard") {
  GuardedServer server;
  CHECK(Locked(RunExec(server, {{"SET", "free", "x"}, {"SET", "k", "x"}})));
  CHECK(server.Run("GET free") == "$1\r\nv\r\n");
  // Whichever branch a TXN will take.
  for (const char* condition : {"EXISTS", "ABSENT"})
    CHECK(Locked(RunExec(server, {{"TXN", "IF", "1", condition, "nosuch", "THEN", "1", "2", "GET",
                                   "k", "ELSE", "1", "3", "SET", "k", "x"}})));
}

TEST_CASE("a lock taken within an EXEC guards nothing in it, a TXN's writes neither") {
  GuardedServer server;
  CHECK(RunExec(server, {{"LOCK", "ACQUIRE", "free", "1000"},
                         {"SET", "free", "x"},
                         {"TXN", "THEN", "1", "3", "SET", "free", "y"}})
            .find("LOCKED") == std::string::npos);
  CHECK(server.Run("GET free") == "$1\r\ny\r\n");
  CHECK(Locked(server.Run("SET free z")));
}

TEST_CASE("EXEC's guards are those of the database that each command will run in") {
  GuardedServer server;
  CHECK(Locked(RunExec(server, {{"SELECT", "99"}, {"SET", "k", "x"}})));
  CHECK(Locked(RunExec(server, {{"SELECT", "x"}, {"SET", "k", "x"}})));
  CHECK(Locked(RunExec(server, {{"SELECT", "1"}, {"SELECT", "0"}, {"SET", "k", "x"}})));
  CHECK(RunExec(server, {{"SELECT", "1"}, {"SET", "k", "x"}}) == "*2\r\n+OK\r\n+OK\r\n");
}

TEST_CASE("who shows a token that is no longer the holder's is fenced in EXEC and TXN too") {
  GuardedServer server;
  const std::string now = std::to_string(server.token);
  const std::string fenced =
      "-FENCED current=" + now + " lock 'k' is held by 'me' with token " + now + "\r\n";
  CHECK(RunExec(server, {{"SET", "free", "x"}, {"LOCK", "DO", "k", "1", "SET", "k", "x"}}) ==
        fenced);
  CHECK(server.Run("TXN THEN 2 3 SET free x 7 LOCK DO k 1 SET k x") == fenced);
  CHECK(Locked(RunExec(server, {{"LOCK", "DO", "free", "1", "GET", "free"}, {"SET", "k", "x"}})));
  CHECK(server.Run("GET free") == "$1\r\nv\r\n");
  CHECK(RunExec(server, {{"LOCK", "DO", "k", now, "SET", "k", "x"}}) == "*1\r\n+OK\r\n");
}

TEST_CASE("a TXN's lock condition opens the guard for both branches, in EXEC too") {
  GuardedServer server;
  const std::string now = std::to_string(server.token);
  const Words txn = {"TXN", "IF",  "2", "LOCK", "k",    now, "EXISTS", "none", "THEN", "1",
                     "3",   "SET", "k", "x",    "ELSE", "1", "3",      "SET",  "k",    "y"};
  CHECK(RunExec(server, {txn}).starts_with("*1\r\n*3\r\n:0\r\n"));
  CHECK(server.Run("GET k") == "$1\r\ny\r\n");
}

}  // namespace clustron::commands
