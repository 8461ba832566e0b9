// This node's clients that wait for keys, with the cluster played by hand.
#include "server/dispatch/blocked_clients.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

#include "store/tables/wait_table.h"
#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

using cluster::WaitNews;

// A follower of node 2, and a client of it that waits.
struct Follower {
  explicit Follower(const std::string& command) {
    FollowTwo(bench, {RaiseVersion()});
    bench.Say(client, command);
    bench.Turn();
    Serve();
    REQUIRE(client.Take().empty());
    REQUIRE(Waiting() == 1);
  }
  static std::string RaiseVersion() {
    const char version[] = {cluster::kFeatureVersion, 0};
    const std::string_view args[] = {std::string_view(version, 2)};
    std::string item;
    cluster::AppendItem({.kind = cluster::ItemKind::kRaiseVersion}, args, &item);
    return item;
  }
  // Some seconds under node 2's lead, until nobody waits.
  void Go() {
    for (int i = 0; i < 40 && Waiting() > 0; ++i) {
      bench.Follow(kTwo);
      bench.Tick(100);
      Serve();
    }
  }
  // What this node has told the leader is chosen.
  void Serve() {
    while (ServeTwo(bench) > 0) continue;
  }
  void Choose(const std::vector<std::string>& items) {
    bench.Choose(kTwo, paxos::EntryKind::kBatch, EntryOf(bench.elapsed_ms, kTwosWallMs, items));
  }
  size_t Waiting() { return WaitsOf(bench.executor().store()).size(); }

  EngineBench bench{3};
  EngineBench::BenchClient& client = bench.Connect();
};

TEST_CASE("a waiter is answered by the entry that serves it, and goes on with what it has sent") {
  Follower f("BLPOP k 0\r\nPING");
  f.Choose({CommandItem({"RPUSH", "k", "x"})});
  CHECK(f.client.Take() == "*2\r\n$1\r\nk\r\n$1\r\nx\r\n+PONG\r\n");
  CHECK(f.bench.engine().client_table().Count().blocked == 0);
}

TEST_CASE("a wait whose end does not come is uncertain, two seconds behind its time") {
  Follower f("BLPOP k 1");
  for (int i = 0; i < 29; ++i) f.bench.Tick(100);
  CHECK(f.client.Take().empty());
  for (int i = 0; i < 2; ++i) f.bench.Tick(100);
  CHECK(f.client.Take().starts_with("-UNCERTAIN"));
  CHECK(f.Waiting() == 1);
  // Nobody would take what comes for it, and the cluster hears of that when somebody leads, be it
  // long after what was said at first has been given up.
  for (int i = 0; i < 60; ++i) f.bench.Tick(100);
  f.Go();
  CHECK(f.Waiting() == 0);
  f.bench.Say(f.client, "PING");
  f.bench.Turn();
  CHECK(f.client.Take() == "+PONG\r\n");
}

TEST_CASE("what is served after it was called uncertain is told to nobody") {
  Follower f("BLPOP k 1");
  for (int i = 0; i < 31; ++i) f.bench.Tick(100);
  CHECK(f.client.Take().starts_with("-UNCERTAIN"));
  f.Choose({CommandItem({"RPUSH", "k", "x"})});
  f.Serve();
  CHECK(f.client.Take().empty());
  CHECK(f.Waiting() == 0);
}

TEST_CASE("a wait without an end waits through any outage") {
  Follower f("BLPOP k 0");
  for (int i = 0; i < 600; ++i) f.bench.Tick(100);
  CHECK(f.client.Take().empty());
  f.Choose({CommandItem({"RPUSH", "k", "x"})});
  CHECK(f.client.Take() == "*2\r\n$1\r\nk\r\n$1\r\nx\r\n");
}

TEST_CASE("the end of a client that waits is told until it has shown") {
  Follower f("BLPOP k 0");
  f.bench.engine().Close(f.client.session);
  f.bench.Turn();
  CHECK(f.bench.TakeAllSent(2).size() == 1);  // lost on its way
  CHECK(f.Waiting() == 1);
  f.Go();
  CHECK(f.Waiting() == 0);
  for (int i = 0; i < 40; ++i) f.bench.Tick(100);
  CHECK(ServeTwo(f.bench) == 0);
}

TEST_CASE("a client that ends before its command is chosen leaves nobody who waits") {
  EngineBench bench(3);
  FollowTwo(bench, {Follower::RaiseVersion()});
  auto& client = bench.Connect();
  bench.Say(client, "BLPOP k 0");
  bench.Turn();
  bench.engine().Close(client.session);
  bench.Turn();
  CHECK(ServeTwo(bench) == 1);
  CHECK(WaitsOf(bench.executor().store()).size() == 1);
  CHECK(ServeTwo(bench) == 1);
  CHECK(WaitsOf(bench.executor().store()).empty());
}

TEST_CASE("whose waiters were parked says that it is here") {
  Follower f("BLPOP k 0");
  f.Choose(
      {cluster::WaitItem({.what = WaitNews::What::kPark, .owner = f.bench.node().session()}, {})});
  CHECK(f.bench.executor().ServedWaiters().empty());
  f.Choose({CommandItem({"RPUSH", "k", "x"})});
  CHECK(f.client.Take().empty());
  f.bench.Tick();
  f.Serve();
  CHECK(f.client.Take() == "*2\r\n$1\r\nk\r\n$1\r\nx\r\n");
}

TEST_CASE("CLIENT UNBLOCK is answered when the outcome is known") {
  Follower f("BLPOP k 0");
  auto& other = f.bench.Connect();
  const std::string id = std::to_string(f.client.session->client.id());
  f.bench.Say(other, "CLIENT UNBLOCK " + id + " ERROR");
  f.bench.Tick();
  CHECK(other.Take().empty());
  SUBCASE("it has ended the wait") {
    f.Serve();
    f.bench.Tick();
    CHECK(f.client.Take() == "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    CHECK(other.Take() == ":1\r\n");
  }
  SUBCASE("an element came before") {
    f.Choose({CommandItem({"RPUSH", "k", "x"})});
    f.Serve();
    f.bench.Tick();
    CHECK(f.client.Take() == "*2\r\n$1\r\nk\r\n$1\r\nx\r\n");
    CHECK(other.Take() == ":0\r\n");
  }
  SUBCASE("nobody knows") {
    for (int i = 0; i < 60; ++i) f.bench.Tick(100);
    CHECK(f.client.Take().empty());
    CHECK(other.Take().starts_with("-UNCERTAIN"));
  }
}

// The client whose lock is released here may be the first that the new leader hears of.
TEST_CASE("a new leader parks who waited at the one before, in front of all else") {
  EngineBench bench(3);
  FollowTwo(bench, {Follower::RaiseVersion()});
  bench.Choose(kTwo, paxos::EntryKind::kBatch,
               EntryOf(1000, kTwosWallMs,
                       {CommandItem({"LOCK", "ACQUIRE", "l", "60000"}),
                        CommandItem({"LOCK", "ACQUIRE", "l", "60000", "WAIT", "0"}, {2, 1}, 1),
                        CommandItem({"BLPOP", "k", "0"}, {3, 1}, 1)}));
  const std::vector<cluster::Session> both{{2, 1}, {3, 1}};
  REQUIRE(bench.executor().ServedWaiters() == both);
  for (int i = 0; i < 5; ++i) {
    bench.Follow(kTwo);
    bench.Tick(100);
    bench.AnswerAll();
  }
  REQUIRE_FALSE(bench.node().leading());
  bench.silent_peer = 2;
  auto& client = bench.Connect();
  bench.Say(client, "LOCK BREAK l");
  bench.Lead();
  CHECK(client.Take() == ":1\r\n");
  const std::vector<cluster::Session> three{{3, 1}};
  CHECK(bench.executor().ServedWaiters() == three);
  CHECK(bench.Ask(client, "LOCK CHECK l 1") == ":0\r\n");
  CHECK(bench.Ask(client, "LOCK INFO l").find("$7\r\nholders\r\n*0\r\n") != std::string::npos);
}

// Waiters of node 2 at a leader.
TEST_CASE("a leader parks the waiters of who is silent, or of an earlier start, and no others'") {
  EngineBench bench(3);
  bench.Lead();
  cluster::ForwardBuilder forward(bench.node().ballot());
  for (uint64_t sequence = 1; sequence <= 2; ++sequence)
    forward.Add(CommandItem({"BLPOP", "k", "0"}, {2, 1}, sequence));
  bench.FromWire(2, forward.Take());
  const std::vector<cluster::Session> two{{2, 1}};
  for (int i = 0; i < 300; ++i) {
    bench.Tick();
    bench.AnswerAll();
  }
  REQUIRE(WaitsOf(bench.executor().store()).size() == 2);
  CHECK(bench.executor().ServedWaiters() == two);
  SUBCASE("silent") {
    bench.silent_peer = 2;
    for (int i = 0; i < 100; ++i) {
      bench.Tick();
      bench.AnswerAll();
    }
    REQUIRE(bench.node().leading());
    CHECK(bench.executor().ServedWaiters().empty());
    CHECK(WaitsOf(bench.executor().store()).size() == 2);
  }
  SUBCASE("its link breaks") {
    for (const cluster::NodeId peer : {2U, 3U})
      bench.node().parts().versions.OnPeerSupports(peer, cluster::kFeatureVersion);
    for (int i = 0; i < 100; ++i) {
      bench.Tick();
      bench.AnswerAll();
    }
    bench.node().OnPeerDown(3);
    bench.Turn();
    bench.AnswerAll();
    CHECK(bench.executor().ServedWaiters() == two);
    bench.node().OnPeerDown(2);
    // In front of the element that comes with it.
    auto& client = bench.Connect();
    CHECK(bench.Ask(client, "RPUSH k x") == ":1\r\n");
    CHECK(bench.executor().ServedWaiters().empty());
    CHECK(bench.Ask(client, "LLEN k") == ":1\r\n");
  }
  SUBCASE("started anew") {
    bench.FromWire(2, cluster::WireOf(cluster::WireKind::kIntroduction,
                                      cluster::EncodeIntroduction(
                                          {.boot = 2,
                                           .nonce = 77,
                                           .feature_version = cluster::kFeatureVersion,
                                           .in_force = bench.executor().feature_version()})));
    for (int i = 0; i < 30; ++i) {
      bench.Tick();
      bench.AnswerAll();
    }
    CHECK(bench.executor().ServedWaiters().empty());
  }
}

TEST_CASE("alone, below `always`, a push serves who waits within its turn") {
  EngineBench bench(1, 1, cluster::Durability::kEverySec);
  bench.node_config.weak_durability = true;
  bench.Restart(2);
  bench.Lead();
  auto& client = bench.Connect();
  auto& pusher = bench.Connect();
  for (int i = 0; i < 2; ++i) {
    bench.Say(client, "BLPOP k 0");
    for (int k = 0; k < 5; ++k) bench.Tick();
    REQUIRE(WaitsOf(bench.executor().store()).size() == 1);
    CHECK(client.Take().empty());
    const uint64_t inline_writes = bench.engine().stats().inline_writes;
    bench.Say(pusher, "RPUSH k x y");
    CHECK(bench.engine().stats().inline_writes == inline_writes + 1);
    bench.Turn();
    CHECK(client.Take() == "*2\r\n$1\r\nk\r\n$1\r\nx\r\n");
    CHECK(pusher.Take() == ":2\r\n");
    // What is there is taken at once, inline.
    CHECK(bench.Ask(client, "BLPOP k 0") == "*2\r\n$1\r\nk\r\n$1\r\ny\r\n");
  }
}

TEST_CASE("a node that starts again serves nobody who waited at it before") {
  EngineBench bench(1);
  bench.Lead();
  auto& client = bench.Connect();
  bench.Say(client, "BLPOP k 0");
  for (int i = 0; i < 10; ++i) bench.Tick();
  REQUIRE(WaitsOf(bench.executor().store()).size() == 1);
  bench.Restart(2);
  bench.Lead();
  for (int i = 0; i < 30; ++i) bench.Tick();
  CHECK(bench.executor().ServedWaiters().empty());
  auto& pusher = bench.Connect();
  CHECK(bench.Ask(pusher, "RPUSH k x") == ":1\r\n");
  CHECK(bench.Ask(pusher, "LRANGE k 0 -1") == "*1\r\n$1\r\nx\r\n");
  CHECK(WaitsOf(bench.executor().store()).empty());
}

}  // namespace
}  // namespace clustron::server
