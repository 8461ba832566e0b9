#include "commands/generic/expire.h"

#include "commands/core/test_server.h"

namespace clustron::commands {

namespace {

// Runs a command on the read path. "entry": it must go the way of a write; "entry N": with that
// TTL.
std::string AsRead(TestServer& server, const std::vector<std::string_view>& args) {
  std::string out;
  resp::ReplyWriter reply(&out, 2);
  const Caller caller{.live_elapsed_ms = server.elapsed_ms, .live_wall_ms = server.wall_ms};
  Context ctx(*Registry::Get().Find(args[0]), args, caller, server.store, nullptr, 1, reply);
  ctx.spec->handler(ctx);
  if (!ctx.verdict.needs_entry) return out;
  CHECK(out.empty());
  if (ctx.verdict.entry_ttl_ms == 0) return "entry";
  return "entry " + std::to_string(ctx.verdict.entry_ttl_ms);
}

}  // namespace

TEST_CASE("a refresh whose promise is kept already is answered without an entry") {
  TestServer server;
  server.Run("SET k v EX 105");
  const uint64_t revision = server.store.revision();
  for (int ms : {0, 1000, 4000}) {
    server.Advance(ms);
    CHECK(AsRead(server, {"EXPIRE", "k", "100"}) == ":1\r\n");
    CHECK(AsRead(server, {"PEXPIRE", "k", "100000"}) == ":1\r\n");
    CHECK(AsRead(server, {"GETEX", "k", "EX", "100"}) == "$1\r\nv\r\n");
    CHECK(AsRead(server, {"GETEX", "k", "px", "100000"}) == "$1\r\nv\r\n");
  }
  CHECK(server.store.revision() == revision);
}

TEST_CASE("a refresh whose promise is not kept is logged with a pad, to the millisecond") {
  TestServer server;
  server.Run("SET k v PX 30000");
  CHECK(AsRead(server, {"PEXPIRE", "k", "30000"}) == ":1\r\n");
  server.Advance(1);
  CHECK(AsRead(server, {"PEXPIRE", "k", "30000"}) == "entry 31500");
  CHECK(AsRead(server, {"EXPIRE", "k", "30"}) == "entry 31500");
  CHECK(AsRead(server, {"GETEX", "k", "EX", "30"}) == "entry 31500");
  server.Advance(1199);
  CHECK(AsRead(server, {"PEXPIRE", "k", "30000"}) == "entry 31500");
  // The pad is 30 s at most, however long the TTL.
  server.Run("SET long v EX 100000");
  server.Advance(1);
  CHECK(AsRead(server, {"EXPIRE", "long", "100000"}) == "entry 100030000");
}

TEST_CASE("a refresh moves no end by more than the time for which its TTL has been asked for") {
  CHECK(RefreshTtlMaxMs(600'000, 0) == 600'000);
  CHECK(RefreshTtlMaxMs(600'000, 50) == 600'000);
  CHECK(RefreshTtlMaxMs(600'000, 51) == 600'051);
  CHECK(RefreshTtlMaxMs(600'000, 30'000) == 630'000);
}

TEST_CASE("what a refresh promises is judged by the clock of now, not by that of the last entry") {
  TestServer server;
  server.Run("SET k v EX 105");
  server.elapsed_ms += 5001;
  CHECK(AsRead(server, {"EXPIRE", "k", "100"}) == "entry 105000");
}

TEST_CASE("a refresh takes an entry if a lock guards the key") {
  TestServer server;
  server.Run("SET k v EX 105");
  server.Run("LOCK ACQUIRE k 60000");
  server.Advance(1000);
  CHECK(AsRead(server, {"EXPIRE", "k", "100"}) == "entry");
  CHECK(AsRead(server, {"GETEX", "k", "EX", "100"}) == "entry");
}

TEST_CASE("what shortens, what is short, conditional or absent takes an entry, and is exact") {
  TestServer server;
  server.Run("SET k v EX 105");
  server.Run("SET free v");
  server.Run("SET wall v EXAT 33177117420");
  server.Run("SET unix v PXAT 1700000100000");
  server.Run("SET short v EX 19");
  server.Run("HSET h f v");
  server.Run("EXPIRE h 105");
  for (const std::vector<std::string_view>& args :
       std::vector<std::vector<std::string_view>>{{"PEXPIRE", "k", "99999"},
                                                  {"PEXPIRE", "unix", "1700000099500"},
                                                  {"EXPIRE", "k", "100", "GT"},
                                                  {"EXPIRE", "k", "x"},
                                                  {"EXPIRE", "k", "-1"},
                                                  {"EXPIRE", "none", "100"},
                                                  {"EXPIRE", "free", "100"},
                                                  {"EXPIRE", "wall", "100"},
                                                  {"PEXPIRE", "short", "19999"},
                                                  {"GETEX", "k", "PERSIST"},
                                                  {"GETEX", "k", "EXAT", "33177117420"},
                                                  {"GETEX", "h", "EX", "100"}}) {
    CAPTURE(args[0]);
    CAPTURE(args[1]);
    CAPTURE(args[2]);
    CHECK(AsRead(server, args) == "entry");
  }
  CHECK(AsRead(server, {"EXPIRE", "h", "100"}) == ":1\r\n");
}

TEST_CASE("a call with another TTL is a PEXPIRE or a GETEX of that many milliseconds") {
  std::string number;
  std::vector<std::string_view> words;
  const auto with = [&](const std::vector<std::string_view>& args) {
    const CommandSpec& spec =
        WithTtlMs(*Registry::Get().Find(args[0]), args, 31'500, &number, &words);
    std::string line(spec.name);
    for (const std::string_view word : words) line += " " + std::string(word);
    return line;
  };
  CHECK(with({"expire", "k", "30"}) == "PEXPIRE PEXPIRE k 31500");
  CHECK(with({"PEXPIRE", "k", "30000"}) == "PEXPIRE PEXPIRE k 31500");
  CHECK(with({"GETEX", "k", "EX", "30"}) == "GETEX GETEX k PX 31500");
}

}  // namespace clustron::commands
