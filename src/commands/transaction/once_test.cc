#include <map>
#include <string>

#include "base/rng.h"
#include "commands/core/resp_downgrade.h"
#include "commands/core/test_server.h"

namespace clustron::commands {

using store::OnceTable;

TEST_CASE("a repeated request gets the stored reply and has no effect") {
  TestServer server;
  CHECK(server.Run("ONCE r1 1000 INCR n") == ":1\r\n");
  CHECK(server.Run("ONCE r1 1000 INCR n") == ":1\r\n");
  CHECK(server.Run("ONCE r2 1000 INCR n") == ":2\r\n");
  CHECK(server.Run("ONCE r1 1000 INCR other").starts_with("-ERR "));
  CHECK(server.Run("GET n") == "$1\r\n2\r\n");
  server.Advance(999);
  CHECK(server.Run("ONCE r1 1000 INCR n") == ":1\r\n");
  server.Advance(1);
  CHECK(server.Run("ONCE r1 1000 INCR n") == ":3\r\n");
}

TEST_CASE("errors that changed nothing are not stored") {
  TestServer server;
  server.Run("SET s x");
  CHECK(server.Run("ONCE r 1000 INCR s").starts_with("-ERR value is not an integer"));
  server.Run("SET s 1");
  CHECK(server.Run("ONCE r 1000 INCR s") == ":2\r\n");
  CHECK(server.Run("ONCE r3 1000 NOSUCH").starts_with("-ERR unknown command"));
  CHECK(server.Run("ONCE r3 0 INCR s").starts_with("-ERR "));
  CHECK(server.Run("ONCE r3 86400001 INCR s").starts_with("-ERR "));
  CHECK(server.Run({"ONCE", "", "1000", "INCR", "s"}).starts_with("-ERR "));
  CHECK(server.once.size() == 1);
}

TEST_CASE("a stored reply takes a revision even if the command only read") {
  TestServer server;
  server.Run("SET k v");
  CHECK(server.Run("ONCE r 1000 GET k") == "$1\r\nv\r\n");
  CHECK(server.store.revision() == 2);
  server.Run("SET k w");
  CHECK(server.Run("ONCE r 1000 GET k") == "$1\r\nv\r\n");
  CHECK(server.store.revision() == 3);
}

TEST_CASE("a reply above the bound is kept as its revision") {
  TestServer server;
  const std::string big(store::kStoredReplyBytesMax, 'x');
  server.Run({"SET", "k", big});
  CHECK(server.Run("ONCE r 1000 GET k").size() > store::kStoredReplyBytesMax);
  CHECK(server.Run("ONCE r 1000 GET k") == "$6\r\nDONE 2\r\n");
}

TEST_CASE("a full table refuses, and nothing runs") {
  TestServer server;
  server.once.SetLimits({.entries_max = 2});
  server.Run("ONCE a 1000 INCR n");
  server.Run("ONCE b 2000 INCR n");
  CHECK(server.Run("ONCE c 1000 INCR n").starts_with("-BUSY "));
  CHECK(server.Run("ONCE a 1000 INCR n") == ":1\r\n");
  CHECK(server.Run("GET n") == "$1\r\n2\r\n");
  server.Advance(1000);  // a is past its time
  CHECK(server.Run("ONCE c 1000 INCR n") == ":3\r\n");
  CHECK(server.once.size() == 2);
}

TEST_CASE("a stored reply is undone with its transaction") {
  TestServer server;
  server.Run("SET s x");
  CHECK(server.Run("TXN THEN 2 5 ONCE r 1000 INCR n 2 INCR s")
            .starts_with("-ERR command 2 (INCR s): value"));
  CHECK(server.once.size() == 0);
  CHECK(server.Run("TXN THEN 1 5 ONCE r 1000 INCR n").starts_with("*3\r\n:1\r\n"));
  CHECK(server.Run("ONCE r 1000 INCR n") == ":1\r\n");
}

TEST_CASE("a RESP3 reply is told to a RESP2 caller in RESP2") {
  TestServer server;
  server.Run("HSET h f v");
  server.resp_version = 3;
  CHECK(server.Run("ONCE r 1000 HGETALL h") == "%1\r\n$1\r\nf\r\n$1\r\nv\r\n");
  CHECK(server.Run("ONCE r2 1000 GET none") == "_\r\n");
  server.resp_version = 2;
  CHECK(server.Run("ONCE r 1000 HGETALL h") == "*2\r\n$1\r\nf\r\n$1\r\nv\r\n");
  CHECK(server.Run("ONCE r2 1000 GET none") == "$-1\r\n");
  CHECK(DowngradeToResp2("*3\r\n~1\r\n,1.5\r\n#t\r\n=7\r\ntxt:abc\r\n") ==
        "*3\r\n*1\r\n$3\r\n1.5\r\n:1\r\n$3\r\nabc\r\n");
  CHECK(DowngradeToResp2("+OK\r\n-ERR x\r\n:5\r\n$-1\r\n$0\r\n\r\n(123\r\n") ==
        "+OK\r\n-ERR x\r\n:5\r\n$-1\r\n$0\r\n\r\n$3\r\n123\r\n");
}

std::string Rows(OnceTable& table) {
  std::string rows;
  table.BeginWalk();
  while (!table.Walk(1000, &rows).all) {
  }
  return rows;
}

Status Load(OnceTable& table, std::string_view bytes) {
  for (Reader rows(bytes); !rows.Done();) {
    Reader row(rows.Bytes());
    TRY(table.LoadRow(&row));
    if (!row.Done()) return Fail(Errc::kCorruption, "longer than its row");
  }
  return {};
}

TEST_CASE("the table agrees with a map, through rollbacks and snapshots") {
  const uint64_t seed = 42;
  CAPTURE(seed);
  Rng rng(seed);
  store::Store store(1);
  OnceTable& table = OnceOf(store);
  std::map<std::string, std::pair<int64_t, std::string>> model;
  int64_t now = 0;
  for (int i = 0; i < 5000; i++) {
    now += static_cast<int64_t>(rng.Below(5));
    store.BeginItem();
    const std::string id = std::to_string(rng.Below(200));
    const auto* found = table.Find("u", id, now);
    const auto it = model.find(id);
    const bool expected = it != model.end() && it->second.first > now;
    REQUIRE((found != nullptr) == expected);
    if (found != nullptr) {
      REQUIRE(found->reply == it->second.second);
      continue;
    }
    REQUIRE(table.HasRoom(now));
    const std::string before = Rows(table);
    const size_t mark = store.Arm();
    const int64_t until = now + 1 + static_cast<int64_t>(rng.Below(300));
    table.Put("u", id, {.until_ms = until, .reply = "r" + std::to_string(i)}, now);
    if (rng.Percent(30)) {
      store.Rollback(mark);
      REQUIRE(before == Rows(table));
    } else {
      store.Disarm(mark);
      model[id] = {until, "r" + std::to_string(i)};
    }
    if (rng.Percent(1)) {
      const size_t bytes = table.bytes();
      const std::string rows = Rows(table);
      const auto old = table.Clear();
      while (old->FreeSome(10)) {
      }
      REQUIRE(Load(table, rows));
      REQUIRE(table.bytes() == bytes);
      REQUIRE(Rows(table) == rows);
    }
  }
}

TEST_CASE("a walk gives the table as it was when it began, whatever changes meanwhile") {
  for (uint64_t seed = 1; seed <= 30; seed++) {
    CAPTURE(seed);
    Rng rng(seed);
    store::Store store(1);
    OnceTable& table = OnceOf(store);
    int64_t now = 0;
    const auto change = [&] {
      now += static_cast<int64_t>(rng.Below(10));
      store.BeginItem();
      const std::string id = std::to_string(rng.Below(200));
      if (table.Find("u", id, now) != nullptr) return;
      const size_t mark = store.Arm();
      table.Put("u", id, {.until_ms = now + 1 + static_cast<int64_t>(rng.Below(900))}, now);
      rng.Percent(30) ? store.Rollback(mark) : store.Disarm(mark);
    };
    for (int i = 0; i < 300; i++) change();
    const std::string before = Rows(table);
    std::string rows;
    int slices = 1;
    table.BeginWalk();
    for (; !table.Walk(500, &rows).all; slices++) {
      for (uint64_t n = rng.Below(10); n > 0; n--) change();
    }
    CHECK(slices > 3);
    store::Store other(2);
    OnceTable& restored = OnceOf(other);
    REQUIRE(Load(restored, rows));
    REQUIRE(Rows(restored) == before);
  }
}

TEST_CASE("a damaged table is refused") {
  store::Store store(1);
  OnceTable& table = OnceOf(store);
  table.Put("u", "id", {.until_ms = 5, .reply = "+OK\r\n"}, 0);
  const std::string rows = Rows(table);
  Reader all(rows);
  const std::string_view row = all.Bytes();
  for (size_t size = 0; size < row.size(); size++) {
    store::Store other(2);
    OnceTable& damaged = OnceOf(other);
    Reader reader(row.substr(0, size));
    CHECK_FALSE(damaged.LoadRow(&reader).has_value());
  }
  CHECK_FALSE(Load(table, rows).has_value());  // it is there already
}

}  // namespace clustron::commands
