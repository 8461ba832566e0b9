// A peer's snapshot at the seams of node and engine: it arrives, is looked at and loaded; votes
// that it overtakes, reads that meet it.
#include "cluster/node/snapshot_receiver.h"
// The checks of tests are doctest's.
#include <doctest/doctest.h>

#include <cstring>
#include <set>

#include "base/crc.h"
#include "base/crc64.h"
#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

using cluster::WireKind;
using paxos::Ballot;
using paxos::EntryKind;

struct PeersSnapshot {
  cluster::SnapshotName name;
  std::vector<std::string> chunks;  // messages
};

// What both have seen: node 3 led, and its no-op was chosen.
constexpr Ballot kEarlier{3, 3};
void FollowEarlier(EngineBench& bench) {
  bench.Follow(kEarlier);
  bench.Choose(kEarlier, EntryKind::kNoop, "");
}

std::vector<std::string> SetKeys(int keys) {
  std::vector<std::string> items;
  for (int i = 1; i < keys; ++i) items.push_back(CommandItem({"SET", std::to_string(i), "v"}));
  items.push_back(CommandItem({"SET", "k", "v"}));
  return items;
}

// A file on its way, named as one of this slot.
PeersSnapshot OnItsWay(paxos::Slot slot, const std::string& file) {
  PeersSnapshot snapshot{{slot, file.size(), 0}, {}};
  std::memcpy(&snapshot.name.file_id, file.data() + file.size() - 8, 8);
  for (uint64_t at = 0; at < file.size(); at += persist::kSnapshotChunkBytesMax) {
    const std::string bytes = file.substr(at, persist::kSnapshotChunkBytesMax);
    snapshot.chunks.push_back(
        cluster::WireSnapshotChunk(snapshot.name, {at, bytes, Crc32c(bytes)}));
  }
  return snapshot;
}

// Then node 2 led, and three more slots were chosen, the last with the item `last`.
std::string FileOfTwo(int keys = 1, const std::string& last = CommandItem({"SET", "l", "x"})) {
  EngineBench two(3, 2);
  FollowEarlier(two);
  FollowTwo(two, SetKeys(keys));
  two.Choose(kTwo, EntryKind::kBatch, EntryOf(2000, 1'700'000'001'000, {last}));
  two.node().parts().snapshots.Want();
  for (int i = 0; i < 100; ++i) two.Tick();
  return two.fs.Content("/data/snapshots/00000000000000000004.rdb");
}

PeersSnapshot SnapshotOfTwo(int keys = 1,
                            const std::string& last = CommandItem({"SET", "l", "x"})) {
  return OnItsWay(4, FileOfTwo(keys, last));
}

// Node 3 led on, and this node alone has what it proposed in slots 2 to 4; node 2's no-op is heard
// of.
void VoteForThreeNeverChosen(EngineBench& bench) {
  for (const paxos::Slot slot : {2, 3, 4}) {
    paxos::Accept accept;
    accept.entry.slot = slot;
    accept.entry.ballot = kEarlier;
    accept.entry.value = {EntryKind::kBatch, kEarlier,
                          std::make_shared<const std::string>(EntryOf(
                              500, 1'700'000'000'000, {CommandItem({"SET", "k", "never"})}))};
    bench.From(3, accept);
  }
  bench.Turn();
  bench.Follow(kTwo);
  REQUIRE(bench.executor().applied_slot() == 1u);
}

// It has come, and has been looked at: now it is loaded.
void TurnUntilLoading(EngineBench& bench) {
  for (int i = 0; i < 10'000 && !bench.node().restoring(); ++i) bench.Turn();
  REQUIRE(bench.node().restoring());
}

// Has it come.
void Receive(EngineBench& bench, const PeersSnapshot& snapshot) {
  bench.FromWire(2, cluster::WireSnapshotOffer(snapshot.name));
  bench.Turn();
  for (const std::string& chunk : snapshot.chunks) bench.FromWire(2, chunk);
}

constexpr const char* kNewestPath = "/data/snapshots/00000000000000000004.rdb";
void DamageNewest(EngineBench& bench) {
  bench.fs.FlipBit(kNewestPath, bench.fs.Content(kNewestPath).size() / 2, 3);
}

void CheckRefusesToStart(EngineBench& bench) {
  const auto boot = bench.TryRestart(9);
  REQUIRE_FALSE(boot.has_value());
  CHECK(boot.error().detail ==
        "the log begins behind slot 4 but the newest readable snapshot ends at slot 1");
}

// One more slot is chosen, and the log says so of all up to it.
void ChooseFifth(EngineBench& bench) {
  bench.Follow(kTwo);
  bench.Choose(kTwo, EntryKind::kBatch, EntryOf(3000, 1'700'000'002'000, {}));
  for (int i = 0; i < 150; ++i) bench.Tick();
  REQUIRE(bench.executor().applied_slot() == 5u);
}

TEST_CASE("votes in slots that came with a peer's snapshot are not taken for what was chosen") {
  const PeersSnapshot snapshot = SnapshotOfTwo();
  EngineBench bench(3, 1);
  FollowEarlier(bench);
  bench.node().parts().snapshots.Want();
  for (int i = 0; i < 10; ++i) bench.Tick();
  REQUIRE(bench.node().parts().snapshots.slot() == 1u);
  VoteForThreeNeverChosen(bench);
  Receive(bench, snapshot);
  for (int i = 0; i < 200; ++i) bench.Tick();
  REQUIRE(bench.executor().applied_slot() == 4u);

  SUBCASE("by a peer that catches up") {
    bench.TakeSent(3, WireKind::kPaxos);
    bench.From(3, paxos::CatchUpRequest{2, 4});
    bench.Turn();
    CHECK(bench.TakeSent(3, WireKind::kSnapshotOffer).size() == 1u);
  }
  SUBCASE("by the next start, if the file turns out damaged") {
    DamageNewest(bench);
    CheckRefusesToStart(bench);
  }
  SUBCASE("by the next start, if a copy of the mark is damaged as well") {
    SUBCASE("one") { bench.fs.FlipBit("/data/wal.a", 20, 1); }
    SUBCASE("the other") { bench.fs.FlipBit("/data/wal.b", 20, 1); }
    DamageNewest(bench);
    CheckRefusesToStart(bench);
  }
}

// The process ends when the file has its name and before all of it is loaded.
TEST_CASE("a start from a snapshot that was never loaded trusts no votes in its slots either") {
  const PeersSnapshot snapshot = SnapshotOfTwo(50);
  EngineBench bench(3, 1);
  FollowEarlier(bench);
  bench.node().parts().snapshots.Want();
  for (int i = 0; i < 10; ++i) bench.Tick();
  VoteForThreeNeverChosen(bench);
  bench.node_config.restore_keys_per_turn = 1;
  bench.Restart(2);
  bench.Follow(kTwo);
  Receive(bench, snapshot);
  for (int i = 0; i < 200 && !bench.node().restoring(); ++i) bench.Tick();
  REQUIRE(bench.node().restoring());
  bench.Restart(3);
  REQUIRE(bench.executor().applied_slot() == 4u);
  SUBCASE("at once") {}
  SUBCASE("when more has been chosen") { ChooseFifth(bench); }
  DamageNewest(bench);
  CheckRefusesToStart(bench);
}

// The log's disk was slow: the snapshot has slots whose records the log has lost.
TEST_CASE("a start from an own snapshot that is ahead of the log trusts no votes in its slots") {
  EngineBench bench(3, 1);
  FollowEarlier(bench);
  bench.node().parts().snapshots.Want();
  for (int i = 0; i < 10; ++i) bench.Tick();
  VoteForThreeNeverChosen(bench);
  const auto before = bench.fs.Clone();
  FollowTwo(bench, {CommandItem({"SET", "k", "v"})});
  bench.Choose(kTwo, EntryKind::kBatch, EntryOf(2000, 1'700'000'001'000, {}));
  bench.node().parts().snapshots.Want();
  for (int i = 0; i < 150; ++i) bench.Tick();
  REQUIRE(bench.node().parts().snapshots.slot() == 4u);
  bool lost = true;
  SUBCASE("lost") {
    for (const std::string& path : before->Files())
      if (path.starts_with("/data/wal")) bench.fs.Overwrite(path, 0, before->Content(path));
    bench.Restart(2);
    REQUIRE(bench.executor().applied_slot() == 4u);
    SUBCASE("at once") {}
    SUBCASE("when more has been chosen") { ChooseFifth(bench); }
  }
  SUBCASE("not lost: the log alone is enough") { lost = false; }
  DamageNewest(bench);
  if (lost) {
    CheckRefusesToStart(bench);
  } else {
    bench.Restart(2);
    CHECK(bench.executor().applied_slot() == 4u);
    CHECK(bench.executor().revision() == 1u);
  }
}

TEST_CASE("behind a peer's snapshot time goes on from where the snapshot has it") {
  const PeersSnapshot snapshot = SnapshotOfTwo();
  EngineBench bench(3, 1);
  FollowEarlier(bench);
  bench.clock.ns += 3'600'000'000'000;  // by its own clock an hour passes: it was cut off
  bench.Follow(kTwo);
  bench.FromWire(2, cluster::WireSnapshotOffer(snapshot.name));
  bench.Turn();
  for (const std::string& chunk : snapshot.chunks) bench.FromWire(2, chunk);
  for (int i = 0; i < 10; ++i) bench.Tick();
  REQUIRE(bench.executor().applied_slot() == 4u);
  REQUIRE(bench.executor().elapsed_ms() == 2000);
  bench.Lead();
  auto& client = bench.Connect();
  bench.Say(client, "SET k v");
  bench.Turn();
  bench.AnswerAll();
  REQUIRE(client.Take() == "+OK\r\n");
  CHECK(bench.executor().elapsed_ms() > 2000);
  CHECK(bench.executor().elapsed_ms() < 60'000);
}

TEST_CASE("a peer's snapshot is loaded while an own one is being written") {
  constexpr int kKeys = 30'000;
  const PeersSnapshot snapshot = SnapshotOfTwo(kKeys);
  // Turns of a slice each until the file that has come is loaded; before turn `own` the node begins
  // to write one of its own.
  const auto turn_until_loading = [&snapshot](EngineBench& bench, int own) {
    FollowEarlier(bench);
    FollowTwo(bench, SetKeys(kKeys));
    REQUIRE(bench.executor().applied_slot() == 3u);
    Receive(bench, snapshot);
    bench.clock.step_ns = 1'600'000;
    int turns = 0;
    for (; turns < 10'000 && !bench.node().restoring(); ++turns) {
      if (turns == own) bench.node().parts().snapshots.Want();
      bench.Turn();
    }
    bench.clock.step_ns = 0;
    return turns;
  };
  EngineBench other(3, 1);
  const int turns = turn_until_loading(other, -1);
  EngineBench bench(3, 1);
  turn_until_loading(bench, turns - 2);
  REQUIRE(bench.node().restoring());
  for (int i = 0; i < 100; ++i) bench.Tick();
  CHECK(bench.executor().applied_slot() == 4u);
  CHECK(bench.fatal.empty());
  CHECK(bench.node().parts().snapshots.slot() == 4u);
  // The own one was of a state that nobody will go back to.
  CHECK_FALSE(bench.fs.Exists("/data/snapshots/00000000000000000003.rdb"));
  bench.node().parts().snapshots.Want();
  bench.Choose(kTwo, EntryKind::kNoop, "");
  for (int i = 0; i < 100; ++i) bench.Tick();
  CHECK(bench.node().parts().snapshots.slot() == 5u);
}

TEST_CASE("whom the state before a peer's snapshot differed from is forgotten with that state") {
  std::string raise;
  const std::vector<std::string_view> version = {std::string_view("\x02\0", 2)};
  cluster::AppendItem({.kind = cluster::ItemKind::kRaiseVersion}, version, &raise);
  const auto count_to = [](EngineBench& bench, paxos::Slot slot) {
    while (bench.executor().applied_slot() < slot)
      bench.Choose(kTwo, EntryKind::kBatch,
                   EntryOf(1000, 1'700'000'000'000, {CommandItem({"INCR", "n"})}));
  };
  EngineBench two(3, 2);
  FollowTwo(two, {raise});
  count_to(two, 90);
  two.node().parts().snapshots.Want();
  for (int i = 0; i < 100; ++i) two.Tick();
  const std::string file = two.fs.Content("/data/snapshots/00000000000000000090.rdb");
  EngineBench bench(3);
  FollowTwo(bench, {raise});
  count_to(bench, 70);
  bench.FromWire(3, cluster::WireDigest(64, 1));
  REQUIRE(bench.node().parts().digests.diverged_slot() == 64u);
  Receive(bench, OnItsWay(90, file));
  for (int i = 0; i < 100; ++i) bench.Tick();
  REQUIRE(bench.executor().applied_slot() == 90u);
  CHECK(bench.node().parts().digests.diverged_slot() == 0u);
}

TEST_CASE("a write that a peer's snapshot turns out to contain is uncertain at once") {
  EngineBench bench(3, 1);
  bench.Restart(2);  // another session than that of the bench that makes the snapshot
  const PeersSnapshot snapshot =
      SnapshotOfTwo(1, CommandItem({"INCR", "n"}, bench.node().session(), 1));
  FollowEarlier(bench);
  bench.Follow(kTwo);
  auto& client = bench.Connect();
  bench.Say(client, "INCR n");
  bench.Turn();
  REQUIRE(bench.TakeSent(2, WireKind::kForward).size() == 1u);
  bench.FromWire(2, cluster::WireSnapshotOffer(snapshot.name));
  bench.Turn();
  for (const std::string& chunk : snapshot.chunks) bench.FromWire(2, chunk);
  for (int i = 0; i < 10; ++i) bench.Tick();
  REQUIRE(bench.executor().applied_slot() == 4u);
  CHECK(client.Take().starts_with("-UNCERTAIN"));
  // The next one has the next number.
  bench.Follow(kTwo);
  bench.Say(client, "INCR n");
  bench.Turn();
  REQUIRE(bench.TakeSent(2, WireKind::kForward).size() == 1u);
  bench.Choose(
      kTwo, EntryKind::kBatch,
      EntryOf(3000, 1'700'000'002'000, {CommandItem({"INCR", "n"}, bench.node().session(), 2)}));
  CHECK(client.Take() == ":2\r\n");
}

TEST_CASE("a snapshot is taken from another peer when the one that sends it falls silent") {
  const PeersSnapshot snapshot = SnapshotOfTwo();
  EngineBench bench(3, 1);
  bench.Follow(kTwo);
  const auto offered_by = [&](cluster::NodeId peer) {
    bench.FromWire(peer, cluster::WireSnapshotOffer(snapshot.name));
    bench.Turn();
    return bench.TakeSent(peer, WireKind::kSnapshotAck).size();
  };
  CHECK(offered_by(2) == 1u);
  CHECK(offered_by(3) == 0u);
  for (int i = 0; i < 15; ++i) bench.Tick(100);
  CHECK(offered_by(3) == 0u);
  for (int i = 0; i < 10; ++i) bench.Tick(100);
  CHECK(offered_by(3) == 1u);
  for (const std::string& chunk : snapshot.chunks) bench.FromWire(3, chunk);
  for (int i = 0; i < 50; ++i) bench.Tick();
  CHECK(bench.executor().applied_slot() == snapshot.name.slot);
}

TEST_CASE("a snapshot of what is applied already is not fetched") {
  const PeersSnapshot snapshot = SnapshotOfTwo();
  EngineBench bench(3, 1);
  FollowEarlier(bench);
  FollowTwo(bench, SetKeys(1));
  bench.Choose(kTwo, EntryKind::kNoop, "");
  REQUIRE(bench.executor().applied_slot() == snapshot.name.slot);
  bench.FromWire(2, cluster::WireSnapshotOffer(snapshot.name));
  bench.Turn();
  const auto acks = bench.TakeSent(2, WireKind::kSnapshotAck);
  REQUIRE(acks.size() == 1u);
  cluster::SnapshotName name;
  uint64_t offset = 0;
  REQUIRE(cluster::ReadSnapshotAck(acks[0], &name, &offset));
  CHECK(offset == snapshot.name.bytes);
}

// The checksum at its end is right again: only a member that means ill sends such a file.
std::string Forged(std::string file, const std::string& from, const std::string& to) {
  const size_t at = file.find(from);
  REQUIRE(at != std::string::npos);
  file.replace(at, from.size(), to);
  file.resize(file.size() - 8);
  const uint64_t crc = Crc64(file);
  file.append(reinterpret_cast<const char*>(&crc), 8);
  return file;
}

TEST_CASE("a snapshot that can't be loaded is refused, and the own state is kept") {
  const std::string good = FileOfTwo(40);
  PeersSnapshot bad;
  SUBCASE("one that is no state") { bad = OnItsWay(4, Forged(good, "tables", "tablez")); }
  SUBCASE("one that ends early") { bad = OnItsWay(4, Forged(good, "digest", "digesu")); }
  SUBCASE("one with another value") {
    bad = OnItsWay(4, Forged(good, std::string("\1l\1x", 4), std::string("\1l\1y", 4)));
  }
  SUBCASE("one with a key twice") {
    // Small numbers are bytes behind 0xc0.
    bad = OnItsWay(4, Forged(good, "\xc0\x0a\x01v", "\xc0\x0b\x01v"));
  }
  SUBCASE("one of another slot") { bad = OnItsWay(5, good); }
  EngineBench bench(3, 1);
  FollowEarlier(bench);
  bench.Follow(kTwo);
  bench.Choose(kTwo, EntryKind::kNoop, "");
  REQUIRE(bench.executor().applied_slot() == 2u);
  const uint64_t state = bench.executor().store().Digest();
  for (int turn = 0; turn < 2; ++turn) {  // offered again it is not fetched again
    Receive(bench, bad);
    for (int i = 0; i < 200; ++i) bench.Tick();
    CHECK(bench.fatal == "");
    CHECK(bench.node().parts().snapshot_receiver.refused() == 1u);
    CHECK(bench.executor().applied_slot() == 2u);
    CHECK(bench.executor().store().Digest() == state);
  }
  // Nothing is left of it for the next start, and a good one is taken.
  bench.Restart(2);
  CHECK(bench.executor().applied_slot() <= 2u);
  bench.Follow(kTwo);
  Receive(bench, OnItsWay(4, good));
  for (int i = 0; i < 200; ++i) bench.Tick();
  CHECK(bench.executor().applied_slot() == 4u);
  CHECK(bench.fatal == "");
}

TEST_CASE("a halted node goes on with nothing: not with a snapshot that it was reading either") {
  const PeersSnapshot snapshot = SnapshotOfTwo(40);
  EngineBench bench(3, 1);
  bench.node_config.restore_keys_per_turn = 1;
  bench.Restart(2);
  FollowEarlier(bench);
  bench.Follow(kTwo);
  bench.Choose(kTwo, EntryKind::kNoop, "");
  CHECK_FALSE(bench.engine().WantsTurn());
  Receive(bench, snapshot);
  bench.Turn();
  CHECK(bench.engine().WantsTurn());
  bench.FromWire(2, cluster::WireBeyond({1, 2}));
  REQUIRE(bench.node().halted());
  CHECK_FALSE(bench.engine().WantsTurn());  // the loop would turn for ever
}

TEST_CASE("a snapshot of a log that other leaders wrote is refused") {
  EngineBench bench(5, 1);
  FollowEarlier(bench);
  const Ballot fifth{3, 5};
  bench.Follow(fifth);
  bench.Choose(fifth, EntryKind::kNoop, "");  // in the snapshot that slot is node 2's
  REQUIRE(bench.executor().applied_slot() == 2u);
  Receive(bench, OnItsWay(4, FileOfTwo()));
  for (int i = 0; i < 200; ++i) bench.Tick();
  CHECK(bench.executor().applied_slot() == 2u);
  CHECK(bench.node().parts().snapshot_receiver.refused() == 1u);
}

TEST_CASE("a snapshot whose clock or revision fell is refused") {
  const std::string good = FileOfTwo();
  EngineBench bench(3, 1);
  FollowEarlier(bench);
  bench.Follow(kTwo);
  bench.Choose(kTwo, EntryKind::kNoop, "");
  std::vector<std::string> items;
  int64_t elapsed_ms = 100;
  SUBCASE("the clock") { elapsed_ms = 100'000; }
  SUBCASE("the revision") { items = SetKeys(100); }
  bench.Choose(kTwo, EntryKind::kBatch, EntryOf(elapsed_ms, 1'700'000'000'000, items));
  REQUIRE(bench.executor().applied_slot() == 3u);
  Receive(bench, OnItsWay(4, good));
  for (int i = 0; i < 200; ++i) bench.Tick();
  CHECK(bench.executor().applied_slot() == 3u);
  CHECK(bench.node().parts().snapshot_receiver.refused() == 1u);
}

TEST_CASE("of a snapshot that arrived damaged the sender is asked again from its beginning") {
  const PeersSnapshot snapshot = SnapshotOfTwo();
  EngineBench bench(3, 1);
  bench.Follow(kTwo);
  const auto offer = [&] {
    bench.FromWire(2, cluster::WireSnapshotOffer(snapshot.name));
    bench.Turn();
  };
  offer();
  // As it was on the sender's disk: each piece is what its checksum says.
  cluster::SnapshotName name;
  persist::SnapshotChunk chunk;
  REQUIRE(snapshot.chunks.size() == 1u);
  REQUIRE(
      cluster::ReadSnapshotChunk(std::string_view(snapshot.chunks[0]).substr(1), &name, &chunk));
  chunk.bytes[chunk.bytes.size() / 2] ^= 1;
  chunk.crc32c = Crc32c(chunk.bytes);
  bench.TakeSent(2, WireKind::kSnapshotAck);
  bench.FromWire(2, cluster::WireSnapshotChunk(name, chunk));
  for (int i = 0; i < 10; ++i) bench.Tick();
  const auto acks = bench.TakeSent(2, WireKind::kSnapshotAck);
  REQUIRE(acks.size() == 1u);
  uint64_t offset = 1;
  REQUIRE(cluster::ReadSnapshotAck(acks[0], &name, &offset));
  CHECK(offset == 0u);
  CHECK(bench.executor().applied_slot() == 0u);
  offer();
  bench.FromWire(2, snapshot.chunks[0]);
  for (int i = 0; i < 10; ++i) bench.Tick();
  CHECK(bench.executor().applied_slot() == snapshot.name.slot);
}

TEST_CASE("nothing looks at the state while a snapshot is being loaded") {
  const PeersSnapshot snapshot = SnapshotOfTwo(200);
  EngineBench bench(3, 1);
  bench.node_config.restore_keys_per_turn = 1;
  bench.Restart(2);
  FollowEarlier(bench);
  bench.Follow(kTwo);
  auto& reader = bench.Connect();
  auto& local = bench.Connect();
  auto& queue = bench.Connect();
  bench.Say(local, "READONLY");
  bench.Say(local, "MULTI");
  bench.Say(local, "GET k");
  bench.Say(queue, "READONLY");
  bench.Say(queue, "SET j 1");
  bench.Say(queue, "GET k");
  bench.Say(queue, "PING");
  // The read is granted at once, but stands behind a write that nobody takes.
  bench.Say(reader, "SET j 1");
  bench.Say(reader, "GET k");
  bench.Turn();
  bench.FromWire(2, cluster::WireReadGrant(AskedRound(bench, 2), {1, 0, 1'700'000'000'000}));
  for (int i = 0; i < 19; ++i) {
    bench.Follow(kTwo);
    bench.Tick(100);
  }
  local.Take();
  CHECK(queue.Take() == "+OK\r\n");
  CHECK(reader.Take().empty());
  bench.FromWire(2, cluster::WireSnapshotOffer(snapshot.name));
  bench.Turn();
  for (const std::string& chunk : snapshot.chunks) bench.FromWire(2, chunk);
  TurnUntilLoading(bench);
  bench.Say(local, "EXEC");
  bench.Say(local, "GET k");
  bench.Say(local, "WATCH k");
  bench.Say(local, "PING");
  for (int i = 0; i < 3; ++i) bench.Tick(100);
  REQUIRE(bench.node().restoring());
  bench.node().parts().snapshots.Want();
  bench.Tick(100);
  CHECK(bench.node().parts().snapshots.slot() == 0u);
  CHECK(reader.Take().find("\r\n-LOADING") != std::string::npos);
  const std::string queued = queue.Take();
  CHECK(queued.starts_with("-UNCERTAIN"));
  CHECK(queued.find("\r\n-LOADING") != std::string::npos);
  CHECK(queued.ends_with("\r\n+PONG\r\n"));
  const std::string told = local.Take();
  CHECK(told.starts_with("-EXECABORT Transaction discarded because of: LOADING"));
  CHECK(told.find("\r\n-LOADING") != told.rfind("\r\n-LOADING"));
  CHECK(told.ends_with("\r\n+PONG\r\n"));
  for (int i = 0; i < 5000 && bench.node().restoring(); ++i) bench.Tick();
  REQUIRE(!bench.node().restoring());
  bench.Say(local, "GET k");
  bench.Turn();
  CHECK(local.Take() == "$1\r\nv\r\n");
}

TEST_CASE("a node elected while it loads a snapshot leaves the lead to another") {
  const PeersSnapshot snapshot = SnapshotOfTwo(2000);
  EngineBench bench(3, 1);
  bench.node_config.restore_keys_per_turn = 1;
  bench.Restart(2);
  bench.FromWire(2, cluster::WireSnapshotOffer(snapshot.name));
  bench.Turn();
  for (const std::string& chunk : snapshot.chunks) bench.FromWire(2, chunk);
  TurnUntilLoading(bench);
  const auto elected = [&] { return bench.node().replica().role() == paxos::Role::kLeader; };
  for (int i = 0; i < 100 && !elected(); ++i) {
    bench.Tick(50);
    bench.AnswerAll();
  }
  REQUIRE(elected());
  REQUIRE(bench.node().restoring());
  bench.Tick();
  CHECK_FALSE(elected());
}

}  // namespace
}  // namespace clustron::server
