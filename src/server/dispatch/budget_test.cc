// What an item may cost: the same verdict with and without a client, and an item that is undone has
// never been.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "commands/transaction/multi.h"
#include "state/executor.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"
#include "store/tables/once_table.h"
#include "store/types/hash/hash_value.h"
#include "store/types/string/string_value.h"
#include "tests/support/budget_bench.h"

namespace clustron::server {
namespace {

Words With(Words first, const Words& rest) {
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

TEST_CASE_FIXTURE(Budget, "an EXEC whose replies are too long is undone, wherever its client is") {
  Run({"SET", "big", std::string(10'000, 'v')});
  Run({"SET", "k", "v"});
  Run({"LEASE", "GRANT", "60000", "ID", "l"});
  Limit(25'000);
  const std::vector<Words> writes = {
      {"SET", "k", "w"},
      {"DEL", "big"},
      {"SET", "new", "x"},
      {"HSET", "h", "f", "v"},
      {"EXPIRE", "k", "100"},
      {"LEASE", "ATTACH", "l", "new"},
      {"LOCK", "ACQUIRE", "n", "1000"},
      {"CONFIG", "SET", "hash-max-listpack-entries", "3"},
      {"SET", "big", std::string(10'000, 'u')},
      {"FLUSHDB"},
      {"SET", "big", std::string(10'000, 't')},
      {"SELECT", "3"},
      {"SET", "elsewhere", "1"},
      {"SELECT", "0"},
  };
  std::vector<Words> commands = writes;
  commands.push_back({"GET", "big"});
  commands.push_back({"GET", "big"});
  REQUIRE(Exec(commands).starts_with("*16\r\n+OK\r\n"));
  REQUIRE(LocksOf(store()).Find(0, "n") != nullptr);
  REQUIRE(store().Size(3) == 1);
  commands.push_back({"GET", "big"});
  commands.push_back({"INCR", "after"});
  const size_t before = store().Size(0);
  Refused("EXECABORT", [&] { return Exec(commands); });
  CHECK(store().Size(0) == before);
  CHECK(store().settings().Number("hash-max-listpack-entries") == 3);
  // The next one is as if it had not been.
  CHECK(Exec({{"INCR", "after"}, {"GET", "big"}}).starts_with("*2\r\n:1\r\n$10000\r\n"));
}

TEST_CASE_FIXTURE(Budget, "the limit is the reply's length to the byte, and version 1 has none") {
  Run({"SET", "big", std::string(2000, 'v')});
  const std::vector<Words> commands = {{"INCR", "n"}, {"GET", "big"}};
  const std::string reply = Exec(commands);
  Limit(reply.size());
  CHECK(Exec(commands).size() == reply.size());
  Limit(reply.size() - 1);
  Refused("EXECABORT", [&] { return Exec(commands); });

  state::Executor old{7};  // a log as it was before there were budgets
  old.SetItemWorkMax(0);
  cluster::Slot at = 0;
  const auto apply = [&](const std::string& item) {
    const auto bytes = std::make_shared<std::string>(EntryOf(1000, 1'700'000'000'000, {item}));
    old.Apply(++at, {paxos::EntryKind::kBatch, {1, 1}, bytes}, true);
  };
  apply(CommandItem({"CONFIG", "SET", "item-reply-max", "1024"}));
  apply(CommandItem({"SET", "big", std::string(5000, 'v')}));
  apply(CommandItem({"GETSET", "big", "w"}));
  CHECK(StringOf(*old.store().Find(0, "big")).size() == 1);
}

TEST_CASE_FIXTURE(Budget, "lists: what would be replied, compared or built is counted first") {
  const std::string big(500, 'x');
  Words push = {"RPUSH", "l"};
  for (int i = 0; i < 50; ++i) push.push_back(big);
  Run(push);
  Run({"RPUSH", "m", "a", "b", "c"});
  const std::string dump = Run({"ONCE", "dump", "1000", "DUMP", "l"});
  const std::string payload =
      dump.substr(dump.find("\r\n") + 2, dump.size() - 2 - dump.find("\r\n") - 2);
  Limit(1200);
  for (const Words& words : std::vector<Words>{
           {"LPOP", "l", "3"}, {"RPOP", "l", "3"}, {"LMPOP", "1", "l", "LEFT", "COUNT", "3"}}) {
    CAPTURE(words[0]);
    Refused("ERR", [&] { return Run(words); });
    Refused("ERR", [&] { return Run(With({"ONCE", "id", "1000"}, words)); });
  }
  Refused("ERR", [&] { return Run({"ONCE", "id", "1000", "LRANGE", "l", "0", "-1"}); });
  Refused("ERR", [&] { return Run({"ONCE", "id", "1000", "DUMP", "l"}); });
  Limit(1 << 20, 100);
  Refused("ERR", [&] { return Run({"LREM", "l", "0", "none"}); });
  Refused("ERR", [&] { return Run({"LINSERT", "l", "BEFORE", std::string(1000, 'y'), "z"}); });
  Refused("ERR", [&] { return Run({"RESTORE", "n", "0", payload}); });
  Limit(1 << 20, 1'000'000);
  CHECK(Run({"RESTORE", "n", "0", payload}) == "+OK\r\n");
  CHECK(Run({"LLEN", "n"}) == ":50\r\n");
  CHECK(Run({"LPOP", "l", "3"}).size() > 1500);
}

TEST_CASE_FIXTURE(Budget, "TXN, ONCE, LOCK DO and LEASE DO around wide commands") {
  Run({"SET", "big", std::string(1500, 'v')});
  Run({"SET", "k", "v"});
  Run({"LEASE", "GRANT", "60000", "ID", "l"});
  Run({"LOCK", "ACQUIRE", "n", "10000"});
  const std::string token = std::to_string(LocksOf(store()).Find(0, "n")->holder().token);
  Limit(1200);
  Refused("TXNLIMIT",
          [&] { return Run({"TXN", "THEN", "2", "3", "SET", "k", "w", "2", "GET", "big"}); });
  Refused("ERR", [&] { return Run({"ONCE", "id", "1000", "GET", "big"}); });
  Refused("ERR", [&] { return Run({"ONCE", "id", "1000", "GETSET", "big", "w"}); });
  Refused("ERR", [&] {
    return Run({"ONCE", "id", "1000", "TXN", "THEN", "2", "3", "SET", "k", "w", "2", "GET", "big"});
  });
  Refused("ERR", [&] { return Run({"LOCK", "DO", "n", token, "GETDEL", "big"}); });
  Refused("ERR", [&] { return Run({"LEASE", "DO", "l", "GETSET", "big", "w"}); });
  for (const Words& words : std::vector<Words>{{"GETSET", "big", "w"},
                                               {"GETDEL", "big"},
                                               {"GETEX", "big", "PX", "1000"},
                                               {"SET", "big", "w", "GET"},
                                               {"SET", "big", "w", "XX", "GET"}}) {
    CAPTURE(words[0]);
    Refused("ERR", [&] { return Run(words); });
  }
  // What a TXN took back counts: that it will was not known while it was written.
  Refused("TXNLIMIT",
          [&] { return Run({"TXN", "THEN", "2", "2", "GET", "big", "3", "HSET", "k", "f"}); });
  Limit(5000);
  CHECK(Run({"ONCE", "id", "1000", "TXN", "THEN", "2", "3", "SET", "k", "w", "2", "GET", "big"})
            .starts_with("*3\r\n:1\r\n:"));
  CHECK(Run({"TXN", "THEN", "2", "2", "GET", "big", "2", "INCR", "big"}) ==
        "-ERR command 2 (INCR big): value is not an integer or out of range\r\n");
}

TEST_CASE_FIXTURE(Budget,
                  "the limit of a TXN is its reply's length to the byte, its header included") {
  Run({"SET", "big", std::string(2000, 'v')});
  const Words txn = {"TXN", "THEN", "2", "2", "INCR", "n", "2", "GET", "big"};
  // Counter and revision keep two digits.
  for (int i = 10; i < 25; ++i) Run({"SET", "n", std::to_string(i)});
  const std::string reply = Run(txn);
  Limit(reply.size());
  CHECK(Run(txn).size() == reply.size());
  for (uint64_t less = 1; less < 30; ++less) {
    CAPTURE(less);
    Limit(reply.size() - less);
    Refused("TXNLIMIT", [&] { return Run(txn); });
    Refused("ERR", [&] {
      Words once = {"ONCE", "id", "1000"};
      once.insert(once.end(), txn.begin(), txn.end());
      return Run(once);
    });
  }
}

TEST_CASE_FIXTURE(Budget, "what ONCE stores is the same everywhere: 64 KB, or DONE") {
  for (const size_t size : {size_t{65'526}, size_t{65'528}, size_t{500'000}}) {
    CAPTURE(size);
    const std::string value(size, 'v');
    Run({"SET", "big", value});
    const std::string id = "id" + std::to_string(size);
    const std::string first = Run({"ONCE", id, "1000", "GET", "big"});
    CHECK(first == "$" + std::to_string(size) + "\r\n" + value + "\r\n");
    const std::string again = Run({"ONCE", id, "1000", "GET", "big"});
    if (size + 10 <= 65'536) {
      CHECK(again == first);
    } else {
      CHECK(again == "$" + std::to_string(5 + std::to_string(store().revision()).size()) +
                         "\r\nDONE " + std::to_string(store().revision()) + "\r\n");
    }
    REQUIRE(OnceOf(with.executor.store()).size() == OnceOf(without.executor.store()).size());
    CHECK(OnceOf(with.executor.store()).bytes() == OnceOf(without.executor.store()).bytes());
  }
}

TEST_CASE_FIXTURE(Budget,
                  "each family's work counts, and a command that costs too much does nothing") {
  Run({"SET", "k", std::string(200'000, 'v')});
  Run({"SET", "other", std::string(1000, 'u')});
  std::vector<std::string> hset = {"HSET", "h"};
  for (int i = 0; i < 1000; ++i) {
    hset.push_back("field" + std::to_string(i));
    hset.emplace_back(20, 'v');
    Run({"SET", "many" + std::to_string(i), "1"});
  }
  Run(hset);
  Limit(1 << 20, 20'000);
  const std::vector<Words> alone = {
      {"COPY", "k", "copy"},
      {"COPY", "h", "copy"},
      {"BITOP", "OR", "dest", "k", "other"},
      {"BITOP", "NOT", "k", "k"},
      {"SETRANGE", "far", "100000", "x"},
      {"SETBIT", "far", "800000", "1"},
      {"BITFIELD", "far", "SET", "u8", "800000", "1"},
      {"SET", "k", "w", "IFDEQ", "0123456789abcdef"},
      {"DELEX", "k", "IFDEQ", "0123456789abcdef"},
  };
  for (const Words& words : alone) {
    CAPTURE(words[0]);
    Refused("ERR", [&] { return Run(words); });
    Refused("EXECABORT", [&] { return Exec({{"INCR", "n"}, words}); });
    Refused("TXNLIMIT", [&] {
      Words txn = {"TXN", "THEN", "2", "2", "INCR", "n", std::to_string(words.size())};
      txn.insert(txn.end(), words.begin(), words.end());
      return Run(txn);
    });
  }
  const std::vector<Words> repeated = {
      {"BITCOUNT", "k"},
      {"BITPOS", "k", "1", "0", "-1"},
      {"LCS", "other", "h2"},
      {"HRANDFIELD", "h", "-1000"},
      {"HSCAN", "h", "0", "MATCH", "nothing", "COUNT", "1000"},
      {"SCAN", "0", "MATCH", "nothing", "COUNT", "1000"},
      {"KEYS", "*nothing"},
      {"HGETALL", "h"},
      {"HKEYS", "h"},
      {"HVALS", "h"},
      {"FLUSHDB"},
      {"FLUSHALL"},
  };
  Run({"SET", "h2", std::string(1000, 'u')});
  for (const Words& words : repeated) {
    CAPTURE(words[0]);
    std::vector<Words> commands = {{"INCR", "n"}};
    for (int i = 0; i < 25; ++i) commands.push_back(words);
    Refused("EXECABORT", [&] { return Exec(commands); });
  }
  // What the journal keeps is work, too: each of these sets a block or an entry aside.
  std::vector<Words> kept = {{"GET", "many1"}};
  for (int i = 0; i < 200; ++i) kept.push_back({"EXPIRE", "other", std::to_string(1000 + i)});
  Refused("EXECABORT", [&] { return Exec(kept); });
  // Many narrow commands need no journal and are no work.
  std::vector<Words> narrow(500, Words{"INCR", "n"});
  CHECK(Exec(narrow).starts_with("*500\r\n:1\r\n"));
}

TEST_CASE_FIXTURE(Budget,
                  "on the inline path, what is undone is not logged, and a replay is the same") {
  Run({"SET", "big", std::string(3000, 'v')});
  Limit(5000);
  state::Executor& live = with.executor;
  const auto inline_run = [&](const commands::Args& args) {
    resp::ReplyChunks out;
    live.RunInline(*commands::Registry::Get().Find(args[0]), args, {}, 0, &out);
    return out.TakeAll();
  };
  const std::string_view get[] = {"GET", "big"};
  const std::string_view incr[] = {"INCR", "n"};
  const std::string_view grant[] = {"SET", "last", "1"};
  commands::ExecEncoder exec({}, 3);
  exec.Add(incr);
  exec.Add(get);
  exec.Add(get);

  live.OpenInline(slot + 1, 2000, 1'700'000'000'000, true);
  CHECK(inline_run(exec.args()).starts_with("-EXECABORT "));
  CHECK(live.SealInline(0).empty());

  live.OpenInline(slot + 1, 2000, 1'700'000'000'000, true);
  CHECK(inline_run(incr) == ":1\r\n");
  CHECK(inline_run(exec.args()).starts_with("-EXECABORT "));
  CHECK(inline_run(grant) == "+OK\r\n");
  const auto entry = std::make_shared<std::string>(live.SealInline(0));
  without.executor.Apply(slot + 1, {paxos::EntryKind::kBatch, {1, 1}, entry}, true);
  CHECK(live.digest() == without.executor.digest());
  CHECK(live.store().Digest() == without.executor.store().Digest());
}

TEST_CASE_FIXTURE(Budget, "a plain command never changes anything before it knows that it may") {
  // Whatever its reply and its work: with tiny limits a write is whole or has not been.
  for (const uint64_t work : {uint64_t{0}, uint64_t{10}, uint64_t{100}, uint64_t{2000}}) {
    Run({"SET", "k", std::string(3000, 'v')});
    Run({"HSET", "h", "f", std::string(3000, 'v')});
    Run({"SET", "n", "1"});
    Limit(1024, work);
    std::vector<std::string> fields = {"BITFIELD", "bits"};
    for (int i = 0; i < 100; ++i) fields.insert(fields.end(), {"INCRBY", "i64", "0", "-1"});
    for (const Words& words : std::vector<Words>{{"GETSET", "k", "w"},
                                                 {"GETDEL", "k"},
                                                 {"GETEX", "k", "PERSIST"},
                                                 {"COPY", "k", "c"},
                                                 {"SETRANGE", "k", "9000", "x"},
                                                 {"SETBIT", "k", "99999", "1"},
                                                 {"APPEND", "k", "x"},
                                                 {"BITOP", "NOT", "d", "k"},
                                                 fields,
                                                 {"SET", "k", "v", "GET"},
                                                 {"RENAME", "k", "k2"},
                                                 {"MOVE", "h", "4"},
                                                 {"SWAPDB", "0", "4"},
                                                 {"FLUSHDB"},
                                                 {"FLUSHALL"},
                                                 {"HSET", "h", "g", "v"},
                                                 {"HDEL", "h", "f"},
                                                 {"MSET", "a", "1", "b", "2"},
                                                 {"LEASE", "GRANT", "60000"},
                                                 {"LOCK", "ACQUIRE", "n", "1000"},
                                                 {"INCRBYFLOAT", "n", "1"}}) {
      CAPTURE(words[0]);
      const uint64_t revision = with.executor.revision();
      const uint64_t digest = store().Digest();
      const std::string reply = Run(words);
      if (reply.find("item-reply-max") == std::string::npos) continue;
      CHECK(with.executor.revision() == revision);
      CHECK(store().Digest() == digest);
    }
  }
}

TEST_CASE("random transactions at the budget's edge: one verdict, and all or nothing") {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    Budget all;
    Budget kept;  // only what was not refused
    kept.Limit(uint64_t{1} << 40);
    const auto random_command = [&]() -> Words {
      const std::string key(1, static_cast<char>('a' + rng.Below(4)));
      const std::string hash(1, static_cast<char>('p' + rng.Below(3)));
      switch (rng.Below(13)) {
        case 0:
          return {"SET", key, std::string(rng.Below(6000), 'v')};
        case 1:
          return {"GETSET", key, std::string(rng.Below(6000), 'v')};
        case 2:
          return {"SETRANGE", key, std::to_string(rng.Below(20'000)), "x"};
        case 3:
          return {"COPY", key, std::string(1, static_cast<char>('a' + rng.Below(4))), "REPLACE"};
        case 4:
          return {"HSET", hash, std::to_string(rng.Below(9)), std::string(rng.Below(300), 'w')};
        case 5:
          return {"HGETALL", hash};
        case 6:
          return {"DEL", key};
        case 7:
          return {"EXPIRE", key, "100"};
        case 8:
          return {"BITOP", "XOR", key, "a", "b", "c"};
        case 9:
          return {"RENAME", key, "d"};
        case 10:
          return {"HDEL", hash, std::to_string(rng.Below(9))};
        case 11:
          return {"APPEND", key, std::string(rng.Below(3000), 'y')};
        default:
          return {"MGET", "a", "b", "c", "d"};
      }
    };
    size_t refused = 0;
    for (int i = 0; i < 60; ++i) {
      const uint64_t reply_max = 1024 + rng.Below(40'000);
      const uint64_t work_max = rng.Below(40'000);
      all.Limit(reply_max, work_max);
      std::vector<Words> commands;
      for (uint64_t n = 1 + rng.Below(12); n > 0; --n) commands.push_back(random_command());
      const std::string reply = all.Exec(commands);
      const bool undone = reply.starts_with("-EXECABORT");
      refused += undone;
      if (!undone) CHECK(kept.Exec(commands) == reply);
      for (const char* key : {"a", "b", "c", "d", "p", "q", "r"}) {
        const store::KeyRecord* one = all.store().Find(0, key);
        const store::KeyRecord* two = kept.store().Find(0, key);
        REQUIRE((one == nullptr) == (two == nullptr));
        if (one == nullptr || one->type() != store::Type::kString) continue;
        store::Scratch s1, s2;
        REQUIRE(StringOf(*one).Bytes(s1) == StringOf(*two).Bytes(s2));
      }
    }
    CHECK(refused > 0);
    CHECK(refused < 60);
  }
}

TEST_CASE_FIXTURE(Budget, "changing fields of a packed hash costs by the walk, and what moves") {
  REQUIRE(Run({"CONFIG", "SET", "hash-max-listpack-entries", "65536"}) == "+OK\r\n");
  Words fill = {"HSET", "h"};
  Words fields;
  for (int i = 0; i < 4000; ++i) {
    fields.push_back("field" + std::to_string(i));
    fill.insert(fill.end(), {fields.back(), "0"});
  }
  CHECK(Run(fill) == ":4000\r\n");
  REQUIRE(HashOf(*store().Find(0, "h")).packed());
  Words del = {"HDEL", "h"};
  del.insert(del.end(), fields.rbegin(), fields.rend());
  Words again = {"HMSET", "h"};
  for (const std::string& field : fields) again.insert(again.end(), {field, "1"});
  Limit(1 << 20, 1'000'000);
  Refused("ERR", [&] { return Run(del); });
  Refused("ERR", [&] { return Run(again); });
  Words fresh = fill;
  fresh[1] = "k";
  Refused("ERR", [&] { return Run(fresh); });
  Refused("ERR", [&] { return Run(With({"ONCE", "id", "1000"}, again)); });
  // Single ones: undone with what came before them.
  for (const Words& one :
       {Words{"HSET", "h", "field9", "7"}, Words{"HDEL", "h", "field9"},
        Words{"HINCRBY", "h", "field9", "1"}, Words{"HSETNX", "h", "new", "1"},
        Words{"HINCRBYFLOAT", "h", "field9", "1"}, Words{"HMSET", "h", "f", "v"}}) {
    std::vector<Words> many = {{"SET", "k", "w"}};
    for (int i = 0; i < 250; ++i) many.push_back(one);
    if (one[0] == "HDEL")
      for (int i = 0; i < 250; ++i)
        many[1 + static_cast<size_t>(i)][2] = "field" + std::to_string(i);
    Refused("EXECABORT", [&] { return Exec(many); });
    CHECK(Run(one)[0] != '-');
  }
  // What becomes a table on its way costs no more than its arguments.
  REQUIRE(Run({"CONFIG", "SET", "hash-max-listpack-entries", "128"}) == "+OK\r\n");
  CHECK(Run(fresh) == ":4000\r\n");
  CHECK(!HashOf(*store().Find(0, "k")).packed());
}

TEST_CASE_FIXTURE(Budget, "the end of leases costs by their keys and locks") {
  for (int i = 0; i < 30; ++i) {
    const std::string id = "l" + std::to_string(i);
    Run({"LEASE", "GRANT", "60000", "ID", id});
    for (int j = 0; j < 40; ++j) {
      const std::string key = id + "k" + std::to_string(j);
      Run({"SET", key, "v", "LEASE", id});
      Run({"LOCK", "ACQUIRE", key + "lock", "60000", "LEASE", id, "ADVISORY"});
    }
  }
  std::vector<Words> ends = {{"SET", "k", "w"}};
  for (int i = 0; i < 30; ++i) ends.push_back({"LEASE", "REVOKE", "l" + std::to_string(i)});
  Limit(1 << 20, 2000);
  Refused("EXECABORT", [&] { return Exec(ends); });
  CHECK(LeasesOf(store()).size() == 30);
  CHECK(LocksOf(store()).size() == 1200);
  CHECK(Run(ends[1]).starts_with("*3\r\n:1\r\n:40\r\n"));
}

}  // namespace
}  // namespace clustron::server
