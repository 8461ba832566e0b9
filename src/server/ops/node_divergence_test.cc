// States that differ: who notices, who halts, and what remains of it.
#include "cluster/log/feature_version.h"
#include "server/dispatch/engine.h"
// The checks of tests are doctest's.
#include <doctest/doctest.h>

#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

using cluster::StateNews;
using cluster::WireKind;
using paxos::EntryKind;
using paxos::Slot;

// All members know the version from which on digests are compared.
void CompareDigests(EngineBench& bench) {
  bench.peers_version = cluster::kDigestsComparable;
  bench.IntroducePeers();
}

// A leader with some hundred slots applied.
struct Leader {
  EngineBench bench;
  explicit Leader(uint32_t nodes = 3) : bench(nodes) {
    CompareDigests(bench);
    bench.Lead();
    auto& client = bench.Connect();
    while (bench.executor().applied_slot() < 200) {
      bench.Say(client, "INCR n");
      bench.Turn();
      bench.AnswerAll();
    }
    bench.Tick(200);
  }
  StateNews News(Slot slot, uint64_t digest) {
    return {.boot = 1,
            .applied = bench.executor().applied_slot(),
            .follows = bench.node().ballot(),
            .slot = slot,
            .digest = digest};
  }
  std::string Blob(Slot slot, uint64_t digest) { return EncodeNews(News(slot, digest)); }
  uint64_t Digest(Slot slot) { return *bench.executor().digests().Find(slot); }
  void Tell(const std::vector<std::string>& blobs) {
    for (int i = 0; i < 3; ++i) {
      bench.AnswerAll(blobs);
      bench.Tick(200);
    }
  }
};

TEST_CASE("a node that a majority contradicts halts and stays so; its data are not touched") {
  Leader leader;
  EngineBench& bench = leader.bench;
  leader.Tell({leader.Blob(128, 12345), leader.Blob(128, 12345)});
  CHECK(bench.halted.find("differs from the majority's at slot 128") != std::string::npos);
  CHECK(bench.halted.find("--cluster-take-place yes") != std::string::npos);
  CHECK(bench.node().halted());
  CHECK_FALSE(bench.node().leading());
  const Slot applied = bench.executor().applied_slot();
  bench.TakeAllSent(2);
  for (int i = 0; i < 300; ++i) bench.Tick();
  CHECK(bench.TakeAllSent(2).empty());

  // The next process knows it, before anybody says so, and never votes.
  bench.halted.clear();
  bench.Restart(2);
  CHECK(bench.halted.find("differs from the majority's at slot 128") != std::string::npos);
  bench.From(2, paxos::Prepare{{99, 2}, applied + 1, {}});
  for (int i = 0; i < 300; ++i) bench.Tick();
  CHECK(bench.TakeAllSent(2).empty());
  auto& client = bench.Connect();
  bench.Say(client, "SET k v");
  bench.Turn();
  CHECK(client.Take().starts_with("-CLUSTERDOWN this node is halted: "));
  bench.Say(client, "PING");
  bench.Turn();
  CHECK(client.Take() == "+PONG\r\n");
}

TEST_CASE("one that differs is an alarm for the majority, which goes on") {
  Leader leader;
  EngineBench& bench = leader.bench;
  leader.Tell({leader.Blob(128, 12345), leader.Blob(64, leader.Digest(64))});
  CHECK(bench.halted.empty());
  CHECK(bench.node().leading());
  CHECK(bench.node().parts().digests.diverged_slot() == 128);
  // The third is asked about that slot, the second told.
  bench.Tick(600);
  CHECK(!bench.TakeSent(3, WireKind::kDigestAsk).empty());
  bench.FromWire(3, cluster::WireDigest(128, leader.Digest(128)));
  bench.Tick(600);
  CHECK(bench.TakeSent(3, WireKind::kDigestAsk).empty());
  CHECK(bench.halted.empty());
  // Its place is taken by one with the right state.
  bench.node().parts().digests.OnPeerStarted(2, 7);
  leader.Tell({leader.Blob(128, 12345), {}});  // words of its earlier life
  CHECK(bench.node().parts().digests.diverged_slot() == 0);
}

TEST_CASE("three states that all differ are an alarm for all") {
  Leader leader;
  leader.Tell({leader.Blob(128, 1), leader.Blob(128, 2)});
  CHECK(leader.bench.halted.empty());
  CHECK(leader.bench.node().parts().digests.diverged_slot() == 128);
}

TEST_CASE("two of five that say the same are no majority, three are") {
  Leader leader(5);
  leader.Tell({leader.Blob(128, 1), leader.Blob(128, 1)});
  CHECK(leader.bench.halted.empty());
  leader.Tell({leader.Blob(128, 1), leader.Blob(128, 1), leader.Blob(128, 1)});
  CHECK(!leader.bench.halted.empty());
}

TEST_CASE("nodes that are far apart compare too: the digests of every 64th slot are kept") {
  Leader leader;
  leader.Tell({leader.Blob(64, 9), {}});
  CHECK(leader.bench.node().parts().digests.diverged_slot() == 64);
  SUBCASE("the one that is behind is told") {
    leader.bench.Tick(200);
    bool told = false;
    for (const std::string& body : leader.bench.TakeSent(2, WireKind::kDigest)) {
      Slot slot = 0;
      uint64_t digest = 0;
      REQUIRE(cluster::ReadDigest(body, &slot, &digest));
      told |= slot == 64 && digest == leader.Digest(64);
    }
    CHECK(told);
  }
}

TEST_CASE("digests are kept over a restart, from the log and from a snapshot") {
  EngineBench bench(1);
  CompareDigests(bench);
  bench.Lead();
  auto& client = bench.Connect();
  const auto run = [&](Slot until) {
    while (bench.executor().applied_slot() < until) {
      bench.Say(client, "INCR n");
      bench.Turn();
    }
  };
  run(300);
  std::map<Slot, uint64_t> kept;
  const auto note = [&] {
    const cluster::DigestLog& digests = bench.executor().digests();
    for (Slot slot = digests.oldest(); slot != 0 && slot <= digests.newest(); slot += 64)
      kept[slot] = *digests.Find(slot);
  };
  note();
  REQUIRE(kept.size() == 4);
  bench.node().parts().snapshots.Want();
  for (int i = 0; i < 100; ++i) bench.Tick();
  REQUIRE(bench.node().parts().snapshots.slot() >= 300);
  bench.Restart(2);
  bench.Lead();
  for (const auto& [slot, digest] : kept) CHECK(bench.executor().digests().Find(slot) == digest);
}

TEST_CASE("a peer with more than was ever proposed belongs to another log") {
  Leader leader;
  EngineBench& bench = leader.bench;
  const Slot last = bench.node().replica().last_slot();
  StateNews more = leader.News(64, leader.Digest(64));
  more.applied = last + 10;
  StateNews agrees = leader.News(64, leader.Digest(64));
  SUBCASE("the others agree with the leader") {
    leader.Tell({EncodeNews(more), EncodeNews(agrees)});
    leader.Tell({EncodeNews(more), EncodeNews(agrees)});
  }
  SUBCASE("nobody else is heard") {
    leader.Tell({EncodeNews(more), {}});
    leader.Tell({EncodeNews(more), {}});
    agrees.follows = {};
  }
  const auto sent = bench.TakeSent(2, WireKind::kBeyond);
  REQUIRE(sent.size() == 1);
  cluster::Beyond beyond;
  REQUIRE(cluster::ReadBeyond(sent[0], &beyond));
  CHECK(beyond.proposed == last);
  CHECK(beyond.agree == (agrees.follows == paxos::Ballot{} ? 1 : 2));
  CHECK(bench.node().parts().digests.diverged_slot() != 0);
  CHECK(bench.halted.empty());
}

TEST_CASE("who is told by a majority that its log is another one halts, by fewer it warns") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "a", "1"})});
  const Slot applied = bench.executor().applied_slot();
  bench.FromWire(2, cluster::WireBeyond({applied, 2}));
  CHECK(bench.halted.empty());  // not beyond it
  bench.FromWire(2, cluster::WireBeyond({applied - 1, 1}));
  CHECK(bench.halted.empty());
  CHECK(bench.node().parts().digests.diverged_slot() != 0);
  bench.FromWire(2, cluster::WireBeyond({applied - 1, 2}));
  CHECK(bench.halted.find("another one") != std::string::npos);
}

TEST_CASE("an entry whose clock is before the state's belongs to another log: the node halts") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "a", "1"})});
  const Slot applied = bench.executor().applied_slot();
  bench.Choose(kTwo, EntryKind::kBatch,
               EntryOf(999, 1'700'000'000'000, {CommandItem({"SET", "a", "2"})}));
  CHECK(bench.halted.find("another log") != std::string::npos);
  CHECK(bench.executor().applied_slot() == applied);
  bench.halted.clear();
  bench.Restart(2);
  CHECK(bench.halted.find("another log") != std::string::npos);  // for good
}

TEST_CASE("a snapshot of a peer whose state differs is not taken: it would replace the only copy") {
  EngineBench bench(3);
  std::string raise;
  const std::vector<std::string_view> version = {std::string_view("\x02\0", 2)};
  cluster::AppendItem({.kind = cluster::ItemKind::kRaiseVersion}, version, &raise);
  FollowTwo(bench, {raise});
  while (bench.executor().applied_slot() < 70)
    bench.Choose(kTwo, EntryKind::kBatch,
                 EntryOf(1000, 1'700'000'000'000, {CommandItem({"INCR", "n"})}));
  bench.FromWire(2, cluster::WireDigest(64, 1));
  CHECK(bench.node().parts().digests.diverged_slot() == 64);
  bench.TakeAllSent(2);
  bench.FromWire(2, cluster::WireSnapshotOffer({.slot = 1000, .bytes = 100, .file_id = 1}));
  bench.Turn();
  CHECK(bench.TakeSent(2, WireKind::kSnapshotAck).empty());
}

// What a member that starts anew says of its log: how much it has applied, who wrote it.
void IntroduceLog(EngineBench& bench, uint32_t peer, Slot applied,
                  const cluster::Leaderships& leaderships) {
  bench.FromWire(
      peer,
      cluster::WireOf(
          WireKind::kIntroduction,
          cluster::EncodeIntroduction(
              {.boot = 2, .nonce = peer + 100, .applied = applied, .leaderships = leaderships})));
  bench.Turn();
}

cluster::Leaderships WrittenBy(paxos::Ballot ballot, uint64_t tag = 7) {
  cluster::Leaderships log;
  log.Note({1, ballot, tag});
  return log;
}

TEST_CASE(
    "nothing is learned from a log that others wrote; a majority that has it halts the node") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "acknowledged", "v"})});
  const Slot applied = bench.executor().applied_slot();
  IntroduceLog(bench, 2, 500, WrittenBy({9, 3}));
  CHECK(bench.node().parts().digests.diverged_slot() == 1);
  CHECK(bench.halted.empty());
  // Not by its leadership, not as an answer to a question, not as a snapshot.
  const paxos::Ballot later{9, 2};
  bench.Follow(later);
  bench.Choose(later, EntryKind::kNoop, "");
  bench.From(2, paxos::CatchUpReply{.chosen = 500});
  bench.TakeAllSent(2);
  bench.FromWire(2, cluster::WireSnapshotOffer({.slot = 1000, .bytes = 100, .file_id = 1}));
  bench.Turn();
  CHECK(bench.TakeSent(2, WireKind::kSnapshotAck).empty());
  CHECK(bench.executor().applied_slot() == applied);
  SUBCASE("a majority has it") {
    IntroduceLog(bench, 3, 300, WrittenBy({9, 3}));
    CHECK(bench.halted.find("the majority has another log") != std::string::npos);
    // A peer that has not heard it yet learns who it is all the same, and compares, too.
    bench.TakeAllSent(2);
    bench.node().OnPeerUp(2);
    bench.Tick(100);
    CHECK(bench.TakeSent(2, WireKind::kIntroduction).size() == 1);
    bench.Tick(2000);  // the answer does not come
    CHECK(bench.TakeSent(2, WireKind::kIntroduction).size() == 1);
    bench.halted.clear();
    bench.Restart(2);
    CHECK_FALSE(bench.halted.empty());  // for good
  }
  SUBCASE("the third one has yet another") {
    IntroduceLog(bench, 3, 300, WrittenBy({9, 3}, 8));
    CHECK(bench.halted.empty());
  }
  SUBCASE("the third one has this node's") {
    IntroduceLog(bench, 3, applied, bench.executor().leaderships());
    CHECK(bench.halted.empty());
  }
  SUBCASE("the peer starts anew, with an empty directory") {
    bench.FromWire(2, cluster::WireOf(WireKind::kIntroduction,
                                      cluster::EncodeIntroduction({.boot = 3, .nonce = 300})));
    bench.Turn();
    CHECK(bench.node().parts().digests.diverged_slot() == 0);
  }
  CHECK(bench.executor().applied_slot() == applied);
}

TEST_CASE("two of five that have another log are no majority, three are") {
  EngineBench bench(5);
  FollowTwo(bench, {CommandItem({"SET", "acknowledged", "v"})});
  for (const uint32_t peer : {3, 4}) IntroduceLog(bench, peer, 500, WrittenBy({9, 3}));
  CHECK(bench.halted.empty());
  IntroduceLog(bench, 5, 500, WrittenBy({9, 3}));
  CHECK_FALSE(bench.halted.empty());
}

TEST_CASE("a log that goes on where this one ends is the same") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "k", "v"})});
  cluster::Leaderships longer = bench.executor().leaderships();
  longer.Note({bench.executor().applied_slot() + 1, {9, 3}, 7});
  for (const uint32_t peer : {2, 3}) IntroduceLog(bench, peer, 500, longer);
  CHECK(bench.node().parts().digests.diverged_slot() == 0);
  CHECK(bench.halted.empty());
}

TEST_CASE("who was set back is named in the errors as it becomes known") {
  EngineBench bench(4);
  auto& client = bench.Connect();
  const auto tells = [&](std::vector<cluster::NodeId> peers, const std::string& names) {
    for (const cluster::NodeId peer : peers)
      bench.FromWire(peer,
                     cluster::WireOf(WireKind::kIntroduction,
                                     cluster::EncodeIntroduction(
                                         {.boot = 2, .nonce = peer + 100u, .set_back = true})));
    for (int i = 0; i < 100; ++i) bench.Tick();
    bench.Say(client, "SET a b");
    bench.Turn();
    CHECK(client.Take().find("CLUSTERDOWN node " + names + " of 4 was set back") !=
          std::string::npos);
  };
  tells({2, 3}, "2, 3");
  tells({4}, "2, 3, 4");
}

TEST_CASE("a snapshot that ends behind a halt lets go of nothing") {
  Leader leader;
  EngineBench& bench = leader.bench;
  const auto take = [&] {
    bench.node().parts().snapshots.Want();
    for (int i = 0; i < 20; ++i) {
      bench.Tick();
      bench.AnswerAll();
    }
  };
  take();
  bench.Say(bench.Connect(), "SET a b");
  bench.Turn();
  bench.AnswerAll();
  take();
  const Slot floor = bench.node().log().floor();
  REQUIRE(floor > 0);
  bench.Say(bench.Connect(), "SET a c");
  bench.Turn();
  bench.AnswerAll();
  // Walked to its end, but its worker is slow.
  bench.node().parts().snapshots.Want();
  for (int i = 0; i < 20; ++i) bench.engine().EndOfTurn();
  bench.node().Halt(cluster::HaltCause::kDiverged, "by hand");
  bench.RunTasks();
  CHECK(bench.node().log().floor() == floor);
  CHECK(bench.node().parts().snapshots.slot() < bench.executor().applied_slot());
}

// --- skip-slot -----------------------------------------------------------------------------------

cluster::SkipWord WordIn(const std::string& text) {
  const size_t at = text.find("--skip-slot ");
  REQUIRE(at != std::string::npos);
  const auto word = cluster::ParseSkip(std::string_view(text).substr(at + 12));
  REQUIRE(word.has_value());
  return *word;
}

TEST_CASE("an entry that can't be applied is left out where its slot and hash are named") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "a", "1"})});
  std::string poison;
  cluster::AppendItem({.command_id = 60'000}, std::vector<std::string_view>{"x"}, &poison);
  bench.Choose(kTwo, EntryKind::kBatch,
               EntryOf(1000, 1'700'000'000'000, {CommandItem({"SET", "b", "2"}), poison}));
  const Slot last = bench.node().replica().last_slot() + 1;
  paxos::Accept accept;
  accept.entry = {last,
                  kTwo,
                  {EntryKind::kBatch, kTwo,
                   std::make_shared<const std::string>(
                       EntryOf(1000, 1'700'000'000'000, {CommandItem({"SET", "c", "3"})}))}};
  const cluster::SkipWord word = WordIn(bench.halted);
  const auto restart = [&](std::vector<cluster::SkipWord> words) {
    bench.halted.clear();
    bench.skip_slots = std::move(words);
    return bench.TryRestart(3);
  };
  const auto follow = [&] {
    bench.Follow(kTwo);
    if (bench.node().replica().last_slot() < last) bench.From(2, accept);
    bench.From(2, paxos::Chosen{kTwo, last});
    bench.Turn();
  };
  // Another hash leaves nothing out, and says which one would.
  cluster::SkipWord other = word;
  other.skip.hash ^= 1;
  REQUIRE(restart({other}).has_value());
  follow();
  CHECK(bench.halted.find("with skip-slot " + cluster::SkipText(word.skip)) != std::string::npos);
  // It is durable, until it is taken back or replaced.
  REQUIRE(restart({}).has_value());
  follow();
  CHECK(bench.halted.find("names one with the hash") != std::string::npos);
  REQUIRE(restart({{.skip = {word.skip.slot, 0}, .keep = true}}).has_value());
  follow();
  CHECK(bench.halted.find("a command with the id 60000") != std::string::npos);

  REQUIRE(restart({word}).has_value());
  follow();
  CHECK(bench.halted.empty());
  auto& client = bench.Connect();
  bench.Say(client, "READONLY");
  bench.Say(client, "MGET a b c");
  bench.Turn();
  CHECK(client.Take() == "+OK\r\n*3\r\n$1\r\n1\r\n$-1\r\n$1\r\n3\r\n");
  CHECK(bench.executor().skips().Find(word.skip.slot) != nullptr);

  // The next starts know it by themselves, from a snapshot too.
  REQUIRE(restart({}).has_value());
  follow();
  CHECK(bench.halted.empty());
  bench.node().parts().snapshots.Want();
  for (int i = 0; i < 50; ++i) bench.Tick();
  REQUIRE(bench.node().parts().snapshots.slot() >= word.skip.slot);
  REQUIRE(restart({}).has_value());
  CHECK(bench.executor().skips().Find(word.skip.slot) != nullptr);
  REQUIRE(restart({word}).has_value());  // said once more: the same

  // What is applied can't be left out or taken back.
  const auto late = restart({other});
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().detail.find("is applied here already") != std::string::npos);
}

std::string SnapshotOf(state::Executor& executor) {
  const auto snapshot = executor.BeginSnapshot();
  std::string file;
  while (snapshot->Step(1000, &file) == cluster::SnapshotSource::Progress::kMore) continue;
  return file;
}

void LoadSnapshot(state::Executor& executor, const std::string& bytes) {
  sim::SimFs fs;
  REQUIRE(fs.MakeDir("/data").has_value());
  auto file = fs.Open("/data/file", persist::OpenMode::kCreate);
  REQUIRE(file.has_value());
  REQUIRE((*file)->WriteAt(0, bytes).has_value());
  REQUIRE(executor.BeginRestore(**file)->Step(SIZE_MAX).value_or(false));
}

TEST_CASE("what is left out of slots to come is said by this start, not by a peer's snapshot") {
  const paxos::Value nothing{
      EntryKind::kBatch, {1, 1}, std::make_shared<const std::string>(EntryOf(1, 1, {}))};
  cluster::SkipList skips;
  REQUIRE(skips.Set({1, cluster::HashOf(nothing)}));
  state::Executor peer{7};
  peer.SetSkips(skips);
  peer.Apply(1, nothing, false);
  REQUIRE(skips.Set({4, 44}));
  peer.SetSkips(skips);  // 4 is taken back later
  const std::string file = SnapshotOf(peer);

  cluster::SkipList own;
  REQUIRE(own.Set({1, cluster::HashOf(nothing)}));
  REQUIRE(own.Set({3, 33}));
  state::Executor here{7};
  here.SetSkips(own);
  LoadSnapshot(here, file);
  CHECK(here.applied_slot() == 1);
  CHECK(here.skips().Text() == own.Text());
  // Nothing was said yet at a start.
  state::Executor fresh{7};
  LoadSnapshot(fresh, file);
  CHECK(fresh.skips().Text() == skips.Text());
}

TEST_CASE("what was taken back stays so, though an earlier snapshot knows of it") {
  EngineBench bench(3);
  FollowTwo(bench, {CommandItem({"SET", "a", "1"})});
  const Slot slot = bench.executor().applied_slot() + 5;
  bench.skip_slots = {{.skip = {slot, 5}}};
  bench.Restart(2);
  bench.node().parts().snapshots.Want();
  for (int i = 0; i < 50; ++i) bench.Tick();
  REQUIRE(bench.node().parts().snapshots.slot() > 0);
  bench.skip_slots = {{.skip = {slot, 0}, .keep = true}};
  bench.Restart(3);
  CHECK(bench.executor().skips().empty());
  bench.skip_slots.clear();
  bench.Restart(4);
  CHECK(bench.executor().skips().empty());
}

TEST_CASE("leaving an entry out shows in the digest") {
  state::Executor one{7}, two{7};
  const paxos::Value value{
      EntryKind::kBatch, {1, 1}, std::make_shared<const std::string>(EntryOf(1, 1, {}))};
  cluster::SkipList skips;
  REQUIRE(skips.Set({1, cluster::HashOf(value)}));
  two.SetSkips(skips);
  one.Apply(1, value, false);
  REQUIRE(two.CanApply(1, value).has_value());
  two.Apply(1, value, false);
  CHECK(two.applied_slot() == 1);
  CHECK(one.digest() != two.digest());
  CHECK(two.elapsed_ms() == 0);
}

}  // namespace
}  // namespace clustron::server
