#include "commands/expire.h"

#include "commands/test_server.h"

namespace clustron::commands {

namespace {

// Runs a command on the read path. "entry": it must go the way of a write.
std::string AsRead(TestServer& server, const std::vector<std::string_view>& args) {
  std::string out;
  resp::ReplyWriter reply(&out, 2);
  Context ctx(*Registry::Get().Find(args[0]), args, server.store, 0, reply);
  ctx.live_elapsed_ms = server.elapsed_ms;
  ctx.live_wall_ms = server.wall_ms;
  ctx.spec->handler(ctx);
  if (ctx.needs_entry) CHECK(out.empty());
  return ctx.needs_entry ? "entry" : out;
}

}  // namespace

TEST_CASE("an end that moves only a little is answered without an entry") {
  TestServer server;
  server.Run("SET k v EX 100");
  const uint64_t revision = server.store.revision();
  server.Advance(1000);
  CHECK(AsRead(server, {"EXPIRE", "k", "100"}) == ":1\r\n");
  CHECK(AsRead(server, {"PEXPIRE", "k", "100000"}) == ":1\r\n");
  CHECK(AsRead(server, {"GETEX", "k", "EX", "100"}) == "$1\r\nv\r\n");
  CHECK(AsRead(server, {"GETEX", "k", "px", "100000"}) == "$1\r\nv\r\n");
  CHECK(server.store.revision() == revision);
  // 5 % of the TTL and more.
  server.Advance(4000);
  CHECK(AsRead(server, {"EXPIRE", "k", "100"}) == "entry");
}

TEST_CASE("how far an end moves is judged by the clock of now, not by that of the last entry") {
  TestServer server;
  server.Run("SET k v EX 100");
  server.elapsed_ms += 6000;
  CHECK(AsRead(server, {"EXPIRE", "k", "100"}) == "entry");
}

TEST_CASE("an end that moves only a little takes an entry if a lock guards the key") {
  TestServer server;
  server.Run("SET k v EX 100");
  server.Run("LOCK ACQUIRE k 60000");
  server.Advance(1000);
  CHECK(AsRead(server, {"EXPIRE", "k", "100"}) == "entry");
  CHECK(AsRead(server, {"GETEX", "k", "EX", "100"}) == "entry");
}

TEST_CASE("what shortens, what is short, conditional or absent takes an entry") {
  TestServer server;
  server.Run("SET k v EX 100");
  server.Run("SET free v");
  server.Run("SET wall v EXAT 33177117420");
  server.Run("SET unix v PXAT 1700000100000");
  server.Run("SET short v EX 19");
  server.Run("SET long v EX 100000");
  server.Run("HSET h f v");
  server.Run("EXPIRE h 100");
  for (const std::vector<std::string_view>& args :
       std::vector<std::vector<std::string_view>>{{"EXPIRE", "k", "99"},
                                                  {"PEXPIRE", "unix", "1700000099500"},
                                                  {"EXPIRE", "k", "100", "GT"},
                                                  {"EXPIRE", "k", "x"},
                                                  {"EXPIRE", "k", "-1"},
                                                  {"EXPIRE", "none", "100"},
                                                  {"EXPIRE", "free", "100"},
                                                  {"EXPIRE", "wall", "100"},
                                                  {"EXPIRE", "short", "19"},
                                                  {"GETEX", "k", "PERSIST"},
                                                  {"GETEX", "k", "EXAT", "33177117420"},
                                                  {"GETEX", "h", "EX", "100"}}) {
    CAPTURE(args[0]);
    CAPTURE(args[1]);
    CAPTURE(args[2]);
    CHECK(AsRead(server, args) == "entry");
  }
  CHECK(AsRead(server, {"EXPIRE", "h", "100"}) == ":1\r\n");
  // At most 30 s, however long the TTL.
  server.Advance(29'000);
  CHECK(AsRead(server, {"EXPIRE", "long", "100000"}) == ":1\r\n");
  server.Advance(1000);
  CHECK(AsRead(server, {"EXPIRE", "long", "100000"}) == "entry");
}

}  // namespace clustron::commands
