#include "commands/transaction/multi.h"

#include <doctest/doctest.h>

#include "commands/core/registry.h"
#include "commands/core/test_server.h"

namespace clustron::commands {

namespace {

using Words = std::vector<std::string_view>;

std::string Exec(TestServer& server, std::span<const WatchedKey> watches,
                 const std::vector<Words>& commands) {
  ExecEncoder encoder(watches, commands.size());
  for (const Words& command : commands) encoder.Add(command);
  const Args args = encoder.args();
  return server.Run(Words(args.begin(), args.end()));
}

WatchedKey Watched(const TestServer& server, std::string_view key) {
  store::WatchPoint point = server.store.Watch(0, key);
  return {point.db, point.key, point.key_revision, point.store_revision};
}

}  // namespace

TEST_CASE("EXEC's arguments come back as they went in") {
  const std::vector<WatchedKey> watches = {{3, "k", 17, 99}, {0, std::string("\0\n", 2), 0, 5}};
  const std::vector<Words> commands = {{"SET", "k", "3"}, {"PING"}, {"MGET", "a", "", "b"}};
  ExecEncoder encoder(watches, commands.size());
  for (const Words& command : commands) encoder.Add(command);
  ExecCall call;
  REQUIRE(DecodeExec(encoder.args(), &call));
  REQUIRE(call.watches.size() == 2);
  CHECK(call.watches[0].db == 3);
  CHECK(call.watches[0].key_revision == 17);
  CHECK(call.watches[1].key == watches[1].key);
  CHECK(call.watches[1].store_revision == 5);
  REQUIRE(call.commands.size() == 3);
  for (size_t i = 0; i < commands.size(); i++) {
    CHECK(Words(call.commands[i].begin(), call.commands[i].end()) == commands[i]);
  }
}

TEST_CASE("a malformed EXEC is refused") {
  for (const Words& args :
       {Words{"EXEC", "1"}, Words{"EXEC", "0", "1"}, Words{"EXEC", "0", "x"},
        Words{"EXEC", "0", "1", "0"}, Words{"EXEC", "0", "1", "3", "GET", "k"},
        Words{"EXEC", "0", "0", "more"}, Words{"EXEC", "1", "16", "k", "0", "0", "0"}}) {
    ExecCall call;
    CHECK_FALSE(DecodeExec(args, &call));
  }
}

TEST_CASE("EXEC runs its commands in one item") {
  TestServer server;
  CHECK(Exec(server, {}, {{"SET", "a", "1"}, {"INCR", "a"}, {"GET", "a"}}) ==
        "*3\r\n+OK\r\n:2\r\n$1\r\n2\r\n");
  CHECK(server.store.revision() == 1);
}

TEST_CASE("a cluster-wide setting inside EXEC is set on nodes without the caller too") {
  TestServer server;
  CHECK(server.client == nullptr);
  CHECK(Exec(server, {}, {{"CONFIG", "SET", "hash-max-listpack-value", "7"}, {"CLIENT", "ID"}}) ==
        "*2\r\n+OK\r\n$-1\r\n");
  CHECK(server.store.settings().Number("hash-max-listpack-value") == 7);
}

TEST_CASE("an error inside EXEC keeps what was done before and after it") {
  TestServer server;
  CHECK(Exec(server, {}, {{"SET", "a", "x"}, {"INCR", "a"}, {"NOSUCH"}, {"SET", "b", "1"}}) ==
        "*4\r\n+OK\r\n-ERR value is not an integer or out of range\r\n"
        "-ERR unknown command 'NOSUCH', with args beginning with: \r\n+OK\r\n");
  CHECK(server.Run("EXISTS a b") == ":2\r\n");
}

TEST_CASE("EXEC fails if a watched key was changed, deleted, made or given another end") {
  for (const char* change : {"SET k 2", "DEL k", "EXPIRE k 100", "FLUSHALL", "SWAPDB 0 1"}) {
    CAPTURE(change);
    TestServer server;
    server.Run("SET k 1");
    const WatchedKey watch = Watched(server, "k");
    CHECK(Exec(server, {&watch, 1}, {{"SET", "a", "1"}}) == "*1\r\n+OK\r\n");
    server.Run(change);
    CHECK(Exec(server, {&watch, 1}, {{"SET", "a", "2"}}) == "*-1\r\n");
    CHECK(server.Run("GET a") != "$1\r\n2\r\n");
  }
  TestServer server;
  const WatchedKey absent = Watched(server, "k");
  CHECK(Exec(server, {&absent, 1}, {{"PING"}}) != "*-1\r\n");
  server.Run("SET k 1");
  CHECK(Exec(server, {&absent, 1}, {{"PING"}}) == "*-1\r\n");
}

TEST_CASE("an EXEC of reads needs no entry") {
  const auto class_of = [](const std::vector<Words>& commands) {
    ExecEncoder encoder({}, commands.size());
    for (const Words& command : commands) encoder.Add(command);
    return Registry::Get().Find("EXEC")->class_of(encoder.args());
  };
  CHECK(class_of({{"GET", "a"}, {"HGETALL", "h"}}) == Class::kRead);
  CHECK(class_of({{"GET", "a"}, {"INCR", "h"}}) == Class::kWrite);
  CHECK(class_of({{"GETEX", "a"}}) == Class::kRead);
  CHECK(class_of({{"GETEX", "a", "PERSIST"}}) == Class::kWrite);
}

TEST_CASE("over maxmemory an EXEC that may use more is refused whole") {
  TestServer server;
  server.item_flags = kItemOom;
  CHECK(Exec(server, {}, {{"DEL", "a"}, {"SET", "a", "1"}})
            .starts_with("-EXECABORT Transaction discarded because of: OOM "));
  CHECK(Exec(server, {}, {{"DEL", "a"}, {"PERSIST", "b"}}) == "*2\r\n:0\r\n:0\r\n");
}

}  // namespace clustron::commands
