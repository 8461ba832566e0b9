// What nodes ask each other about open transactions. Node 1 leads; nodes 2 and 3 are the test's.
#include "server/dispatch/open_transactions.h"

#include <string>
#include <vector>

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

using cluster::WireKind;
using Kind = commands::TxnRequest::Kind;

void Begin(EngineBench& bench) {
  bench.Lead();
  for (const cluster::NodeId peer : {2U, 3U}) {
    bench.node().OnPeerUp(peer);
    bench.node().parts().versions.OnPeerSupports(peer, cluster::kFeatureVersion);
  }
  for (int i = 0; i < 100; ++i) {
    bench.Tick();
    bench.AnswerAll();
  }
  REQUIRE(bench.executor().feature_version() == cluster::kFeatureVersion);
}

std::string Question(cluster::Slot slot, Kind kind, std::string_view id,
                     const std::vector<std::string>& words = {}, int db = 0) {
  std::string body;
  Writer w(&body);
  w.U64(slot);
  w.U8(static_cast<uint8_t>(kind));
  w.U8(static_cast<uint8_t>(db));
  w.U8(2);
  w.Bytes("default");
  w.Bytes(id);
  for (const std::string& word : words) w.Bytes(word);
  return body;
}

// The number of node 2's last question: they rise.
uint64_t asked_call = 76;

// What node 1 answers node 2; empty: nothing.
std::string Answered(EngineBench& bench) {
  const std::vector<std::string> sent = bench.TakeSent(2, WireKind::kNodeAnswer);
  REQUIRE(sent.size() <= 1);
  if (sent.empty()) return {};
  uint64_t id;
  std::string_view rest;
  REQUIRE(cluster::ReadCall(sent[0], &id, &rest));
  CHECK(id == asked_call);
  return std::string(rest);
}
std::string AnswerTo(EngineBench& bench, const std::string& question) {
  bench.TakeSent(2, WireKind::kNodeAnswer);
  bench.FromWire(2, cluster::WireCall(WireKind::kNodeCall, ++asked_call, question));
  return Answered(bench);
}

// The question that a client's command makes node 1 ask node 2.
uint64_t Asked(EngineBench& bench, EngineBench::BenchClient& client, std::string_view line,
               std::string* body) {
  bench.TakeSent(2, WireKind::kNodeCall);
  client.got.clear();
  bench.Say(client, line);
  bench.Turn();
  const std::vector<std::string> sent = bench.TakeSent(2, WireKind::kNodeCall);
  REQUIRE(sent.size() == 1);
  uint64_t id;
  std::string_view rest;
  REQUIRE(cluster::ReadCall(sent[0], &id, &rest));
  *body = rest;
  return id;
}
std::string Answer(EngineBench& bench, EngineBench::BenchClient& client, uint64_t call,
                   const std::string& answer) {
  bench.FromWire(2, cluster::WireCall(WireKind::kNodeAnswer, call, answer));
  bench.Turn();
  for (int i = 0; i < 4; ++i) bench.AnswerAll();
  return client.Take();
}

TEST_CASE("another node's commands run in a transaction that is open here") {
  EngineBench bench(3);
  Begin(bench);
  auto& client = bench.Connect();
  REQUIRE(bench.Ask(client, "SET k 1") == "+OK\r\n");
  REQUIRE(bench.Ask(client, "TXN BEGIN ID x") == "$3\r\n1-x\r\n");
  CHECK(AnswerTo(bench, Question(0, Kind::kDo, "1-x", {"INCR", "k"})) == "r+QUEUED\r\n");
  CHECK(AnswerTo(bench, Question(0, Kind::kDo, "1-x", {"GET", "k"})) == "r$1\r\n2\r\n");
  CHECK(AnswerTo(bench, Question(0, Kind::kDo, "1-x", {"GET", "k"}, 3)).starts_with("r-ERR "));
  CHECK(AnswerTo(bench, Question(0, Kind::kDo, "1-y", {"GET", "k"})).starts_with("r-NOTXN "));
  CHECK(AnswerTo(bench, Question(0, Kind::kDo, "1-x", {})) == "n");
  // Not this node's: it does not ask on.
  CHECK(AnswerTo(bench, Question(0, Kind::kDo, "3-x", {"GET", "k"})).starts_with("r-"));
  CHECK(AnswerTo(bench, Question(0, Kind::kRollback, "1-x")) == "r+OK\r\n");
  CHECK(AnswerTo(bench, Question(0, Kind::kHandOver, "1-x")) == "n");
}

TEST_CASE("a read waits until its node has applied what the asker has seen") {
  EngineBench bench(3);
  Begin(bench);
  auto& client = bench.Connect();
  REQUIRE(bench.Ask(client, "TXN BEGIN ID x") == "$3\r\n1-x\r\n");
  const cluster::Slot next = bench.executor().applied_slot() + 1;
  CHECK(AnswerTo(bench, Question(next, Kind::kDo, "1-x", {"GET", "k"})).empty());
  client.got.clear();
  bench.Say(client, "SET k v");
  bench.Turn();
  std::string answer;
  for (int i = 0; i < 4 && answer.empty(); ++i) {
    bench.AnswerAll();
    answer = Answered(bench);
  }
  CHECK(answer == "r$1\r\nv\r\n");
  // In vain: it is forgotten.
  CHECK(AnswerTo(bench, Question(next + 1000, Kind::kDo, "1-x", {"GET", "k"})).empty());
}

TEST_CASE("a question that comes twice is heard once, on each link") {
  EngineBench bench(3);
  Begin(bench);
  auto& client = bench.Connect();
  REQUIRE(bench.Ask(client, "TXN BEGIN ID x") == "$3\r\n1-x\r\n");
  const std::string question = Question(0, Kind::kDo, "1-x", {"INCR", "n"});
  CHECK(AnswerTo(bench, question) == "r+QUEUED\r\n");
  --asked_call;
  CHECK(AnswerTo(bench, question).empty());
  CHECK(bench.Ask(client, "TXN DO 1-x GET n") == "$1\r\n1\r\n");
  // Its data lost, node 2 counts its starts anew.
  bench.node().OnPeerDown(2);
  --asked_call;
  CHECK(AnswerTo(bench, question) == "r+QUEUED\r\n");
}

TEST_CASE("a transaction that was handed over is here no more") {
  EngineBench bench(3);
  Begin(bench);
  auto& client = bench.Connect();
  REQUIRE(bench.Ask(client, "TXN BEGIN ID x") == "$3\r\n1-x\r\n");
  REQUIRE(bench.Ask(client, "TXN DO 1-x INCR n") == "+QUEUED\r\n");
  CHECK(AnswerTo(bench, Question(0, Kind::kHandOver, "1-x")).starts_with("w"));
  CHECK(AnswerTo(bench, Question(0, Kind::kHandOver, "1-x")) == "n");
  // The answer may be lost: whoever asks here closes it.
  CHECK(bench.Ask(client, "TXN COMMIT 1-x").starts_with("-NOTXN "));
  CHECK(bench.Ask(client, "EXISTS n") == ":0\r\n");
}

TEST_CASE("what a member may say is no transaction's") {
  EngineBench bench(3);
  Begin(bench);
  const std::string good = Question(0, Kind::kDo, "1-x", {"GET", "k"});
  for (size_t size = 8; size < good.size(); ++size) {
    bench.FromWire(2, cluster::WireCall(WireKind::kNodeCall, ++asked_call, good.substr(0, size)));
    bench.TakeSent(2, WireKind::kNodeAnswer);
  }
  CHECK(AnswerTo(bench, Question(0, Kind::kEnd, "1-x")).empty());
  CHECK(AnswerTo(bench, Question(0, Kind::kDo, "1-x", {"GET", "k"}, 16)).empty());
  bench.FromWire(2, cluster::WireCall(WireKind::kNodeAnswer, 12345, "r+OK\r\n"));
}

TEST_CASE("a client's commands go to the node that holds its transaction") {
  EngineBench bench(3);
  Begin(bench);
  auto& client = bench.Connect();
  std::string body;
  uint64_t call = Asked(bench, client, "TXN DO 2-x INCR k", &body);
  CHECK(body == Question(0, Kind::kDo, "2-x", {"INCR", "k"}));
  CHECK(Answer(bench, client, call, "r+QUEUED\r\n") == "+QUEUED\r\n");
  call = Asked(bench, client, "TXN DO 2-x GET k", &body);
  CHECK(body == Question(bench.executor().applied_slot(), Kind::kDo, "2-x", {"GET", "k"}));
  CHECK(Answer(bench, client, call, "r$1\r\n1\r\n") == "$1\r\n1\r\n");
  call = Asked(bench, client, "TXN ROLLBACK 2-x", &body);
  CHECK(body == Question(0, Kind::kRollback, "2-x"));
  // Another node's answer is none.
  bench.FromWire(3, cluster::WireCall(WireKind::kNodeAnswer, call, "r-ERR no\r\n"));
  CHECK(Answer(bench, client, call, "r+OK\r\n") == "+OK\r\n");
}

TEST_CASE("a COMMIT takes the transaction over from the node that holds it") {
  EngineBench bench(3);
  Begin(bench);
  auto& client = bench.Connect();
  // As node 2 would have it: the same transaction, by another number.
  REQUIRE(bench.Ask(client, "TXN BEGIN ID x") == "$3\r\n1-x\r\n");
  REQUIRE(bench.Ask(client, "TXN DO 1-x INCR n") == "+QUEUED\r\n");
  std::string words = AnswerTo(bench, Question(0, Kind::kHandOver, "1-x"));
  words[words.find("1-x")] = '2';
  std::string body;
  const uint64_t call = Asked(bench, client, "TXN COMMIT 2-x", &body);
  CHECK(body == Question(0, Kind::kHandOver, "2-x"));
  bench.Say(client, "GET n");  // behind it
  const std::string got = Answer(bench, client, call, words);
  CHECK(got.starts_with("*3\r\n:1\r\n"));
  CHECK(got.ends_with("*1\r\n:1\r\n$1\r\n1\r\n"));
}

TEST_CASE("a COMMIT is tried behind a CLUSTERDOWN, too, and its transaction is open no more") {
  EngineBench bench(3);
  Begin(bench);
  auto& client = bench.Connect();
  REQUIRE(bench.Ask(client, "TXN BEGIN ID open TTL 100000") == "$6\r\n1-open\r\n");
  for (const cluster::NodeId peer : {2U, 3U}) bench.node().OnPeerDown(peer);
  for (const char* command : {"SET k v", "SET k w"}) {
    bench.Say(client, command);
    for (int i = 0; i < 60 && client.got.empty(); ++i) bench.Tick(100);
    client.Take();
  }
  bench.Say(client, "GET k");
  bench.Turn();
  REQUIRE(client.Take().starts_with("-CLUSTERDOWN "));
  bench.Say(client, "TXN COMMIT 1-open");
  bench.Turn();
  CHECK(client.Take().empty());
  for (int i = 0; i < 60 && client.got.empty(); ++i) bench.Tick(100);
  CHECK(client.Take().starts_with("-CLUSTERDOWN "));
  CHECK(bench.Ask(client, "TXN LIST") == "*0\r\n");
}

TEST_CASE("a COMMIT whose transaction is not to be had closes the id") {
  EngineBench bench(3);
  Begin(bench);
  auto& client = bench.Connect();
  std::string body;
  const uint64_t call = Asked(bench, client, "TXN COMMIT 2-x", &body);
  CHECK(Answer(bench, client, call, "n").starts_with("-NOTXN "));
  // No answer in time.
  Asked(bench, client, "TXN COMMIT 2-y", &body);
  for (int i = 0; i < 220 && client.got.empty(); ++i) {
    bench.Tick();
    bench.AnswerAll();
  }
  CHECK(client.Take().starts_with("-NOTXN "));
  Asked(bench, client, "TXN DO 2-y INCR n", &body);
  for (int i = 0; i < 220 && client.got.empty(); ++i) {
    bench.Tick();
    bench.AnswerAll();
  }
  CHECK(client.Take().starts_with("-UNCERTAIN "));
  // The link breaks.
  Asked(bench, client, "TXN COMMIT 2-z", &body);
  bench.node().OnPeerDown(2);
  bench.Tick();
  for (int i = 0; i < 4; ++i) bench.AnswerAll();
  CHECK(client.Take().starts_with("-NOTXN "));
  CHECK(bench.Ask(client, "TXN COMMIT 2-w").starts_with("-NOTXN "));
  CHECK(bench.Ask(client, "TXN DO 2-w GET k").starts_with("-CLUSTERDOWN node 2 "));
  CHECK(bench.Ask(client, "TXN ROLLBACK 2-w").starts_with("-CLUSTERDOWN node 2 "));
  CHECK(bench.executor().store().Size(0) == 0);
}

TEST_CASE("what a client has sent behind a command that is asked elsewhere is answered behind it") {
  EngineBench bench(3);
  Begin(bench);
  auto& client = bench.Connect();
  for (const char* command : {"TXN ROLLBACK 2-x", "TXN DO 2-x GET k"}) {
    CAPTURE(command);
    bench.TakeSent(2, WireKind::kNodeCall);
    client.got.clear();
    bench.Say(client, "SET a 1\r\n" + std::string(command) + "\r\nINCR n");
    bench.Turn();
    for (int i = 0; i < 6; ++i) bench.AnswerAll();
    CHECK(client.got == "+OK\r\n");
    const std::vector<std::string> sent = bench.TakeSent(2, WireKind::kNodeCall);
    REQUIRE(sent.size() == 1);
    uint64_t id;
    std::string_view rest;
    REQUIRE(cluster::ReadCall(sent[0], &id, &rest));
    client.got.clear();
    CHECK(Answer(bench, client, id, "r+HERE\r\n").starts_with("+HERE\r\n:"));
  }
}

TEST_CASE("a client that is gone leaves its question behind") {
  EngineBench bench(3);
  Begin(bench);
  auto& client = bench.Connect();
  std::string body;
  const uint64_t call = Asked(bench, client, "TXN COMMIT 2-x", &body);
  bench.engine().Close(client.session);
  for (int i = 0; i < 20; ++i) bench.Tick();
  bench.FromWire(2, cluster::WireCall(WireKind::kNodeAnswer, call, "n"));
  for (int i = 0; i < 300; ++i) bench.Tick();
}

}  // namespace
}  // namespace clustron::server
