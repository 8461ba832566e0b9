// A configuration record that is applied is what INFO, the node and its links go by, without a
// restart and after one; and what is no configuration to go on under.
#include "cluster/membership/applied_members.h"
#include "server/observe/info_fields.h"
// The checks of tests are doctest's.
#include <doctest/doctest.h>

#include <cstring>

#include "base/crc.h"
#include "tests/support/engine_bench.h"

namespace clustron::server {
namespace {

using cluster::ConfigRecord;
using cluster::WireKind;
using paxos::EntryKind;

constexpr const char* kSnapshotPath = "/data/snapshots/00000000000000000002.rdb";

// Of a bench's nodes: node 2 is elsewhere, and node 9 is new and has no vote.
ConfigRecord Changed(EngineBench& bench) {
  ConfigRecord record = bench.executor().members().record();
  ++record.version;
  record.members[1].host = "10.0.1.2";
  record.members[1].port = 7002;
  record.members.push_back({9, "10.0.1.9", 7009, 17009, false});
  return record;
}

void ChooseRecord(EngineBench& bench, const ConfigRecord& record) {
  bench.Choose(kTwo, EntryKind::kConfig, EncodeConfigRecord(record));
}

std::string Info(EngineBench& bench) {
  const Config config;
  const persist::Identity identity;
  const InfoFields info(bench.engine(), config, identity);
  const std::string_view sections[] = {"paxos", "replication"};
  return info.Info(sections, false);
}

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

void SaveSnapshot(EngineBench& bench) {
  bench.node().parts().snapshots.Want();
  for (int i = 0; i < 100; ++i) bench.Tick();
}

void CheckIsChanged(EngineBench& bench) {
  CHECK((bench.node().replica().members() == paxos::Members{{1, 2, 3}, {9}}));
  CHECK(Has(Info(bench), "1=10.0.0.1:6379,2=10.0.1.2:7002,3=10.0.0.3:6379,9=10.0.1.9:7009"));
}

TEST_CASE("a follower goes by the members of the record that it has applied") {
  EngineBench bench(3);
  FollowTwo(bench, {});
  CHECK(Has(Info(bench), "1=10.0.0.1:6379,2=10.0.0.2:6379,3=10.0.0.3:6379\r\n"));
  CHECK(Has(Info(bench), "master_host:10.0.0.2\r\nmaster_port:6379"));
  ChooseRecord(bench, Changed(bench));
  CheckIsChanged(bench);
  CHECK(Has(Info(bench), "master_host:10.0.1.2\r\nmaster_port:7002"));
  // The new one hears who this node is.
  bench.Tick();
  CHECK(bench.TakeSent(9, WireKind::kIntroduction).size() == 1u);
  CHECK(bench.halted == "");
  bench.Choose(kTwo, EntryKind::kBatch,
               EntryOf(2000, 1'700'000'001'000, {CommandItem({"SET", "k", "v"})}));
  CHECK(bench.executor().revision() == 1u);
}

TEST_CASE("a leader sends to who is new from the record on, and asks the same voters as before") {
  EngineBench bench(3);
  bench.Lead();
  auto& client = bench.Connect();
  REQUIRE(bench.Ask(client, "SET k v") == "+OK\r\n");
  paxos::Replica& replica = bench.node().parts().core.replica;
  REQUIRE(replica.CanProposeConfig());
  const std::string record = EncodeConfigRecord(Changed(bench));
  replica.Propose(EntryKind::kConfig, std::make_shared<const std::string>(record), bench.clock.ns);
  bench.Turn();
  for (int i = 0; i < 4; ++i) bench.AnswerAll();
  CheckIsChanged(bench);
  CHECK(bench.node().leading());
  CHECK(bench.Ask(client, "SET k w") == "+OK\r\n");
  for (int i = 0; i < 10; ++i) bench.Tick();  // a heartbeat
  CHECK_FALSE(bench.TakeSent(9, WireKind::kPaxos).empty());
}

TEST_CASE("after a start the members are those of the state, not of the genesis") {
  EngineBench bench(3);
  FollowTwo(bench, {});
  ChooseRecord(bench, Changed(bench));
  SUBCASE("of its snapshot") { SaveSnapshot(bench); }
  SUBCASE("of its log") {
    bench.Choose(kTwo, EntryKind::kBatch, EntryOf(2000, 1'700'000'001'000, {}));
    for (int i = 0; i < 150; ++i) bench.Tick();
  }
  bench.Restart(2);
  REQUIRE(bench.executor().applied_slot() >= 2);
  CHECK(bench.executor().members().record().version == 1);
  CheckIsChanged(bench);
}

TEST_CASE("in front of a configuration that the core can't go on under a node halts, for good") {
  EngineBench bench(3);
  FollowTwo(bench, {});
  ConfigRecord record = Changed(bench);
  record.members.back().votes = true;
  ChooseRecord(bench, record);
  CHECK(bench.halted.starts_with(
      "slot 2 can't be applied: who votes can't be changed yet (it is nodes 1,2,3, and would be "
      "1,2,3,9)"));
  CHECK(bench.executor().members().record().version == 0);
  CHECK((bench.node().replica().members() == paxos::Members{{1, 2, 3}, {}}));
}

// A peer's file.
void Receive(EngineBench& bench, const std::string& file) {
  cluster::SnapshotName name{2, file.size(), 0};
  std::memcpy(&name.file_id, file.data() + file.size() - 8, 8);
  bench.FromWire(2, cluster::WireSnapshotOffer(name));
  bench.Turn();
  bench.FromWire(2, cluster::WireSnapshotChunk(name, {0, file, Crc32c(file)}));
  for (int i = 0; i < 20; ++i) bench.Tick();
}

TEST_CASE("members come with a peer's snapshot; one of other voters is refused") {
  EngineBench two(3);
  FollowTwo(two, {});
  ChooseRecord(two, Changed(two));
  SaveSnapshot(two);
  EngineBench bench(3, 2);
  bench.Follow(kTwo);
  Receive(bench, two.fs.Content(kSnapshotPath));
  REQUIRE(bench.executor().applied_slot() == 2u);
  CheckIsChanged(bench);

  EngineBench five(5, 3);
  five.Follow(kTwo);
  Receive(five, two.fs.Content(kSnapshotPath));
  CHECK(five.executor().applied_slot() == 0u);
  CHECK(five.node().parts().snapshot_receiver.refused() == 1u);
  CHECK(five.executor().members().all().size() == 5);
}

TEST_CASE("a directory whose snapshot is of other members than its genesis does not start") {
  const auto save_two = [](EngineBench& bench) {
    FollowTwo(bench, {});
    bench.Choose(kTwo, EntryKind::kBatch, EntryOf(2000, 1'700'000'001'000, {}));
    SaveSnapshot(bench);
    REQUIRE(bench.executor().applied_slot() == 2u);
  };
  EngineBench five(5);
  save_two(five);
  EngineBench bench(3);
  save_two(bench);
  REQUIRE(bench.fs.Remove(kSnapshotPath).has_value());
  const auto file = bench.fs.Open(kSnapshotPath, persist::OpenMode::kCreate);
  REQUIRE(file.has_value());
  REQUIRE((*file)->WriteAt(0, five.fs.Content(kSnapshotPath)).has_value());
  const auto boot = bench.TryRestart(2);
  REQUIRE_FALSE(boot.has_value());
  CHECK(Has(boot.error().detail, "formed by 10.0.0.1:6379,10.0.0.2:6379,10.0.0.3:6379, and"));
  CHECK(Has(boot.error().detail, "has 10.0.0.1:6379,10.0.0.2:6379,10.0.0.3:6379,10.0.0.4:6379,"));
}

}  // namespace
}  // namespace clustron::server
