// What engine and node do at the seams: leaderships that end in the middle of a turn, answers that
// come too late, clients that are gone, digests that differ.
#include "server/dispatch/engine.h"

#include <doctest/doctest.h>

#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"
#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

using cluster::ReadGrant;
using cluster::WireKind;
using paxos::Ballot;
using paxos::EntryKind;

TEST_CASE("a leader deposed within its own turn does nothing more as a leader in it") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  bench.Say(client, "SET k v");
  bench.Turn();
  bench.AnswerAll();
  CHECK(client.Take() == "+OK\r\n");
  const std::string item = CommandItem({"SET", "k", "w"}, {3, 1}, 1);
  cluster::ForwardBuilder forward(bench.node().ballot());
  forward.Add(item);
  const std::string forwarded = forward.Take();
  const paxos::Slot last = bench.node().replica().last_slot();

  // Its lease is over; a later candidate, and behind it what was meant for the leader that was.
  bench.clock.ns += 2'000'000'000;
  bench.From(2, paxos::Prepare{{bench.node().ballot().round + 1, 2}, last + 1, {}});
  CHECK_FALSE(bench.node().leading());
  CHECK_FALSE(bench.node().leading());
  ReadGrant grant;
  CHECK_FALSE(bench.node().parts().reads.CanReadNow(&grant));
  bench.FromWire(3, cluster::WireReadAsk(7));
  bench.FromWire(3, forwarded);
  bench.Say(client, "GET k");
  bench.Say(client, "SET k x");
  bench.Turn();
  CHECK(client.Take().empty());
  CHECK(bench.TakeSent(3, WireKind::kReadGrant).empty());
  CHECK(bench.node().replica().last_slot() == last);
}

TEST_CASE("writes that were meant for another leadership are not taken") {
  EngineBench bench(3);
  bench.Lead();
  const paxos::Slot last = bench.node().replica().last_slot();
  const auto forward = [&](Ballot ballot) {
    cluster::ForwardBuilder builder(ballot);
    builder.Add(CommandItem({"SET", "k", "v"}, {3, 1}, 1));
    bench.FromWire(3, builder.Take());
    bench.Turn();
  };
  forward({bench.node().ballot().round - 1, 1});
  CHECK(bench.node().replica().last_slot() == last);
  forward(bench.node().ballot());
  CHECK(bench.node().replica().last_slot() == last + 1);
}

TEST_CASE("a member speaks for its own start only: no number of starts ends a session") {
  EngineBench bench(3);
  bench.Lead();
  const auto forward = [&](cluster::Session session, uint64_t sequence) {
    cluster::ForwardBuilder builder(bench.node().ballot());
    builder.Add(CommandItem({"INCR", "n"}, session, sequence));
    const bool taken = bench.node().OnMessage(3, builder.Take());
    bench.Turn();
    bench.AnswerAll();
    return taken;
  };
  auto& client = bench.Connect();
  CHECK(forward({3, 4'000'000'000}, 1));
  CHECK_FALSE(forward({2, 4'000'000'000}, 1));  // in another's name: the link ends
  CHECK_FALSE(forward({1, 4'000'000'000}, 1));
  CHECK(forward({3, 1}, 1));
  bench.Say(client, "INCR n");
  bench.Turn();
  bench.AnswerAll();
  CHECK(client.Take() == ":2\r\n");
}

TEST_CASE("a leader over its memory limit refuses the writes of all nodes, and no others") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  bench.Say(client, "SET j v");
  bench.Say(client, "CONFIG SET maxmemory 1");
  bench.Turn();
  bench.AnswerAll();
  bench.Tick();
  REQUIRE(client.Take() == "+OK\r\n+OK\r\n");
  cluster::ForwardBuilder forward(bench.node().ballot());
  forward.Add(CommandItem({"SET", "k", "v"}, {3, 1}, 1));
  bench.FromWire(3, forward.Take());
  bench.Say(client, "SET i v");
  bench.Say(client, "DEL j");
  bench.Turn();
  bench.AnswerAll();
  CHECK(client.Take() == "-OOM command not allowed when used memory > 'maxmemory'.\r\n:1\r\n");
  bench.Say(client, "EXISTS k");
  bench.Turn();
  CHECK(client.Take() == ":0\r\n");
}

TEST_CASE("a leader that steps down for its full disk is asked in the same turn") {
  EngineBench bench(3);
  bench.Lead();
  bench.clock.ns += 600'000'000;  // no lease: a read would take a round
  bench.fs.SetCapacity(bench.fs.used_bytes() + 1000);
  bench.node().parts().disk.SetLowWater(1 << 30);
  bench.RunTasks();
  bench.FromWire(2, cluster::WireReadAsk(7));
  CHECK(!bench.node().leading());
  bench.Turn();
  CHECK(bench.TakeSent(2, WireKind::kReadGrant).empty());
}

TEST_CASE("a read round that waits for a quorum is lost with the leadership") {
  EngineBench bench(3);
  bench.Lead();
  bench.AnswerAll();
  bench.clock.ns += 600'000'000;  // the lease is over, the leadership is not
  REQUIRE(bench.node().leading());
  bench.FromWire(3, cluster::WireReadAsk(7));
  bench.Turn();
  CHECK(bench.TakeSent(3, WireKind::kReadGrant).empty());
  SUBCASE("deposed before the answers come") {
    bench.From(2, paxos::Prepare{{bench.node().ballot().round + 1, 2}, 1, {}});
    bench.AnswerAll();
    CHECK(bench.TakeSent(3, WireKind::kReadGrant).empty());
  }
  SUBCASE("deposed, and elected again: others may have led meanwhile") {
    bench.From(2, paxos::Prepare{{bench.node().ballot().round + 1, 2}, 1, {}});
    bench.Lead();
    bench.clock.ns += 600'000'000;
    bench.FromWire(3, cluster::WireReadAsk(8));  // a round of the new leadership
    bench.Turn();
    bench.Tick(50);
    bench.AnswerAll();
    const auto grants = bench.TakeSent(3, WireKind::kReadGrant);
    REQUIRE(grants.size() == 1);
    uint64_t id = 0;
    ReadGrant grant;
    REQUIRE(cluster::ReadReadGrant(grants[0], &id, &grant));
    CHECK(id == 8);
  }
  SUBCASE("one that came behind the probe waits for the next") {
    bench.Tick(50);
    bench.FromWire(3, cluster::WireReadAsk(8));
    bench.AnswerAll();
    const auto grants = bench.TakeSent(3, WireKind::kReadGrant);
    REQUIRE(grants.size() == 1);
    uint64_t id = 0;
    ReadGrant grant;
    REQUIRE(cluster::ReadReadGrant(grants[0], &id, &grant));
    CHECK(id == 7);
  }
  SUBCASE("still in office when a later probe is answered") {
    bench.Tick(50);
    bench.AnswerAll();
    CHECK(bench.TakeSent(3, WireKind::kReadGrant).size() == 1);
  }
}

TEST_CASE("answers to reads and calls of a client that is gone reach nobody") {
  EngineBench bench(3);
  FollowTwo(bench,
            {CommandItem({"SET", "k", "v"}), CommandItem({"LEASE", "GRANT", "60000", "ID", "l"})});
  auto& gone = bench.Connect();
  auto& stays = bench.Connect();
  bench.Say(gone, "GET k");
  bench.Say(stays, "GET k");
  auto& caller = bench.Connect();
  bench.Say(caller, "LEASE KEEPALIVE l");
  bench.Turn();
  const uint64_t round = AskedRound(bench, 2);
  bench.engine().Close(gone.session);
  bench.engine().Close(caller.session);
  bench.FromWire(2, cluster::WireReadGrant(round, {2, 1000, 1'700'000'000'000}));
  bench.Turn();
  CHECK(gone.got.empty());
  CHECK(stays.Take() == "$1\r\nv\r\n");
  // Nor does anything happen when they time out.
  for (int i = 0; i < 30; ++i) bench.Tick(100);
  CHECK(gone.got.empty());
  CHECK(caller.got.empty());
}

TEST_CASE("a question that the leader never answers is no uncertain change, a keepalive is") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"LEASE", "GRANT", "60000", "ID", "l"})});
  auto& asks = bench.Connect();
  auto& asks_too = bench.Connect();
  auto& keeps = bench.Connect();
  bench.Say(asks, "LEASE TTL l");
  bench.Say(asks_too, "LOCK INFO n");
  bench.Say(keeps, "LEASE KEEPALIVE l");
  bench.Turn();
  REQUIRE(bench.TakeSent(2, WireKind::kLeaderCall).size() == 3);
  for (int i = 0; i < 30; ++i) bench.Tick(100);
  CHECK(asks.Take().starts_with("-CLUSTERDOWN "));
  CHECK(asks_too.Take().starts_with("-CLUSTERDOWN "));
  CHECK(keeps.Take().starts_with("-UNCERTAIN "));
}

TEST_CASE("what the leader may not have got is sent again at once, not when time has passed") {
  struct Asked {
    const char* line;
    WireKind kind;
  };
  const auto again = [](const Asked& asked, bool new_leader) {
    EngineBench bench(3);
    FollowTwo(bench, {CommandItem({"LEASE", "GRANT", "60000", "ID", "l"})});
    bench.Say(bench.Connect(), asked.line);
    bench.Turn();
    REQUIRE(bench.TakeSent(2, asked.kind).size() == 1u);
    bench.Tick();
    REQUIRE(bench.TakeSent(2, asked.kind).empty());
    bench.node().OnPeerDown(2);
    if (new_leader) {
      bench.Follow(kThree);
    } else {
      bench.node().OnPeerUp(2);
    }
    bench.Tick();
    return bench.TakeSent(new_leader ? 3 : 2, asked.kind).size();
  };
  const Asked write{"SET k v", WireKind::kForward};
  const Asked call{"LEASE KEEPALIVE l", WireKind::kLeaderCall};
  const Asked read{"GET k", WireKind::kReadAsk};
  CHECK(again(write, false) == 1u);
  CHECK(again(call, false) == 1u);
  CHECK(again(write, true) == 1u);
  CHECK(again(call, true) == 1u);
  CHECK(again(read, true) == 1u);
}

TEST_CASE("pipelined calls to the leader's memory are answered without waiting for a tick") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  bench.Say(client, "LEASE GRANT 60000 ID l");
  bench.Turn();
  bench.AnswerAll();
  client.Take();
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    bench.Say(client, "LEASE KEEPALIVE l");
    expected += "*1\r\n:60000\r\n";
  }
  bench.Turn();
  for (int turns = 0; turns < 100 && bench.engine().WantsTurn(); ++turns) bench.Turn();
  CHECK(client.Take() == expected);
}

TEST_CASE("an answer that an earlier process asked for is none for this one") {
  EngineBench bench(3, 1);
  FollowTwo(bench, {CommandItem({"SET", "k", "v"})});
  auto& before = bench.Connect();
  bench.Say(before, "GET k");
  bench.Turn();
  const uint64_t old_round = AskedRound(bench, 2);
  bench.Restart(2);
  bench.Follow(kTwo);
  auto& client = bench.Connect();
  bench.Say(client, "GET k");
  bench.Turn();
  const uint64_t round = AskedRound(bench, 2);
  CHECK(round != old_round);
  // The old answer knows nothing of what was written since.
  bench.FromWire(2, cluster::WireReadGrant(old_round, {0, 0, 0}));
  bench.Turn();
  CHECK(client.Take().empty());
}

TEST_CASE("a read in front of an uncertain write of its connection does not see that write") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "k", "v", "PX", "100"}), CommandItem({"SET", "j", "1"})});
  auto& client = bench.Connect();
  bench.Say(client, "GET k");
  bench.Turn();
  const uint64_t round = AskedRound(bench, 2);
  // The key is due by the leader's clock: the read waits for a tick, which doesn't come.
  bench.FromWire(2, cluster::WireReadGrant(round, {2, 5000, 1'700'000'004'000}));
  bench.Say(client, "SET k w");
  bench.Turn();
  CHECK(bench.TakeSent(2, WireKind::kForward).size() == 1);
  CHECK(client.Take().empty());
  for (int i = 0; i < 25; ++i) {
    bench.Follow(kTwo);
    bench.Tick(100);
  }
  const std::string got = client.Take();
  CHECK(got.starts_with("-CLUSTERDOWN"));
  CHECK(got.find("\r\n-UNCERTAIN") != std::string::npos);
  // Nothing more comes for it, whatever becomes of the write.
  bench.Choose(kTwo, EntryKind::kBatch,
               EntryOf(5000, 1'700'000'004'000,
                       {CommandItem({"SET", "k", "w"}, bench.node().session(), 1)}));
  bench.Tick();
  CHECK(client.got.empty());
  bench.Say(client, "GET k");
  bench.Turn();
  bench.FromWire(2, cluster::WireReadGrant(AskedRound(bench, 2), {3, 5000, 1'700'000'004'000}));
  bench.Turn();
  CHECK(client.Take() == "$1\r\nw\r\n");
}

TEST_CASE("a read that waits for a leader's tick asks the next leader when that one is gone") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "k", "v", "PX", "100"})});
  auto& client = bench.Connect();
  bench.Say(client, "GET k");
  bench.Turn();
  // By the clocks of a leader that is an hour ahead the key is gone.
  bench.FromWire(2,
                 cluster::WireReadGrant(AskedRound(bench, 2), {2, 3'600'000, 1'700'003'600'000}));
  bench.Turn();
  CHECK(bench.TakeSent(2, WireKind::kTickAsk).size() == 1);
  CHECK(client.got.empty());
  SUBCASE("there is another, whose clock is right") {
    bench.Follow(kThree);
    bench.Choose(kThree, EntryKind::kNoop, "");
    bench.Tick();
    const auto asks = bench.TakeSent(3, WireKind::kTickAsk);
    REQUIRE(asks.size() == 1);
    uint64_t tick = 0;
    REQUIRE(cluster::ReadTickAsk(asks[0], &tick));
    bench.FromWire(3, cluster::WireTickGrant(tick, 4));
    bench.Turn();
    CHECK(client.got.empty());  // its slot is not applied yet
    bench.Choose(kThree, EntryKind::kBatch, EntryOf(1050, 1'700'000'000'050, {}));
    CHECK(client.Take() == "$1\r\nv\r\n");
  }
  SUBCASE("there is none: the answer comes in time") {
    for (int i = 0; i < 50; ++i) bench.Tick(100);
    CHECK(client.Take().starts_with("-CLUSTERDOWN"));
  }
}

TEST_CASE("a keepalive is not acknowledged before a quorum says that this still is the leader") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  bench.Say(client, "LEASE GRANT 60000 ID l");
  bench.Turn();
  bench.AnswerAll();
  const std::string call =
      cluster::WireCall(WireKind::kLeaderCall, 77, CommandItem({"LEASE", "KEEPALIVE", "l"}));
  bench.FromWire(3, call);
  CHECK(bench.TakeSent(3, WireKind::kLeaderAnswer).size() == 1u);  // under its lease, at once
  bench.clock.ns += 600'000'000;  // the lease is over, the leadership is not
  client.got.clear();
  bench.Say(client, "SET k v");
  bench.FromWire(3, call);
  bench.Turn();
  CHECK(bench.TakeSent(3, WireKind::kLeaderAnswer).empty());
  // Something is applied; that says nothing of now.
  const Ballot ballot = bench.node().ballot();
  bench.From(2, paxos::AcceptOk{ballot, bench.node().replica().last_slot(), 0});
  bench.Turn();
  REQUIRE(client.Take() == "+OK\r\n");
  CHECK(bench.TakeSent(3, WireKind::kLeaderAnswer).empty());
  size_t answers = 1;
  SUBCASE("it is") {}
  SUBCASE("it is not") {
    bench.From(2, paxos::Prepare{{ballot.round + 1, 2}, 1, {}});
    answers = 0;
  }
  bench.Tick(50);
  bench.AnswerAll();
  CHECK(bench.TakeSent(3, WireKind::kLeaderAnswer).size() == answers);
}

TEST_CASE("where reads are by quorum nothing rests on the leader's lease") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  const auto answer = [&] {
    bench.Tick(50);
    bench.AnswerAll();
  };
  bench.Say(client, "SET k v\r\nLEASE GRANT 60000 ID l\r\nCONFIG SET cluster-reads quorum");
  for (int i = 0; i < 4; ++i) answer();
  REQUIRE(client.Take().ends_with("+OK\r\n"));
  REQUIRE(bench.node().replica().LeaseValid(bench.clock.ns));
  SUBCASE("a read of its own client") {
    bench.Say(client, "GET k");
    bench.Turn();
    CHECK(client.Take().empty());
    answer();
    CHECK(client.Take() == "$1\r\nv\r\n");
  }
  SUBCASE("a keepalive of its own client") {
    bench.Say(client, "LEASE KEEPALIVE l");
    bench.Turn();
    CHECK(client.Take().empty());
    answer();
    CHECK(client.Take() == "*1\r\n:60000\r\n");
  }
  SUBCASE("what others ask for their clients") {
    bench.TakeAllSent(3);
    bench.FromWire(3, cluster::WireReadAsk(5));
    bench.FromWire(
        3, cluster::WireCall(WireKind::kLeaderCall, 77, CommandItem({"LEASE", "KEEPALIVE", "l"})));
    bench.Turn();
    size_t answers = 0;
    for (const auto& [kind, body] : bench.TakeAllSent(3))
      answers += kind == WireKind::kReadGrant || kind == WireKind::kLeaderAnswer ? 1 : 0;
    CHECK(answers == 0);
    answer();
    for (const auto& [kind, body] : bench.TakeAllSent(3))
      answers += kind == WireKind::kReadGrant || kind == WireKind::kLeaderAnswer ? 1 : 0;
    CHECK(answers == 2);
  }
  SUBCASE("until it is set back") {
    bench.Say(client, "CONFIG SET cluster-reads lease");
    for (int i = 0; i < 4; ++i) answer();
    client.Take();
    bench.Say(client, "GET k");
    bench.Turn();
    CHECK(client.Take() == "$1\r\nv\r\n");
  }
}

TEST_CASE("WAITAOF waits for the fsync, also where a write is answered before it") {
  EngineBench bench(1, 1, cluster::Durability::kEverySec);
  for (int i = 0; i < 300 && !bench.node().parts().inline_path.Ready(); ++i) bench.Tick();
  REQUIRE(bench.node().parts().inline_path.Ready());
  bench.Tick(1000);
  auto& client = bench.Connect();
  bench.Say(client, "SET k v");
  bench.Say(client, "WAITAOF 1 0 0");
  bench.Turn();
  CHECK(client.Take() == "+OK\r\n");
  bench.Say(client, "GET k");  // behind it
  for (int i = 0; i < 50; ++i) bench.Tick();
  CHECK(client.Take().empty());
  for (int i = 0; i < 60; ++i) bench.Tick();
  CHECK(client.Take() == "*2\r\n:1\r\n:0\r\n$1\r\nv\r\n");
}

TEST_CASE("time that passes while a node alone is down is taken off what keys have left") {
  EngineBench bench(1);
  bench.Lead();
  auto& before = bench.Connect();
  bench.Say(before, "SET k v PX 10000");
  for (int i = 0; i < 30; ++i) bench.Tick(100);
  SUBCASE("by the machine's own clock") {
    bench.clock.ns += 5'000'000'000;
    bench.clock.wall_ms -= 1'000'000;  // set meanwhile
  }
  SUBCASE("by the wall clock, when the machine was restarted") {
    bench.clock.ns = 77'000'000'000;
    bench.clock.wall_ms += 5000;
    bench.clock.machine_boot = 2;
  }
  bench.Restart(2);
  bench.Lead();
  auto& client = bench.Connect();
  const auto left = [&] {
    bench.Say(client, "PTTL k");
    bench.Turn();
    return std::stoll(client.Take().substr(1));
  };
  CHECK(left() <= 2000);
  CHECK(left() > 500);
  for (int i = 0; i < 10; ++i) bench.Tick(200);
  CHECK(left() == -2);
}

TEST_CASE("what an empty state begins with is logged by the first leader, whenever that is") {
  EngineBench bench(3, 1);
  std::string item;
  const std::string_view args[] = {"hash-max-listpack-entries", "7"};
  cluster::AppendItem({.kind = cluster::ItemKind::kSetting}, args, &item);
  bench.node_config.first_items = {item};
  const auto setting = [&] {
    return bench.executor().store().settings().Get("hash-max-listpack-entries").number;
  };
  bench.Restart(2);
  for (int i = 0; i < 20; ++i) bench.Tick();  // nobody leads yet
  bench.Restart(3);
  CHECK(setting() == 512);
  bench.Lead();
  CHECK(setting() == 7);
  CHECK(bench.executor().revision() == 1);
  bench.Restart(4);
  bench.Lead();
  CHECK(setting() == 7);
  CHECK(bench.executor().revision() == 1);  // once
}

TEST_CASE("a keepalive in an entry is not undone by an end that was queued behind that entry") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  const auto say = [&](std::string_view line) {
    bench.Say(client, line);
    bench.Turn();
    bench.AnswerAll();
    return client.Take();
  };
  say("LEASE GRANT 1000 ID l");
  say("LOCK ACQUIRE n 1000 OWNER o");
  const auto token = LocksOf(bench.executor().store()).Find(0, "n")->holder().token;
  bench.Tick(990);
  bench.AnswerAll();
  for (const std::string& line :
       {std::string("MULTI"), std::string("LEASE KEEPALIVE l"),
        "LOCK RENEW n " + std::to_string(token) + " 1000", std::string("EXEC")})
    bench.Say(client, line);
  bench.Turn();  // proposed; now the timers run out, and then it is chosen
  bench.Tick(15);
  REQUIRE(LeasesOf(bench.executor().store()).Find("l") != nullptr);
  bench.AnswerAll();
  bench.Tick();
  bench.AnswerAll();
  CHECK(client.Take().ends_with("*2\r\n*1\r\n:1000\r\n:1000\r\n"));
  CHECK(LeasesOf(bench.executor().store()).Find("l") != nullptr);
  CHECK(LocksOf(bench.executor().store()).Find(0, "n") != nullptr);
  // From then on they have their time, and no more.
  for (int i = 0; i < 9; ++i) {
    bench.Tick(100);
    bench.AnswerAll();
  }
  CHECK(LeasesOf(bench.executor().store()).Find("l") != nullptr);
  CHECK(LocksOf(bench.executor().store()).Find(0, "n") != nullptr);
  for (int i = 0; i < 3; ++i) {
    bench.Tick(100);
    bench.AnswerAll();
  }
  CHECK(LeasesOf(bench.executor().store()).Find("l") == nullptr);
  CHECK(LocksOf(bench.executor().store()).Find(0, "n") == nullptr);
}

TEST_CASE(
    "a call to the leader that may have been served is uncertain, one that never left is not") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"LEASE", "GRANT", "60000", "ID", "l"})});
  auto& client = bench.Connect();
  SUBCASE("sent") {
    bench.Say(client, "LEASE KEEPALIVE l");
    bench.Turn();
    CHECK(bench.TakeSent(2, WireKind::kLeaderCall).size() == 1);
    for (int i = 0; i < 40; ++i) {
      bench.Follow(kTwo);
      bench.Tick(100);
    }
    CHECK(client.Take().starts_with("-UNCERTAIN"));
  }
  SUBCASE("there was no leader to send it to") {
    for (int i = 0; i < 30; ++i) bench.Tick(100);
    REQUIRE(bench.node().leader() == paxos::kNoNode);
    bench.Say(client, "LEASE KEEPALIVE l");
    for (int i = 0; i < 40; ++i) bench.Tick(100);
    CHECK(client.Take().starts_with("-CLUSTERDOWN"));
  }
}

TEST_CASE("a leader that comes back goes on from the time that was logged, not from its own") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  const auto set = [&] {
    bench.Say(client, "SET k v");
    bench.Turn();
    bench.AnswerAll();
  };
  set();
  const int64_t logged = bench.executor().elapsed_ms();
  // Cut off it counts on for an hour, and proposes that; another was elected long ago.
  bench.clock.ns += 3'600'000'000'000;
  bench.Say(client, "SET k w");
  bench.Turn();
  const Ballot two{bench.node().ballot().round + 1, 2};
  bench.From(2, paxos::Prepare{two, bench.node().replica().chosen_slot() + 1, {}});
  bench.Follow(two);
  bench.Choose(two, EntryKind::kNoop, "");
  int64_t since = logged + 10;
  // The other one was away itself, so that by its clock nothing has passed since.
  SUBCASE("nothing passed by the other's clock") { since = logged; }
  SUBCASE("some time passed by the other's clock") {}
  bench.Choose(two, EntryKind::kBatch, EntryOf(since, bench.clock.wall_ms, {}));
  REQUIRE(bench.executor().elapsed_ms() == since);
  bench.Lead();
  set();
  CHECK(bench.executor().elapsed_ms() > since);
  CHECK(bench.executor().elapsed_ms() < logged + 60'000);
}

TEST_CASE("keys that expire are counted, whether or not anybody hears of it") {
  EngineBench bench(1);
  bench.Lead();
  auto& client = bench.Connect();
  const auto expired = [&] { return bench.engine().stats().expired_keys; };
  bench.Say(client, "SET a v PX 100");
  bench.Say(client, "SET b v PX 100");
  bench.Say(client, "SET stays v");
  bench.Say(client, "DEL b");
  bench.Turn();
  CHECK(expired() == 0);
  for (int i = 0; i < 30; ++i) bench.Tick();
  bench.Say(client, "GET a");
  bench.Turn();
  for (int i = 0; i < 3; ++i) bench.Tick();
  CHECK(expired() == 1);
  bench.Say(client, "CONFIG SET notify-keyspace-events KEA");
  bench.Say(client, "SET a v PX 100");
  bench.Turn();
  for (int i = 0; i < 30; ++i) bench.Tick();
  bench.Say(client, "GET a");
  bench.Turn();
  for (int i = 0; i < 3; ++i) bench.Tick();
  CHECK(expired() == 2);
}

TEST_CASE("errors are counted by their code, whoever found them") {
  EngineBench bench(1);
  bench.Lead();
  auto& client = bench.Connect();
  const auto count = [&](const char* code) {
    const auto& errors = bench.engine().stats().commands.errors();
    const auto it = errors.find(code);
    return it == errors.end() ? 0 : it->second;
  };
  bench.Say(client, "NOSUCH");
  bench.Say(client, "GET");
  bench.Say(client, "SET k v");
  bench.Say(client, "HGET k f");
  bench.Turn();
  CHECK(count("ERR") == 2);
  CHECK(count("WRONGTYPE") == 1);
  bench.Say(client, "MULTI");
  bench.Say(client, "GET");
  bench.Say(client, "EXEC");
  bench.Turn();
  CHECK(count("ERR") == 3);
  CHECK(count("EXECABORT") == 1);
  bench.engine().Feed(*client.session, "*1\r\n$x\r\n");
  bench.Turn();
  CHECK(count("ERR") == 4);
  CHECK(bench.engine().stats().commands.error_count() == 6);
}

}  // namespace
}  // namespace clustron::server
