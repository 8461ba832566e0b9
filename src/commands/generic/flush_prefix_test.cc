// FLUSHDB PREFIX: its bounds, and that it is all or nothing.
#include <algorithm>
#include <string>
#include <vector>

#include "commands/core/test_server.h"

namespace clustron::commands {

namespace {

void Fill(TestServer& server, std::string_view prefix, size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; i++) names.push_back(std::string(prefix) + std::to_string(i));
  for (size_t at = 0; at < count; at += 10'000) {
    std::vector<std::string_view> call = {"MSET"};
    for (size_t i = at; i < std::min(at + 10'000, count); i++) {
      call.push_back(names[i]);
      call.push_back("v");
    }
    REQUIRE(server.Run(call) == "+OK\r\n");
  }
}

// What the server answers to the client, and how many entries that took.
std::string FlushSliced(TestServer& server, std::string_view prefix, int* entries) {
  std::vector<std::string> words = {"FLUSHDB", "PREFIX", std::string(prefix), "SLICED"};
  for (*entries = 1;; ++*entries) {
    const std::string reply = server.Run(std::vector<std::string_view>(words.begin(), words.end()));
    if (server.rest.empty()) return reply;
    CHECK(reply.empty());
    words = server.rest;
  }
}

}  // namespace

TEST_CASE("one entry deletes 65,536 keys, and none of more") {
  TestServer server;
  Fill(server, "p:", 65'537);
  const uint64_t before = server.store.revision();
  CHECK(server.Run("FLUSHDB PREFIX p:").starts_with("-ERR more than 65536 keys"));
  CHECK(server.Run("DBSIZE") == ":65537\r\n");
  CHECK(server.store.revision() == before);
  CHECK(server.Run("DEL p:7") == ":1\r\n");
  CHECK(server.Run("FLUSHDB PREFIX p:") == ":65536\r\n");
  CHECK(server.Run("DBSIZE") == ":0\r\n");
  CHECK(server.store.revision() == before + 2);
}

TEST_CASE("one entry looks at 100,000 keys, and at none of more") {
  TestServer server;
  Fill(server, "q:", 99'999);
  server.Run("MSET p:1 v p:2 v");
  CHECK(server.Run("FLUSHDB PREFIX p:").starts_with("-ERR the database has more than 100000 keys"));
  CHECK(server.Run("EXISTS p:1 p:2") == ":2\r\n");
  int entries = 0;
  CHECK(FlushSliced(server, "p:", &entries) == ":2\r\n");
  CHECK(entries > 20);
  CHECK(server.Run("SET p:1 v") == "+OK\r\n");
  CHECK(server.Run("FLUSHDB PREFIX p:") == ":1\r\n");
  CHECK(server.Run("DBSIZE") == ":99999\r\n");
}

TEST_CASE("in slices as many keys go as there are, and no others") {
  TestServer server;
  Fill(server, "p:", 70'000);
  Fill(server, "q:", 5'000);
  int entries = 0;
  CHECK(FlushSliced(server, "p:", &entries) == ":70000\r\n");
  CHECK(entries >= 18);
  CHECK(entries <= 20);
  CHECK(server.Run("DBSIZE") == ":5000\r\n");
  CHECK(FlushSliced(server, "p:", &entries) == ":0\r\n");
  CHECK(entries == 2);
}

TEST_CASE("what is undone is there again, with its end and its lease, in its place") {
  TestServer server;
  Fill(server, "p:", 300);
  server.Run("LEASE GRANT 10000 ID l");
  server.Run("LEASE ATTACH l p:1 p:2");
  server.Run("EXPIRE p:3 100");
  server.Run("RPUSH p:list a b c");
  server.Run("SET q x");
  const uint64_t before = server.store.Digest();
  CHECK(server.Run("TXN THEN 2 3 FLUSHDB PREFIX p: 2 INCR q").starts_with("-ERR command 2"));
  CHECK(server.store.Digest() == before);
  CHECK(server.Run("TXN THEN 2 3 FLUSHDB PREFIX p: 2 STRLEN q").starts_with("*3\r\n:1\r\n"));
  CHECK(server.Run("DBSIZE") == ":1\r\n");
  CHECK(server.Run("LEASE TTL l KEYS").ends_with("*0\r\n"));
}

TEST_CASE("keys that are due are left to their end") {
  TestServer server;
  server.Run("SET p:1 v PX 10");
  server.Run("SET p:2 v");
  server.Advance(20);
  CHECK(server.Run("FLUSHDB PREFIX p:") == ":1\r\n");
  server.store.BeginItem();
  CHECK(server.store.ExpireDue(10) == 1);
}

}  // namespace clustron::commands
