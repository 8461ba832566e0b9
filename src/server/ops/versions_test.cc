// Feature versions: when the one in force rises, and what a node does with what it does not know.
#include "cluster/log/feature_version.h"
#include "server/dispatch/engine.h"
// The checks of tests are doctest's.
#include <doctest/doctest.h>

#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

using paxos::EntryKind;

void Settle(EngineBench& bench) {
  for (int i = 0; i < 20; ++i) {
    bench.Tick();
    bench.AnswerAll();
  }
}

TEST_CASE("alone, the first leader raises the feature version at once, and a restart keeps it") {
  EngineBench bench(1);
  bench.Lead();
  CHECK(bench.executor().feature_version() == cluster::kFeatureVersion);
  const uint64_t digest = bench.executor().digest();
  bench.Restart(2);
  bench.Lead();
  CHECK(bench.executor().feature_version() == cluster::kFeatureVersion);
  CHECK(bench.executor().digest() == digest);  // it is raised once
}

TEST_CASE("the feature version rises once every member has announced more, and to the least") {
  EngineBench bench(3);
  bench.node_config.feature_version = 5;
  bench.Restart(2);
  bench.Lead();
  Settle(bench);
  CHECK(bench.executor().feature_version() == cluster::kFirstFeatureVersion);
  bench.node().parts().versions.OnPeerSupports(2, 4);
  Settle(bench);
  CHECK(bench.executor().feature_version() == cluster::kFirstFeatureVersion);
  bench.node().parts().versions.OnPeerSupports(3, 1);
  Settle(bench);
  CHECK(bench.executor().feature_version() == cluster::kFirstFeatureVersion);
  // Node 3 is upgraded while node 2 is away: what node 2 announced before holds.
  bench.node().OnPeerDown(2);
  bench.node().parts().versions.OnPeerSupports(3, 3);
  Settle(bench);
  CHECK(bench.executor().feature_version() == 3);
  bench.node().parts().versions.OnPeerSupports(3, 9);
  Settle(bench);
  CHECK(bench.executor().feature_version() == 4);
  bench.node().parts().versions.OnPeerSupports(2, 9);
  Settle(bench);
  CHECK(bench.executor().feature_version() == 5);
}

TEST_CASE("a leader that follows another raises the feature version anew if the first could not") {
  EngineBench bench(3);
  bench.node().parts().versions.OnPeerSupports(2, cluster::kFeatureVersion);
  bench.node().parts().versions.OnPeerSupports(3, cluster::kFeatureVersion);
  bench.Lead();
  Settle(bench);
  CHECK(bench.executor().feature_version() == cluster::kFeatureVersion);

  EngineBench unlucky(3);
  unlucky.Lead();
  unlucky.peers_write = false;  // what is proposed now stays open
  unlucky.node().parts().versions.OnPeerSupports(2, cluster::kFeatureVersion);
  unlucky.node().parts().versions.OnPeerSupports(3, cluster::kFeatureVersion);
  Settle(unlucky);
  CHECK(unlucky.executor().feature_version() == cluster::kFirstFeatureVersion);
  const paxos::Slot open = unlucky.node().replica().last_slot();
  CHECK(open == unlucky.executor().applied_slot() + 1);  // proposed once
  unlucky.peers_write = true;
  Settle(unlucky);
  CHECK(unlucky.executor().feature_version() == cluster::kFeatureVersion);
}

std::string EntryOfVersion(uint16_t version, const std::vector<std::string>& items) {
  std::string entry = EntryOf(1000, 1'700'000'000'000, items);
  cluster::PatchEntryHeader({.elapsed_ms = 1000,
                             .wall_ms = 1'700'000'000'000,
                             .feature_version = version,
                             .item_count = static_cast<uint32_t>(items.size())},
                            &entry);
  return entry;
}

std::string Raw(cluster::ItemHeader header, const std::vector<std::string_view>& args = {"x"}) {
  std::string item;
  cluster::AppendItem(header, args, &item);
  return item;
}

TEST_CASE("an entry that this program does not know halts the node in front of it, for good") {
  const std::string good = CommandItem({"SET", "b", "2"});
  std::string entry;
  std::string why;
  SUBCASE("a later version") {
    entry = EntryOfVersion(9, {good});
    why = "feature version 9, this program knows up to " + std::to_string(cluster::kFeatureVersion);
  }
  SUBCASE("an unknown command") {
    entry = EntryOf(1000, 1'700'000'000'000, {good, Raw({.command_id = 60'000})});
    why = "a command with the id 60000";
  }
  SUBCASE("an unknown kind of item") {
    entry = EntryOf(1000, 1'700'000'000'000, {good, Raw({.kind = cluster::ItemKind{200}})});
    why = "an item of the kind 200";
  }
  SUBCASE("a rise beyond what it knows") {
    const char next[] = {cluster::kFeatureVersion + 1, 0};
    entry = EntryOf(
        1000, 1'700'000'000'000,
        {good, Raw({.kind = cluster::ItemKind::kRaiseVersion}, {std::string_view(next, 2)})});
    why = "raises the cluster to feature version " + std::to_string(cluster::kFeatureVersion + 1);
  }
  SUBCASE("a setting that it does not have") {
    entry = EntryOf(1000, 1'700'000'000'000,
                    {good, Raw({.kind = cluster::ItemKind::kSetting}, {"eviction-mood", "sad"})});
    why = "sets eviction-mood to sad";
  }
  SUBCASE("a command without its arguments") {
    entry =
        EntryOf(1000, 1'700'000'000'000,
                {good, Raw({.command_id = commands::Registry::Get().Find("SET")->id}, {"SET"})});
    why = "a SET with too few arguments";
  }
  SUBCASE("bytes that are no items") {
    entry = EntryOf(1000, 1'700'000'000'000, {good, "nonsense"});
    why = "no entry";
  }
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "a", "1"})});
  const paxos::Slot applied = bench.executor().applied_slot();
  const uint64_t digest = bench.executor().digest();
  auto& client = bench.Connect();
  bench.Say(client, "SET waits 1");
  bench.Turn();
  bench.Choose(kTwo, EntryKind::kBatch, entry);
  CAPTURE(bench.halted);
  CHECK(bench.halted.find(why) != std::string::npos);
  CHECK(bench.halted.find("slot " + std::to_string(applied + 1)) != std::string::npos);
  CHECK(bench.fatal.empty());
  CHECK(bench.executor().applied_slot() == applied);
  CHECK(bench.executor().digest() == digest);

  // It says so, and nothing else to anybody.
  bench.TakeAllSent(2);
  bench.TakeAllSent(3);
  for (int i = 0; i < 300; ++i) bench.Tick();
  CHECK(bench.TakeAllSent(2).empty());
  CHECK(client.Take().starts_with("-UNCERTAIN"));  // it had left this node
  bench.Say(client, "GET a");
  bench.Turn();
  CHECK(client.Take().starts_with("-CLUSTERDOWN this node is halted: slot "));
  bench.Say(client, "READONLY");
  bench.Say(client, "GET a");
  bench.Turn();
  CHECK(client.Take() == "+OK\r\n$1\r\n1\r\n");

  // A restart comes to the same end; no crash, no loop.
  const paxos::Slot last = bench.node().replica().last_slot();
  bench.halted.clear();
  bench.Restart(3);
  bench.Follow(kTwo);
  bench.From(2, paxos::Chosen{kTwo, last});
  bench.Turn();
  CHECK(bench.halted.find(why) != std::string::npos);
}

TEST_CASE("what a later feature version brought waits until every member knows it") {
  EngineBench bench(3);
  FollowTwo(bench, {});
  REQUIRE(bench.executor().feature_version() < cluster::kFeatureVersion);
  auto& client = bench.Connect();
  const auto say = [&](const std::string& line) {
    bench.Say(client, line);
    bench.Turn();
    return client.Take();
  };
  for (const char* line :
       {"RPUSH l a", "CONFIG SET list-max-listpack-size 5", "ONCE id 1000 LOCK DO n 1 LPOP l",
        "TXN THEN 1 3 RPUSH l a", "ONCE id 1000 TXN IF 1 EXISTS k THEN 0 ELSE 1 2 LLEN l"}) {
    CAPTURE(line);
    CHECK(say(line).find(" needs feature version 3 on every member") != std::string::npos);
  }
  CHECK(say("MULTI") == "+OK\r\n");
  CHECK(say("RPUSH l a").starts_with("-ERR RPUSH needs feature version 3"));
  CHECK(say("EXEC").starts_with("-EXECABORT"));
  bench.node().parts().versions.OnPeerSupports(2, 3);
  CHECK(say("RPUSH l a").starts_with("-ERR RPUSH needs feature version 3"));
  bench.node().parts().versions.OnPeerSupports(3, 3);
  CHECK(say("RPUSH l a").empty());  // on its way to the leader
}

TEST_CASE("a program that knows a later version goes on where another one halted") {
  EngineBench bench(3);
  FollowTwo(bench, {});
  bench.Choose(kTwo, EntryKind::kBatch, EntryOfVersion(7, {CommandItem({"SET", "a", "1"})}));
  REQUIRE(!bench.halted.empty());
  const paxos::Slot last = bench.node().replica().last_slot();
  bench.halted.clear();
  bench.node_config.feature_version = 7;
  bench.Restart(2);
  bench.Follow(kTwo);
  bench.From(2, paxos::Chosen{kTwo, last});
  bench.Turn();
  CHECK(bench.halted.empty());
  auto& client = bench.Connect();
  bench.Say(client, "READONLY");
  bench.Say(client, "GET a");
  bench.Turn();
  CHECK(client.Take() == "+OK\r\n$1\r\n1\r\n");
}

TEST_CASE("void entries are skipped, whatever they hold") {
  EngineBench bench(3);
  for (int i = 0; i < 3; ++i) bench.Tick();  // until both peers are recorded
  bench.Follow(kThree);
  bench.Choose(kThree, EntryKind::kNoop, "");
  const paxos::Slot slot = bench.node().replica().chosen_slot() + 1;
  paxos::Accept accept;
  accept.entry.slot = slot;
  accept.entry.ballot = kThree;
  accept.entry.value = {EntryKind::kBatch, kTwo,
                        std::make_shared<const std::string>(EntryOfVersion(9, {}))};
  bench.From(3, accept);
  bench.From(3, paxos::Chosen{kThree, slot});
  bench.Turn();
  CHECK(bench.halted.empty());
  CHECK(bench.executor().applied_slot() == slot);
}

TEST_CASE("a leader takes no item from a peer that nobody could apply") {
  EngineBench bench(3);
  bench.Lead();
  const auto forward = [&](const std::string& item) {
    cluster::ForwardBuilder builder(bench.node().ballot());
    builder.Add(item);
    return bench.node().OnMessage(3, builder.Take());
  };
  const cluster::Session session{3, 1};
  CHECK(forward(CommandItem({"SET", "k", "v"}, session, 1)));
  CHECK_FALSE(forward(Raw({.command_id = 60'000, .session = session, .sequence = 2})));
  CHECK_FALSE(forward(
      Raw({.kind = cluster::ItemKind::kEndSession, .session = session, .sequence = 2}, {"1234"})));
  CHECK_FALSE(forward(CommandItem({"SUBSCRIBE", "c"}, session, 2)));
  CHECK_FALSE(forward(CommandItem({"GET", "k"}, session, 2)));
  std::string cut = CommandItem({"SET", "k", "v"}, session, 2);
  cut[cut.size() - 5] = 7;  // the length of its last argument
  CHECK_FALSE(forward(cut));
  Settle(bench);
  CHECK(bench.halted.empty());
}

// Whether peer 3's poll is answered.
bool Answered(EngineBench& bench) {
  bench.TakeAllSent(3);
  paxos::Heartbeat poll;
  poll.probe = 77;
  poll.sent_ns = 1;
  bench.From(3, poll);
  bench.Turn();
  for (const std::string& body : bench.TakeSent(3, cluster::WireKind::kPaxos)) {
    const auto message = paxos::Decode(body);
    REQUIRE(message.has_value());
    if (std::holds_alternative<paxos::HeartbeatReply>(*message)) return true;
  }
  return false;
}

void Introduce(EngineBench& bench, const cluster::Introduction& introduction) {
  bench.FromWire(3, cluster::WireOf(cluster::WireKind::kIntroduction,
                                    cluster::EncodeIntroduction(introduction)));
  for (int i = 0; i < 3; ++i) bench.Tick();  // until it is recorded
}

TEST_CASE("a peer whose program is too old for the version in force has no link with this node") {
  EngineBench bench(3);
  bench.node().parts().versions.OnPeerSupports(2, cluster::kFeatureVersion);
  bench.node().parts().versions.OnPeerSupports(3, cluster::kFeatureVersion);
  bench.Lead();
  Settle(bench);
  REQUIRE(bench.executor().feature_version() == cluster::kFeatureVersion);
  CHECK(Answered(bench));
  Introduce(bench, {.boot = 2, .nonce = 5, .feature_version = 1});
  CHECK_FALSE(Answered(bench));
  Introduce(bench, {.boot = 3, .nonce = 6, .feature_version = cluster::kFeatureVersion});
  CHECK(Answered(bench));
  CHECK(bench.halted.empty());
}

TEST_CASE("a node that is too old for the version in force halts, and says both numbers") {
  EngineBench bench(3);
  Introduce(bench, {.boot = 2, .nonce = 5, .feature_version = 9, .in_force = 8});
  CHECK(bench.halted.find("feature version 8 is in force") != std::string::npos);
  CHECK(bench.halted.find("node 3") != std::string::npos);
  CHECK(bench.halted.find("knows up to " + std::to_string(cluster::kFeatureVersion)) !=
        std::string::npos);
  // Not for good: a newer program goes on.
  bench.halted.clear();
  bench.node_config.feature_version = 9;
  bench.Restart(2);
  Introduce(bench, {.boot = 3, .nonce = 6, .feature_version = 9, .in_force = 8});
  CHECK(bench.halted.empty());
  CHECK(Answered(bench));
}

TEST_CASE("members whose lists of slots to skip differ have no link") {
  EngineBench bench(3);
  cluster::SkipList skips;
  REQUIRE(skips.Set({7, 1}));
  Introduce(bench, {.boot = 2, .nonce = 5, .skips = skips});
  CHECK_FALSE(Answered(bench));
  bench.skip_slots = {{.skip = {7, 1}}};
  bench.Restart(2);
  Introduce(bench, {.boot = 2, .nonce = 5, .skips = skips});
  CHECK(Answered(bench));
  Introduce(bench, {.boot = 3, .nonce = 6});
  CHECK_FALSE(Answered(bench));
  CHECK(bench.halted.empty());
}

}  // namespace
}  // namespace clustron::server
