// Open transactions: what they read and stage, and how their COMMIT is judged.
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "commands/core/keys.h"
#include "commands/core/registry.h"
#include "commands/core/test_server.h"
#include "commands/transaction/commit_call.h"
#include "commands/transaction/open_txns.h"
#include "store/tables/txn_table.h"

namespace clustron::commands {

namespace {

struct FakeTransactions final : TransactionsPort {
  OpenTxns& open() override { return txns; }
  size_t count() const override { return txns.all().size(); }
  int64_t NowMs() const override { return now_ms; }
  uint32_t node() const override { return 3; }
  uint64_t NextNumber() override { return ++number; }
  void SetItem(std::vector<std::string> words) override { item = std::move(words); }
  std::unique_ptr<LateReply> Ask(uint32_t, const TxnRequest&) override { return nullptr; }

  OpenTxns txns;
  int64_t now_ms = 1000;
  uint64_t number = 0;
  std::vector<std::string> item;
};

// A node with nothing but open transactions.
struct FakeServer final : ServerPort {
  uint64_t Publish(std::string_view, std::string_view, bool, bool) override { return 0; }
  ClientsPort& clients() override { std::abort(); }
  ConfigPort& config() override { std::abort(); }
  PubsubPort& pubsub() override { std::abort(); }
  InfoPort& info() override { std::abort(); }
  NodePort& node() override { std::abort(); }
  TransactionsPort& transactions() override { return port; }
  WatchesPort& watches() override { UNREACHABLE(); }
  std::string_view password() const override { return {}; }

  FakeTransactions port;
};

class TxnServer final : public TestServer {
 public:
  TxnServer() { server = &node; }

  std::string Begin(const std::string& more = "") {
    const std::string reply = Run("TXN BEGIN " + more);
    REQUIRE(reply.starts_with('$'));
    const size_t at = reply.find('\n') + 1;
    return reply.substr(at, reply.size() - at - 2);
  }
  std::string Do(const std::string& id, const std::string& command) {
    return Run("TXN DO " + id + " " + command);
  }
  // As on the node that holds it: the words, and it is open no more.
  std::vector<std::string> Take(const std::string& id) {
    const OpenTxn* txn = node.port.txns.Find("default", id, node.port.now_ms);
    std::vector<std::string> words = txn != nullptr ? txn->Words() : ClosingWords(id);
    if (txn != nullptr) node.port.txns.Close("default", id);
    words.insert(words.begin(), "TXN");
    return words;
  }
  std::string Apply(const std::vector<std::string>& words) {
    return Run(std::vector<std::string_view>(words.begin(), words.end()));
  }
  std::string Commit(const std::string& id) { return Apply(Take(id)); }

  FakeServer node;
};

std::string Conflict(const std::string& key, uint64_t expected, uint64_t actual) {
  return "*4\r\n:0\r\n$" + std::to_string(key.size()) + "\r\n" + key +
         "\r\n:" + std::to_string(expected) + "\r\n:" + std::to_string(actual) + "\r\n";
}

}  // namespace

TEST_CASE("a COMMIT applies what was staged, and its outcome is kept for a minute") {
  TxnServer server;
  server.Run("SET a 1");
  const std::string id = server.Begin();
  CHECK(id == "3-1");
  CHECK(server.Do(id, "GET a") == "$1\r\n1\r\n");
  CHECK(server.Do(id, "INCR a") == "+QUEUED\r\n");
  CHECK(server.Do(id, "GET a") == "$1\r\n2\r\n");
  CHECK(server.Run("GET a") == "$1\r\n1\r\n");
  CHECK(server.store.revision() == 1);
  const std::string applied = "*3\r\n:1\r\n:2\r\n*1\r\n:2\r\n";
  const std::vector<std::string> words = server.Take(id);
  CHECK(server.Apply(words) == applied);
  const uint64_t digest = server.store.Digest();
  CHECK(server.Apply(words) == applied);  // the same item twice
  CHECK(server.Commit(id) == applied);    // the id alone
  CHECK(server.store.Digest() == digest);
  CHECK(server.Run("GET a") == "$1\r\n2\r\n");
  server.Advance(59'999);
  CHECK(server.Commit(id) == applied);
  server.Advance(1);
  CHECK(server.Commit(id).starts_with("-NOTXN "));
}

TEST_CASE("a COMMIT behind a closed id does nothing") {
  TxnServer server;
  const std::string id = server.Begin();
  server.Do(id, "SET a 1");
  const std::vector<std::string> words = server.Take(id);
  CHECK(server.Commit(id).starts_with("-NOTXN "));  // another node's, say
  CHECK(server.store.revision() == 1);
  CHECK(server.Apply(words).starts_with("-NOTXN "));
  CHECK(server.Run("EXISTS a") == ":0\r\n");
  CHECK(server.Run("TXN BEGIN ID 1") == "-ERR the transaction id is in use\r\n");
  server.Advance(60'000);
  CHECK(server.Run("TXN BEGIN ID 1").starts_with("$3\r\n3-1"));
}

TEST_CASE("another transaction of the same id does not get the first one's outcome") {
  TxnServer server;
  const std::string id = server.Begin("ID x");
  server.Do(id, "INCR n");
  const std::vector<std::string> first = server.Take(id);
  CHECK(server.Begin("ID x") == id);
  server.Do(id, "INCR n");
  const std::vector<std::string> second = server.Take(id);
  CHECK(server.Apply(first).starts_with("*3\r\n:1"));
  CHECK(server.Apply(second) ==
        "-NOTXN the id is that of another transaction: nothing of this one was applied\r\n");
  CHECK(server.Run("GET n") == "$1\r\n1\r\n");
}

TEST_CASE("whatever has changed what was read is a conflict, and undoes nothing else") {
  for (const char* change :
       {"SET k w", "APPEND k x", "DEL k", "RENAME k j", "RENAME other k", "COPY other k REPLACE",
        "FLUSHDB", "FLUSHALL", "MOVE k 4", "SET k v", "SWAPDB 0 4", "GETSET k v"}) {
    CAPTURE(change);
    TxnServer server;
    server.Run("SET k v");
    server.Run("SET other v");
    const std::string id = server.Begin();
    CHECK(server.Do(id, "GET k") == "$1\r\nv\r\n");
    server.Do(id, "SET mine 1");
    server.Run(std::string(change));
    const store::KeyRecord* record = server.store.Find(0, "k");
    const uint64_t now = record == nullptr ? 0 : record->revision();
    CHECK(server.Commit(id) == Conflict("k", 1, now));
    CHECK(server.Commit(id) == Conflict("k", 1, now));
    CHECK(server.Run("EXISTS mine") == ":0\r\n");
  }
  for (const char* no_change : {"EXPIRE k 100", "SET j 1", "PERSIST k", "LOCK ACQUIRE k 1000"}) {
    CAPTURE(no_change);
    TxnServer server;
    server.Run("SET k v");
    const std::string id = server.Begin();
    server.Do(id, "GET k");
    server.Run(std::string(no_change));
    CHECK(server.Commit(id).starts_with("*3\r\n:1"));
  }
}

TEST_CASE("absent keys are read, too") {
  TxnServer server;
  std::string id = server.Begin();
  CHECK(server.Do(id, "EXISTS k") == ":0\r\n");
  server.Run("SET k v");
  CHECK(server.Commit(id) == Conflict("k", 0, 1));
  id = server.Begin();
  server.Do(id, "MGET x y");
  server.Run("SET y 1");
  server.Run("DEL y");
  CHECK(server.Commit(id).starts_with("*3\r\n:1"));
  // Seen there in between: what it read then can't stand beside what it read before.
  id = server.Begin();
  server.Do(id, "GET y");
  server.Run("SET y 1");
  const uint64_t seen = server.store.revision();
  CHECK(server.Do(id, "GET y") == "$1\r\n1\r\n");
  server.Run("DEL y");
  CHECK(server.Commit(id) == Conflict("y", seen, 0));
}

TEST_CASE("a key that ends by its time is a conflict") {
  TxnServer server;
  server.Run("SET k v PX 500");
  const std::string id = server.Begin("TTL 60000");
  CHECK(server.Do(id, "GET k") == "$1\r\nv\r\n");
  server.Advance(500);
  CHECK(server.Commit(id) == Conflict("k", 1, 0));
}

TEST_CASE("a failing command takes all back") {
  TxnServer server;
  server.Run("SET s text");
  server.Run("HSET h f 1");
  const std::string id = server.Begin();
  for (const char* one :
       {"SET a 1", "DEL s", "HSET h g 2", "EXPIRE h 100", "LOCK ACQUIRE n 1000", "LPUSH h x"})
    CHECK(server.Do(id, one) == "+QUEUED\r\n");
  const uint64_t keys = server.store.Size(0);
  const std::string error = server.Commit(id);
  CHECK(error.starts_with("-WRONGTYPE command 6 (LPUSH h ...): "));
  CHECK(server.store.Size(0) == keys);
  CHECK(server.Run("GET s") == "$4\r\ntext\r\n");
  CHECK(server.Run("HLEN h") == ":1\r\n");
  CHECK(server.Run("LOCK INFO n").starts_with("$-1"));
  CHECK(server.Commit(id) == error);
}

TEST_CASE("own reads see own writes, through each other, and record what they went by") {
  TxnServer server;
  server.Run("SET a 1");
  server.Run("SET unrelated 1");
  const std::string id = server.Begin();
  server.Do(id, "RENAME a b");
  server.Do(id, "SET c 5");
  server.Do(id, "INCR unrelated");
  server.Do(id, "COPY b d");
  CHECK(server.Do(id, "GET d") == "$1\r\n1\r\n");
  CHECK(server.Do(id, "EXISTS a b c") == ":2\r\n");
  const OpenTxn* txn = server.node.port.txns.Find("default", id, 0);
  REQUIRE(txn != nullptr);
  CHECK(txn->keys_read() == 4);  // a b c d
  server.Run("INCR unrelated");  // written, but not read
  CHECK(server.Commit(id).starts_with("*3\r\n:1"));
  CHECK(server.Run("GET unrelated") == "$1\r\n3\r\n");
}

TEST_CASE("copies go by the state as it is, however often they are made") {
  TxnServer server;
  const std::string id = server.Begin("TTL 100000");
  server.Do(id, "APPEND s x");
  for (int i = 0; i < 2500; i++) {
    server.Run("SET s " + std::to_string(i));
    server.Advance(1);
    const std::string wanted = std::to_string(i) + "x";
    REQUIRE(server.Do(id, "GET s") ==
            "$" + std::to_string(wanted.size()) + "\r\n" + wanted + "\r\n");
  }
}

TEST_CASE("what a transaction stages and names is bounded") {
  TxnServer server;
  std::string id = server.Begin();
  const std::string big(600'000, 'x');
  CHECK(server.Run({"TXN", "DO", id, "SET", "a", big}) == "+QUEUED\r\n");
  CHECK(server.Run({"TXN", "DO", id, "SET", "b", big}).starts_with("-TXNLIMIT "));
  CHECK(server.Run({"TXN", "DO", id, "GET", big}).starts_with("-TXNLIMIT "));
  CHECK(server.Commit(id).starts_with("*3\r\n:1"));
  id = server.Begin();
  for (size_t i = 0; i < kOpenTxnCommandsMax; i++)
    REQUIRE(server.Do(id, "INCR n") == "+QUEUED\r\n");
  CHECK(server.Do(id, "INCR n").starts_with("-TXNLIMIT "));
  CHECK(server.Do(id, "GET n") == "$4\r\n1024\r\n");
  CHECK(server.Commit(id).starts_with("*3\r\n:1"));
  for (size_t i = 0; i < kOpenTxnsMax; i++) server.Begin();
  CHECK(server.Run("TXN BEGIN").starts_with("-BUSY "));
  server.node.port.now_ms += kOpenTxnTtlMs;
  CHECK(server.Run("TXN BEGIN").starts_with("$"));
  CHECK(server.node.port.txns.all().size() == 1);
}

TEST_CASE("values above 1 MiB are not both read and written") {
  TxnServer server;
  const std::string big((1 << 20) + 1, 'x');
  server.Run({"SET", "k", big});
  const std::string id = server.Begin();
  CHECK(server.Do(id, "STRLEN k") == ":1048577\r\n");
  server.Do(id, "APPEND other x");
  CHECK(server.Do(id, "STRLEN k") == ":1048577\r\n");
  server.Do(id, "APPEND k x");
  CHECK(server.Do(id, "STRLEN k").starts_with("-TXNLIMIT "));
  server.Do(id, "SETRANGE grown 2000000 x");
  CHECK(server.Do(id, "STRLEN grown").starts_with("-TXNLIMIT "));
  server.Do(id, "SETBIT bits 4294967295 1");
  CHECK(server.Do(id, "GETBIT bits 1").starts_with("-TXNLIMIT "));
  CHECK(server.Do(id, "STRLEN other") == ":1\r\n");
}

TEST_CASE("full outcomes refuse a COMMIT, and nothing runs") {
  TxnServer server;
  TxnsOf(server.store).SetLimits({.entries_max = 1});
  const std::string id = server.Begin();
  const std::string second = server.Begin();
  server.Do(second, "INCR n");
  CHECK(server.Commit(id).starts_with("*3\r\n:1"));
  CHECK(server.Commit(second).starts_with("-BUSY "));
  CHECK(server.Commit("9-x").starts_with("-BUSY "));
  CHECK(server.Run("EXISTS n") == ":0\r\n");
}

TEST_CASE("users have ids of their own") {
  TxnServer server;
  const std::string id = server.Begin("ID x");
  OpenTxns& txns = server.node.port.txns;
  CHECK(txns.Find("other", id, 0) == nullptr);
  txns.Open("other", id, {.ends_ms = 5000});
  CHECK(txns.Find("other", id, 4999) != nullptr);
  CHECK(txns.Find("other", id, 5000) == nullptr);
  txns.Close("other", id);
  CHECK(txns.Find("default", id, 4999) != nullptr);
}

TEST_CASE("the item of a COMMIT comes back as it was, and nothing else is taken for one") {
  const std::vector<SeenKey> seen = {{"a", 7}, {"", 0}, {std::string("b\0", 2), 1ULL << 47}};
  std::vector<StagedCommand> staged(2);
  staged[0].words = {"SET", "k", ""};
  staged[1].words = {"DEL", "k"};
  std::vector<std::string> words = CommitWords("3-x", 1ULL << 63, 15, seen, staged);
  words.insert(words.begin(), "TXN");
  std::vector<std::string_view> views(words.begin(), words.end());
  CommitCall call;
  REQUIRE(ReadCommit(views, &call));
  CHECK(call.number == 1ULL << 63);
  CHECK(call.db == 15);
  REQUIRE(call.reads.size() == 3);
  CHECK(call.reads[2].key == seen[2].key);
  CHECK(call.reads[2].revision == seen[2].revision);
  REQUIRE(call.commands.size() == 2);
  CHECK(call.commands[0].size() == 3);
  CHECK(call.commands[1][0] == "DEL");
  for (size_t keep = 0; keep < views.size(); keep++) {
    CommitCall cut;
    CHECK_FALSE(ReadCommit(Args(views).first(keep), &cut));
  }
  for (size_t i = 0; i < words[3].size(); i++) {
    std::string damaged = words[3].substr(0, i);
    std::vector<std::string_view> more = views;
    more[3] = damaged;
    CommitCall cut;
    CHECK_FALSE(ReadCommit(more, &cut));
  }
  std::string other_db = words[3];
  other_db[8] = 16;
  views[3] = other_db;
  CHECK_FALSE(ReadCommit(views, &call));
  TxnServer server;
  CHECK(server.Run("TXN COMMIT 3-x y z") == "-ERR the item of a COMMIT is malformed\r\n");
}

TEST_CASE("an id names its node") {
  CHECK(NodeOfTxn("3-x") == 3);
  CHECK(NodeOfTxn("4294967295-x-y") == 4294967295U);
  const std::string longest(kOpenTxnIdBytesMax, 'x');
  CHECK(NodeOfTxn("1-" + longest) == 1);
  for (const std::string& none :
       {std::string(), std::string("3"), std::string("3-"), "1-x" + longest, std::string("0-x"),
        std::string("-x"), std::string("x-3"), std::string("4294967296-x"), std::string("+1-x")})
    CHECK_FALSE(NodeOfTxn(none).has_value());
}

TEST_CASE("staged writes are local, reads are reads, and keys are the command's") {
  const CommandSpec* container;
  const auto cls = [&](std::vector<std::string_view> args) {
    const CommandSpec* spec = Registry::Get().Resolve(args, &container);
    REQUIRE(spec != nullptr);
    return spec->ClassOf(args);
  };
  CHECK(cls({"TXN", "DO", "1-x", "GET", "k"}) == Class::kRead);
  CHECK(cls({"TXN", "DO", "1-x", "SET", "k", "v"}) == Class::kLocal);
  CHECK(cls({"TXN", "DO", "1-x", "LOCK", "DO", "a", "1", "GET", "k"}) == Class::kLocal);
  CHECK(cls({"TXN", "COMMIT", "1-x"}) == Class::kWrite);
  CHECK(cls({"TXN", "BEGIN"}) == Class::kLocal);
  CHECK(cls({"TXN", "THEN", "1", "2", "INCR", "n"}) == Class::kWrite);
  const std::vector<std::string_view> args = {"TXN", "DO", "1-x", "MSET", "a", "1", "b", "2"};
  std::vector<KeyRef> keys;
  REQUIRE(KeysOf(*Registry::Get().Resolve(args, &container), args, &keys));
  REQUIRE(keys.size() == 2);
  CHECK(keys[1].index == 6);
}

}  // namespace clustron::commands
