// WATCHKEY GET on a state whose overdue keys nobody has removed yet.
#include <string>

#include "commands/core/test_server.h"

namespace clustron::commands {

namespace {

bool Has(const std::string& reply, const std::string& key) {
  return reply.find("\r\n" + key + "\r\n") != std::string::npos;
}

TEST_CASE("keys past their time are no rows, and don't count against LIMIT") {
  TestServer server;
  SUBCASE("by a scan") {}
  SUBCASE("by an index of names") { server.Run("INDEX CREATE names ON KEYS"); }
  // More of them than are looked at in one go, in front of the others and between them.
  for (int i = 100; i < 300; i++) server.Run("SET k:" + std::to_string(i) + " v PX 10");
  for (const char* key : {"k:150x", "k:299a", "k:299b", "k:299c"})
    server.Run("SET " + std::string(key) + " v");
  server.Advance(20);

  const std::string first = server.Run("WATCHKEY GET PREFIX k: LIMIT 2");
  CHECK(first.find("\r\n*2\r\n*5\r\n") != std::string::npos);
  CHECK(Has(first, "k:150x"));
  CHECK(Has(first, "k:299a"));
  const std::string second = server.Run("WATCHKEY GET PREFIX k: LIMIT 2 AFTER k:299a");
  CHECK(Has(second, "k:299b"));
  CHECK(Has(second, "k:299c"));
  CHECK(server.Run("WATCHKEY GET PREFIX k: LIMIT 2 AFTER k:299c").ends_with("*0\r\n"));
  const std::string all = server.Run("WATCHKEY GET PREFIX k:");
  CHECK(all.find("*4\r\n*5\r\n") != std::string::npos);
}

}  // namespace

}  // namespace clustron::commands
