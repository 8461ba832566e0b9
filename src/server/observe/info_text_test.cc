#include "server/observe/info_text.h"

#include "base/check.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::server {

namespace {

std::string Text(const InfoData& data, std::vector<std::string_view> sections) {
  return InfoText(data, sections);
}
bool Has(const std::string& text, const std::string& line) {
  return text.find(line + "\r\n") != std::string::npos;
}

}  // namespace

TEST_CASE("sections come by name, in a fixed order, with an empty line between them") {
  const InfoData data;
  CHECK(Text(data, {"cluster"}) == "# Cluster\r\ncluster_enabled:0\r\n");
  CHECK(Text(data, {"CLUSTER", "modules"}) ==
        "# Modules\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n");
  CHECK(Text(data, {"nonsense"}).empty());
  const std::string by_default = Text(data, {});
  CHECK(by_default == Text(data, {"default"}));
  CHECK(by_default.starts_with("# Server\r\n"));
  CHECK(!Has(by_default, "# Commandstats"));
  CHECK(!Has(by_default, "# Latencystats"));
  CHECK(Has(by_default, "# Errorstats"));
  CHECK(Has(Text(data, {"default", "commandstats"}), "# Commandstats"));
  CHECK(Text(data, {"all"}) == Text(data, {"everything"}));
  CHECK(Has(Text(data, {"all"}), "# Latencystats"));
  CHECK(Has(by_default, "# Paxos"));
}

TEST_CASE("bytes are printed for people as Redis does it") {
  CHECK(HumanBytes(0) == "0B");
  CHECK(HumanBytes(1023) == "1023B");
  CHECK(HumanBytes(1536) == "1.50K");
  CHECK(HumanBytes(2226424) == "2.12M");
  CHECK(HumanBytes(25276510208) == "23.54G");
}

TEST_CASE("a leader tells its followers, a follower its leader") {
  InfoData data;
  data.replication.role.applied_slot = 100;
  data.replication.role.followers = {{"10.0.0.2", 7002, 100}, {"10.0.0.3", 7003, 90}};
  data.replication.cluster_id = "0123456789abcdef0123456789abcdef";
  std::string text = Text(data, {"replication"});
  CHECK(Has(text, "role:master"));
  CHECK(Has(text, "connected_slaves:2"));
  CHECK(Has(text, "slave0:ip=10.0.0.2,port=7002,state=online,offset=100,lag=0"));
  CHECK(Has(text, "slave1:ip=10.0.0.3,port=7003,state=online,offset=90,lag=1"));
  CHECK(Has(text, "master_replid:0123456789abcdef0123456789abcdef00000000"));

  data.replication.role.leader = false;
  data.replication.role.leader_host = "10.0.0.1";
  data.replication.role.leader_port = 7001;
  data.replication.role.followers.clear();
  text = Text(data, {"replication"});
  CHECK(Has(text, "role:slave"));
  CHECK(Has(text, "master_host:10.0.0.1"));
  CHECK(Has(text, "master_port:7001"));
  CHECK(Has(text, "master_link_status:down"));
  CHECK(Has(text, "slave_read_only:0"));
}

TEST_CASE("keyspace lists databases that are not empty") {
  InfoData data;
  data.databases = {{3, 1}, {0, 0}, {7, 0}};
  CHECK(Text(data, {"keyspace"}) ==
        "# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=0\r\ndb2:keys=7,expires=0,avg_ttl=0\r\n");
}

TEST_CASE("commands, errors and latencies have Redis's formats") {
  static constexpr commands::CommandSpec kGet = {.name = "GET"};
  CommandStats stats;
  stats.Called(kGet, 4, false);
  stats.Called(kGet, 5, true);
  stats.Rejected(kGet);
  stats.ErrorReplied("ERR x");
  InfoData data;
  data.commands = &stats;
  const std::string text = Text(data, {"commandstats", "errorstats", "latencystats"});
  CHECK(Has(text, "cmdstat_get:calls=2,usec=9,usec_per_call=4.50,rejected_calls=1,failed_calls=1"));
  CHECK(Has(text, "errorstat_ERR:count=1"));
  CHECK(Has(text, "latency_percentiles_usec_get:p50=4.000,p99=5.000,p99.9=5.000"));
}

TEST_CASE("the section paxos has its fields") {
  InfoData data;
  data.paxos = {.role = "leader",
                .node = 2,
                .leader = 2,
                .ballot_round = 7,
                .ballot_node = 2,
                .chosen_slot = 10,
                .applied_slot = 9,
                .durable_slot = 11,
                .first_slot = 3,
                .digest = 0xabc,
                .feature_version = 1,
                .feature_version_supported = 2,
                .diverged_slot = 0,
                .boot = 4,
                .set_back_why = "a copy",
                .set_back_members = "1,3",
                .members = {{1, "a:1"}, {2, "b:2"}},
                .lease_ms = 400};
  CHECK(Text(data, {"paxos"}) ==
        "# Paxos\r\npaxos_role:leader\r\npaxos_node:2\r\npaxos_leader:2\r\npaxos_ballot:7.2\r\n"
        "paxos_chosen_slot:10\r\npaxos_applied_slot:9\r\npaxos_durable_slot:11\r\n"
        "paxos_first_slot:3\r\npaxos_digest:0000000000000abc\r\npaxos_feature_version:1\r\n"
        "paxos_feature_version_supported:2\r\npaxos_diverged_slot:0\r\n"
        "paxos_boot:4\r\npaxos_set_back:1\r\npaxos_set_back_why:a copy\r\n"
        "paxos_set_back_members:1,3\r\n"
        "paxos_damaged_slots:0\r\npaxos_halted:\r\npaxos_halted_slot:0\r\n"
        "paxos_refuses_writes:no\r\npaxos_not_durable_since:0\r\n"
        "paxos_own_writes_under_way_bytes:0\r\npaxos_own_writes_waiting_bytes:0\r\n"
        "paxos_peer_messages_left_out:0\r\n"
        "paxos_peer_snapshots_refused:0\r\n"
        "paxos_members:1=a:1,2=b:2\r\npaxos_lease_ms:400\r\n");
}

TEST_CASE("memory ratios survive zeros") {
  InfoData data;
  CHECK(Has(Text(data, {"memory"}), "mem_fragmentation_ratio:0.00"));
  data.memory.use.allocated_bytes = 1 << 20;
  data.memory.use.rss_bytes = 3 << 20;
  const std::string text = Text(data, {"memory"});
  CHECK(Has(text, "used_memory:1048576"));
  CHECK(Has(text, "used_memory_human:1.00M"));
  CHECK(Has(text, "mem_fragmentation_ratio:3.00"));
  CHECK(Has(text, "used_memory_peak:1048576"));
}

}  // namespace clustron::server
