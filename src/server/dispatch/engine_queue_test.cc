// What waits in a connection's queue, and what may not pass it.
#include "server/dispatch/engine.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>

#include <set>
// clang-format on

#include "cluster/log/feature_version.h"
#include "store/tables/lock_table.h"
#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

using cluster::WireKind;
using paxos::EntryKind;

constexpr int64_t kWall = 1'700'000'000'000;

TEST_CASE("behind a CLUSTERDOWN the next ones come at once, until a majority is in sight again") {
  EngineBench bench(3);
  auto& client = bench.Connect();
  bench.Say(client, "SET k v");
  for (int i = 0; i < 30 && client.got.empty(); ++i) bench.Tick(100);
  const std::string down =
      "-CLUSTERDOWN no leader could be reached: nothing was done (1 of 3 nodes can be reached, 2 "
      "are "
      "needed)\r\n";
  CHECK(client.Take() == down);
  bench.Say(client, "GET k");
  bench.Say(client, "SET k v");
  bench.Say(client, "PING");
  bench.Turn();
  CHECK(client.Take() == down + down + "+PONG\r\n");
  // They are there again, and choose: what comes now waits.
  for (int i = 0; i < 60 && !bench.engine().Report().majority_in_sight; ++i) {
    bench.Tick();
    bench.AnswerAll();
  }
  REQUIRE(bench.engine().Report().majority_in_sight);
  bench.Tick();
  bench.Say(client, "SET k v");
  bench.Turn();
  CHECK(client.Take().find("CLUSTERDOWN") == std::string::npos);
}

TEST_CASE("what stands behind an EXEC that changes the connection waits for it") {
  EngineBench bench(3);
  FollowTwo(bench, {});
  auto& client = bench.Connect();
  bench.Say(client, "MULTI\r\nSELECT 3\r\nSET a 1\r\nEXEC\r\nSET b 2");
  bench.Turn();
  CHECK(ServeTwo(bench) == 1);
  CHECK(ServeTwo(bench) == 1);
  CHECK(client.Take().ends_with("*2\r\n+OK\r\n+OK\r\n+OK\r\n"));
  CHECK(bench.executor().store().Find(3, "a") != nullptr);
  CHECK(bench.executor().store().Find(3, "b") != nullptr);
}

TEST_CASE("an EXEC of nothing asks for what it watches") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "k", "v"})});
  auto& client = bench.Connect();
  bench.Say(client, "WATCH k");
  bench.Turn();
  ServeTwo(bench);
  REQUIRE(client.Take() == "+OK\r\n");
  bench.Say(client, "MULTI\r\nEXEC");
  bench.Turn();
  CHECK(client.Take() == "+OK\r\n");
  const uint64_t round = AskedRound(bench, 2);
  bench.Choose(kTwo, EntryKind::kBatch, EntryOf(1000, kWall, {CommandItem({"SET", "k", "w"})}));
  bench.FromWire(2, cluster::WireReadGrant(round, {3, 1000, kWall}));
  bench.Turn();
  CHECK(client.Take() == "*-1\r\n");
}

TEST_CASE("behind an EXPIRE that may need no entry the connection waits for the outcome") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "k", "v", "EX", "1010"}), CommandItem({"MOVE", "k", "3"})});
  auto& client = bench.Connect();
  const char* ttl = "1000";
  SUBCASE("it needs none") {}
  SUBCASE("it needs one") { ttl = "5000"; }
  size_t items = 0;
  SUBCASE("that is switched off") {
    bench.Say(client, "CONFIG SET expire-coalesce no");
    bench.Turn();
    REQUIRE(client.Take() == "+OK\r\n");
    items = 2;
  }
  // It may need none if it repeats the one before.
  bench.Say(client,
            std::string("SELECT 3\r\nMULTI\r\nEXPIRE k 5000\r\nDISCARD\r\nEXPIRE k ") + ttl);
  bench.Turn();
  ServeTwo(bench);
  bench.Turn();
  client.Take();
  bench.Say(client, std::string("EXPIRE k ") + ttl + "\r\nSET k w\r\nGET k");
  bench.Turn();
  CHECK(ServeTwo(bench) == items);
  for (int i = 0; i < 4; ++i) CHECK(ServeTwo(bench) <= 1);
  CHECK(client.Take() == ":1\r\n+OK\r\n$1\r\nw\r\n");
}

TEST_CASE(
    "what would change a lease or an end is an entry, also where a connection reads locally") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "k", "v", "EX", "1000"}),
                    CommandItem({"LEASE", "GRANT", "60000", "ID", "l"})});
  auto& client = bench.Connect();
  bench.Say(client, "MULTI\r\nLEASE KEEPALIVE l\r\nEXEC");
  bench.Turn();
  CHECK(ServeTwo(bench) == 1);
  CHECK(client.Take().ends_with("*1\r\n*1\r\n:60000\r\n"));
  bench.Say(client, "READONLY\r\nEXPIRE k 1000");
  bench.Turn();
  CHECK(ServeTwo(bench) == 1);
  CHECK(client.Take() == "+OK\r\n:1\r\n");
}

TEST_CASE("a keepalive for what is ending waits for the outcome") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  bench.Say(client, "HELLO 3\r\nLEASE GRANT 1000 ID l\r\nLOCK ACQUIRE n 1000 OWNER o");
  bench.Turn();
  bench.AnswerAll();
  for (int i = 0; i < 97; ++i) {
    bench.Tick();
    bench.AnswerAll();
  }
  client.Take();
  const auto token = LocksOf(bench.executor().store()).Find(0, "n")->holder().token;
  bench.Tick(40);  // the ends are proposed
  bench.Say(client, "LEASE KEEPALIVE l\r\nLOCK RENEW n " + std::to_string(token) + " 1000");
  for (int i = 0; i < 3; ++i) bench.Turn();
  CHECK(client.got.empty());
  for (int i = 0; i < 3; ++i) {
    bench.AnswerAll();
    bench.Tick();
  }
  CHECK(client.Take() == "*1\r\n_\r\n_\r\n");
}

TEST_CASE("WAIT is about the last write of its connection, and over when it is answered") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  const auto blocked = [&] {
    const std::string line = bench.engine().client_table().Describe(client.session->client.id());
    return line.find(" flags=b ") != std::string::npos;
  };
  bench.Say(client, "SET k v\r\nWAIT 2 60000\r\nPING");
  bench.Turn();
  bench.AnswerAll();
  bench.Tick(50);
  bench.AnswerAll();
  CHECK(client.Take() == "+OK\r\n");
  CHECK(blocked());
  const paxos::Slot slot = bench.node().replica().chosen_slot();
  bench.peers_durable = {{2, slot}, {3, slot}};
  for (int i = 0; i < 50; ++i) {
    bench.Tick();
    bench.AnswerAll();
  }
  CHECK(client.Take() == ":2\r\n+PONG\r\n");
  CHECK_FALSE(blocked());
}

TEST_CASE("WAIT counts who has the write, chosen and on disk, by what they say after it has come") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  const auto live = [&](int ms, bool others) {
    for (int i = 0; i < ms / 10; ++i) {
      bench.Tick();
      if (others) bench.AnswerAll();
    }
  };
  bench.Say(client, "SET k v");
  live(50, true);
  CHECK(client.Take() == "+OK\r\n");
  const paxos::Slot slot = bench.node().replica().chosen_slot();
  bench.peers_durable = {{2, slot}, {3, slot}};
  SUBCASE("nobody answers any more") {
    live(200, true);
    bench.Say(client, "WAIT 2 100\r\nWAITAOF 1 2 100");
    live(90, false);
    CHECK(client.Take().empty());
    live(150, false);
    CHECK(client.Take() == ":0\r\n*2\r\n:1\r\n:0\r\n");
  }
  SUBCASE("one answers") {
    bench.silent_peer = 3;
    bench.Say(client, "WAIT 2 100");
    live(200, true);
    CHECK(client.Take() == ":1\r\n");
  }
  SUBCASE("they have voted, and don't know yet what was chosen") {
    bench.peers_chosen = slot - 1;
    bench.Say(client, "WAIT 1 100");
    live(200, true);
    CHECK(client.Take() == ":0\r\n");
  }
  SUBCASE("they know it, but their disks don't have it") {
    bench.peers_durable = {{2, slot - 1}, {3, slot - 1}};
    bench.Say(client, "WAIT 1 100");
    live(200, true);
    CHECK(client.Take() == ":0\r\n");
  }
  SUBCASE("an answer is enough: no tick is waited for") {
    bench.Say(client, "WAIT 2 0");
    bench.Turn();
    CHECK(client.Take().empty());
    bench.AnswerAll();
    CHECK(client.Take() == ":2\r\n");
  }
}

TEST_CASE("what was muted stays so, whatever becomes of it") {
  EngineBench bench(3);
  FollowTwo(bench, {});
  auto& client = bench.Connect();
  bench.Say(client, "CLIENT REPLY SKIP\r\nSET k v\r\nPING");
  bench.Turn();
  CHECK(ServeTwo(bench) == 1);
  CHECK(client.Take() == "+PONG\r\n");
  bench.Say(client, "CLIENT REPLY SKIP\r\nSET k v\r\nPING");
  for (int i = 0; i < 40; ++i) bench.Tick(100);  // node 2 is gone
  CHECK(client.Take() == "+PONG\r\n");
}

TEST_CASE("alone, nothing that may show an unwritten change is told before there is room for it") {
  EngineBench bench(1, 1, cluster::Durability::kEverySec);
  bench.Lead();
  auto& writer = bench.Connect();
  auto& reader = bench.Connect();
  auto& other = bench.Connect();
  bench.Say(writer, "SET k 1");
  bench.Turn();
  REQUIRE(writer.Take() == "+OK\r\n");
  const auto set_big = [&](char c) {
    bench.engine().Feed(*writer.session, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$200000\r\n" +
                                             std::string(200'000, c) + "\r\n");
  };
  auto& listener = bench.Connect();
  bench.Say(listener, "CONFIG SET notify-keyspace-events KEA\r\nSUBSCRIBE __keyspace@0__:k");
  bench.Turn();
  REQUIRE(listener.Take().starts_with("+OK\r\n*3\r\n"));
  set_big('x');
  bench.Say(reader, "STRLEN k");
  bench.fs.SetCapacity(1);  // somebody else was faster
  bench.Turn();
  bench.Say(other, "PING");
  for (int i = 0; i < 5; ++i) bench.Tick();
  CHECK(other.Take() == "+PONG\r\n");
  CHECK(writer.got.empty());
  CHECK(reader.got.empty());
  CHECK(listener.got.empty());
  bench.fs.SetCapacity(UINT64_MAX);
  for (int i = 0; i < 200; ++i) bench.Tick();
  CHECK(writer.Take() == "+OK\r\n");
  CHECK(reader.Take() == ":200000\r\n");
  CHECK(listener.Take().ends_with("$3\r\nset\r\n"));
  // From then on what is local needs to wait for nothing again.
  set_big('y');
  bench.fs.SetCapacity(1);
  bench.Turn();
  bench.Say(reader, "PING");
  bench.Turn();
  CHECK(reader.Take() == "+PONG\r\n");
}

TEST_CASE("alone, a write for which the log has no room is refused before it does anything") {
  EngineBench bench(1, 1, cluster::Durability::kEverySec);
  bench.Lead();
  auto& client = bench.Connect();
  CHECK(bench.Ask(client, "SET k 1") == "+OK\r\n");
  bench.fs.SetCapacity(bench.fs.used_bytes());
  bench.Say(client, "SET k 2\r\nGET k");
  bench.Turn();
  const std::string told = client.Take();
  CHECK(told.starts_with("-MISCONF "));
  CHECK(told.ends_with("\r\n$1\r\n1\r\n"));
  bench.fs.SetCapacity(0);
  for (int i = 0; i < 200; ++i) bench.Tick();
  CHECK(bench.Ask(client, "SET k 3") == "+OK\r\n");
  bench.Restart(2);
  bench.Lead();
  CHECK(bench.Ask(bench.Connect(), "GET k") == "$1\r\n3\r\n");
}

TEST_CASE("no keepalive is told by a leader of a lease whose end is chosen, however much else is") {
  EngineBench bench(3);
  bench.node_config.apply_entries_per_turn = 1;
  bench.Restart(2);
  bench.Lead();
  auto& client = bench.Connect();
  CHECK_FALSE(bench.Ask(client, "LEASE GRANT 60000 ID l").starts_with("-"));
  // Entries of their own; the last one is of a client of node 3.
  bench.TakeAllSent(3);
  for (int i = 0; i < 5; ++i) {
    bench.Say(client, "SET k v");
    bench.Turn();
  }
  cluster::ForwardBuilder forward(bench.node().ballot());
  forward.Add(CommandItem({"LEASE", "REVOKE", "l"}, {3, 1}, 1));
  bench.FromWire(3, forward.Take());
  bench.Turn();
  const paxos::Slot last = bench.node().replica().last_slot();
  REQUIRE(last == bench.executor().applied_slot() + 6);
  for (paxos::Slot slot = bench.executor().applied_slot() + 1; slot <= last; ++slot)
    bench.From(2, paxos::AcceptOk{bench.node().ballot(), slot, 0});
  bench.engine().EndOfTurn();
  REQUIRE(bench.node().replica().chosen_slot() == last);
  // By now node 3 may have told its client that the lease is over.
  bench.FromWire(
      3, cluster::WireCall(WireKind::kLeaderCall, 77, CommandItem({"LEASE", "KEEPALIVE", "l"})));
  const auto answers = bench.TakeSent(3, WireKind::kLeaderAnswer);
  REQUIRE(answers.size() == 1);
  CHECK(answers.front().ends_with("*1\r\n$-1\r\n"));
}

TEST_CASE("nothing ends a second time: a lease that was revoked has no timer any more") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  const auto say = [&](std::string_view line) {
    bench.Say(client, line);
    bench.Turn();
    bench.AnswerAll();
    return client.Take();
  };
  CHECK_FALSE(say("LEASE GRANT 200 ID x").starts_with("-"));
  CHECK(say("LOCK ACQUIRE l 200 LEASE x").starts_with("*3"));
  CHECK(say("LEASE REVOKE x").starts_with("*3\r\n:1"));
  const cluster::Slot before = bench.node().replica().last_slot();
  for (int i = 0; i < 100; ++i) {
    bench.Tick();
    bench.AnswerAll();
  }
  CHECK(bench.node().replica().last_slot() == before);
}

TEST_CASE("every command of an entry draws lots of its own") {
  EngineBench bench(3);
  bench.Lead();
  auto& setter = bench.Connect();
  std::string fields = "HSET h";
  for (int i = 0; i < 1000; ++i) fields += " f" + std::to_string(i) + " v";
  bench.Say(setter, fields);
  bench.Turn();
  bench.AnswerAll();
  REQUIRE(setter.Take() == ":1000\r\n");
  // Two clients, so two items of one entry; two commands in each, and two entries.
  std::vector<EngineBench::BenchClient*> clients = {&bench.Connect(), &bench.Connect()};
  std::set<std::string> drawn;
  for (int entry = 0; entry < 2; ++entry) {
    for (EngineBench::BenchClient* client : clients)
      bench.Say(*client, "TXN THEN 3 2 INCR n 2 HRANDFIELD h 2 HRANDFIELD h");
    const cluster::Slot before = bench.node().replica().last_slot();
    bench.Turn();
    CHECK(bench.node().replica().last_slot() == before + 1);
    bench.AnswerAll();
    for (EngineBench::BenchClient* client : clients) {
      const std::string reply = client->Take();
      for (size_t at = reply.find("\r\nf"); at != std::string::npos;
           at = reply.find("\r\nf", at + 1))
        drawn.insert(reply.substr(at + 2, reply.find('\r', at + 2) - at - 2));
    }
  }
  CHECK(drawn.size() == 8);
}

// A follower of node 2, with so many keys p:0, p:1 …; every member runs this program, and the log
// says so.
void FollowWithKeys(EngineBench& bench, size_t count) {
  std::string version;
  Writer(&version).U16(cluster::kFeatureVersion);
  const std::string_view raise[] = {version};
  std::vector<std::string> items(1);
  cluster::AppendItem({.kind = cluster::ItemKind::kRaiseVersion}, raise, &items[0]);
  for (size_t i = 0; i < count; ++i)
    items.push_back(CommandItem({"SET", "p:" + std::to_string(i), "v"}));
  FollowTwo(bench, items);
}

TEST_CASE("a command of several entries is answered behind the last; what stands behind it waits") {
  EngineBench bench(3);
  FollowWithKeys(bench, 5000);
  auto& client = bench.Connect();
  bench.Say(client, "SET q v\r\nFLUSHDB PREFIX p: SLICED\r\nSET p:new v\r\nDBSIZE");
  bench.Turn();
  CHECK(ServeTwo(bench) == 2);
  CHECK(client.Take() == "+OK\r\n");
  const size_t left = bench.executor().store().Size(0);
  CHECK(left > 1);
  CHECK(left < 1000);
  CHECK(ServeTwo(bench) == 1);
  CHECK(client.Take() == ":5000\r\n");
  ServeTwo(bench);
  ServeTwo(bench);
  CHECK(client.Take() == "+OK\r\n:2\r\n");
}

TEST_CASE("a command of several entries ends with its client") {
  EngineBench bench(3);
  FollowWithKeys(bench, 5000);
  auto& client = bench.Connect();
  bench.Say(client, "FLUSHDB PREFIX p: SLICED");
  bench.Turn();
  bench.engine().Close(client.session);
  CHECK(ServeTwo(bench) == 1);
  CHECK(ServeTwo(bench) == 0);
  CHECK(bench.executor().store().Size(0) > 0);
}

TEST_CASE("a command of several entries that has begun is never said to have done nothing") {
  EngineBench bench(3);
  FollowWithKeys(bench, 5000);
  auto& client = bench.Connect();
  bench.Say(client, "FLUSHDB PREFIX p: SLICED");
  bench.Turn();
  CHECK(ServeTwo(bench) == 1);
  for (int i = 0; i < 60 && client.got.empty(); ++i) bench.Tick(100);
  CHECK(client.Take().starts_with("-UNCERTAIN"));
}

TEST_CASE("alone a command of several entries takes them too, whatever the durability") {
  EngineBench bench(1);
  bench.Lead();
  auto& client = bench.Connect();
  for (int i = 0; i < 30 && !bench.node().parts().inline_path.Ready(); ++i) bench.Tick();
  for (const char* first : {"p", "q"}) {
    std::string call = "MSET";
    for (int i = 0; i < 5000; ++i) call += std::string(" ") + first + std::to_string(i) + " v";
    bench.Say(client, call);
  }
  bench.Turn();
  bench.Tick();
  client.got.clear();
  bench.Say(client, "FLUSHDB PREFIX p SLICED\r\nDBSIZE\r\nFLUSHDB PREFIX q SLICED\r\nDBSIZE");
  for (int i = 0; i < 30; ++i) bench.Tick();
  CHECK(client.Take() == ":5000\r\n:5000\r\n:5000\r\n:0\r\n");
}

}  // namespace
}  // namespace clustron::server
