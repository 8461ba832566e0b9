#include "server/observe/info_fields.h"

#include <sys/random.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "base/host_port.h"
#include "base/strings.h"
#include "cluster/node/node.h"
#include "commands/core/registry.h"
#include "persist/identity.h"
#include "server/config/config.h"
#include "server/front/client_table.h"
#include "server/observe/pubsub_hub.h"
#include "state/executor.h"
#include "store/tables/index_table.h"
#include "store/tables/label_table.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"
#include "store/tables/once_table.h"
#include "store/tables/txn_table.h"
#include "store/tables/wait_table.h"

namespace clustron::server {

namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::string OsName() {
  utsname name = {};
  if (uname(&name) != 0) return "unknown";
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

std::string ExecutablePath() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  return size < 0 ? std::string() : std::string(path, static_cast<size_t>(size));
}

std::string_view RoleName(paxos::Role role) {
  switch (role) {
    case paxos::Role::kFollower:
      return "follower";
    case paxos::Role::kCandidate:
      return "candidate";
    case paxos::Role::kLeader:
      return "leader";
  }
  UNREACHABLE();
}

}  // namespace

std::string MakeRunId() {
  unsigned char bytes[20];
  size_t have = 0;
  while (have < sizeof bytes) {
    const ssize_t n = getrandom(bytes + have, sizeof bytes - have, 0);
    CHECK(n > 0 || errno == EINTR);
    if (n > 0) have += static_cast<size_t>(n);
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string id;
  for (unsigned char byte : bytes) {
    id.push_back(kDigits[byte >> 4]);
    id.push_back(kDigits[byte & 15]);
  }
  return id;
}

InfoFields::InfoFields(InfoHost& host, const Config& config, const persist::Identity& identity)
    : host_(host),
      config_(config),
      identity_(identity),
      run_id_(MakeRunId()),
      started_ns_(SystemClock().MonotonicNs()),
      startup_bytes_(AllocatedBytes()) {}

void InfoFields::GatherServer(InfoData* data) const {
  InfoData::Server& server = data->server;
  server.run_id = run_id_;
  server.process_id = getpid();
  server.tcp_port = static_cast<int>(config_.Int(Opt::kPort));
  server.unix_us = host_.node_port().WallUs();
  server.uptime_s = (SystemClock().MonotonicNs() - started_ns_) / 1'000'000'000;
  server.os = OsName();
  server.executable = ExecutablePath();
  server.config_file = config_.file();
  rusage all = {};
  rusage main_thread = {};
  getrusage(RUSAGE_SELF, &all);
  getrusage(RUSAGE_THREAD, &main_thread);
  data->cpu = {.system_s = Seconds(all.ru_stime),
               .user_s = Seconds(all.ru_utime),
               .main_system_s = Seconds(main_thread.ru_stime),
               .main_user_s = Seconds(main_thread.ru_utime)};
}

void InfoFields::GatherMemory(InfoData* data) const {
  InfoData::Memory& memory = data->memory;
  memory.use = ReadMemoryUse();
  peak_bytes_ = std::max(peak_bytes_, memory.use.allocated_bytes);
  memory.peak_bytes = peak_bytes_;
  memory.startup_bytes = startup_bytes_;
  memory.dataset_bytes = host_.executor().store().used_bytes();
  memory.total_system_bytes =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  memory.max_bytes = static_cast<uint64_t>(config_.Int(Opt::kMaxMemory));
  memory.policy = host_.executor().store().settings().Get("maxmemory-policy").text;
}

void InfoFields::NotePeak() { peak_bytes_ = std::max(peak_bytes_, AllocatedBytes()); }

void InfoFields::GatherPaxos(const NodeReport& report, InfoData::Paxos* data) const {
  const cluster::Node& node = host_.node();
  const paxos::Replica& replica = node.replica();
  const state::Executor& executor = host_.executor();
  InfoData::Paxos& paxos = *data;
  paxos.role = RoleName(replica.role());
  paxos.node = node.self();
  paxos.leader = node.leader();
  paxos.ballot_round = replica.ballot().round;
  paxos.ballot_node = replica.ballot().node;
  paxos.chosen_slot = replica.chosen_slot();
  paxos.applied_slot = executor.applied_slot();
  paxos.durable_slot = node.parts().disk.DurableSlot();
  paxos.first_slot = replica.compacted_slot() + 1;
  paxos.digest = executor.digest();
  paxos.feature_version = executor.feature_version();
  paxos.feature_version_supported = node.parts().versions.supported();
  paxos.diverged_slot = node.parts().digests.diverged_slot();
  const cluster::MemberWatch& watch = node.roster().watch();
  paxos.boot = watch.own().boot;
  if (watch.own().set_back) paxos.set_back_why = watch.own().why;
  for (const cluster::MemberRecord& record : watch.records()) {
    if (!record.SetBack()) continue;
    std::string& list = paxos.set_back_members;
    list += (list.empty() ? "" : ",") + std::to_string(record.node);
  }
  paxos.damaged_slots = replica.unknown_count();
  paxos.halted = report.halt_reason;
  paxos.halted_slot = report.damaged_slot;
  for (const cluster::Member& member : node.members().all()) {
    paxos.members.emplace_back(member.node, PrintHostPort(member.host, member.port));
  }
  paxos.refuses_writes = report.refuses_writes;
  if (node.log().waits_for_room() || replica.log_full())
    paxos.not_durable_since = node.parts().disk.DurableSlot() + 1;
  paxos.own_under_way_bytes = node.origin().window_bytes();
  paxos.own_waiting_bytes = node.origin().waiting_bytes();
  paxos.peer_messages_left_out = report.peer_messages_left_out;
  paxos.snapshots_refused = node.parts().snapshot_receiver.refused();
  paxos.lease_ms = std::max<int64_t>(0, (replica.lease_until_ns() - node.NowNs()) / 1'000'000);
}

void InfoFields::GatherNode(InfoData* data) const {
  const cluster::Node& node = host_.node();
  const state::Executor& executor = host_.executor();
  const NodeReport report = host_.Report();
  GatherPaxos(report, &data->paxos);

  InfoData::Replication& replication = data->replication;
  const commands::NodePort& port = host_.node_port();
  replication.role = port.Role();
  replication.failover = report.failing_over;
  replication.cluster_id = identity_.cluster_id;
  replication.leader_heard_s = replication.role.connected ? 0 : -1;

  InfoData::Persistence& persistence = data->persistence;
  persistence.durable = config_.Int(Opt::kDurability) != kDurabilityMemory;
  persistence.durability = config_.Text(Opt::kDurability);
  persistence.saves = report.snapshots;
  persistence.saving_ns = node.parts().snapshots.running_ns();
  persistence.last_write_ok = !node.log().disk_low();
  persistence.log_bytes = node.log().log_bytes();
  persistence.disk_low = node.log().disk_low();
  persistence.disk_free_bytes = node.log().free_bytes();
  persistence.snapshot_slot = node.parts().snapshots.slot();
  persistence.loading = node.restoring();
  persistence.changes_since_save = executor.changes_since_save();
  GatherStore(data);
}

void InfoFields::GatherStore(InfoData* data) const {
  const cluster::Node& node = host_.node();
  const state::Executor& executor = host_.executor();
  const store::Store& store = executor.store();
  for (int db = 0; db < store::kDatabases; db++) {
    data->databases.push_back({.keys = store.Size(db), .expires = store.KeysWithDeadline(db)});
  }
  const Stats& stats = host_.stats();
  data->coordination = {.revision = store.revision(),
                        .leases = LeasesOf(store).size(),
                        .locks = LocksOf(store).index().held(),
                        .lock_tickets = LocksOf(store).index().tickets(),
                        .waiting = WaitsOf(store).size(),
                        .parked = WaitsOf(store).parked(),
                        .once_replies = OnceOf(store).size(),
                        .indexes = IndexesOf(store).size(),
                        .indexes_building = IndexesOf(store).building(),
                        .labelled_keys = LabelsOf(store).size(),
                        .open_transactions = executor.server()->transactions().count(),
                        .txn_outcomes = TxnsOf(store).size(),
                        .watches = executor.server()->watches().Counts(),
                        .txns_committed = TxnsOf(store).committed(),
                        .txn_conflicts = TxnsOf(store).conflicts(),
                        .items_applied = executor.items().applied,
                        .items_skipped = executor.items().skipped,
                        .elapsed_ms = store.elapsed_ms(),
                        .wall_clock_ahead_ms = node.parts().clock.wall().ahead_ms(),
                        .totals = stats.coordination,
                        .leases_per_s = stats.leases_rate.per_s(),
                        .locks_per_s = stats.locks_rate.per_s(),
                        .keepalives_per_s = stats.keepalives_rate.per_s()};
}

void InfoFields::GatherTraffic(InfoData* data) const {
  const ClientTable::Counts counts = host_.client_table().Count();
  data->clients = {.connected = counts.clients,
                   .max = static_cast<uint64_t>(config_.Int(Opt::kMaxClients)),
                   .recent_max_input = counts.max_input,
                   .recent_max_output = counts.max_output,
                   .blocked = counts.blocked,
                   .pubsub = counts.pubsub,
                   .watching = counts.watching,
                   .memory_bytes = counts.memory_bytes};
  const Stats& stats = host_.stats();
  const PubsubHub& hub = host_.hub();
  data->stats = {.connections_received = stats.connections_received,
                 .commands_processed = stats.commands_processed,
                 .ops_per_s = static_cast<uint64_t>(stats.commands_rate.per_s()),
                 .input_bytes = stats.input_bytes,
                 .output_bytes = stats.output_bytes,
                 .reads = stats.reads,
                 .writes = stats.writes,
                 .input_kbps = stats.input_rate.per_s() / 1024,
                 .output_kbps = stats.output_rate.per_s() / 1024,
                 .rejected_connections = stats.rejected_connections,
                 .strangers_closed = stats.strangers_closed,
                 .evicted_clients = stats.evicted_clients,
                 .expired_keys = stats.expired_keys,
                 .keyspace_hits = stats.keyspace_hits,
                 .keyspace_misses = stats.keyspace_misses,
                 .pubsub_channels = hub.channel_count(),
                 .pubsub_patterns = hub.Patterns(),
                 .pubsub_shard_channels = hub.shard_count(),
                 .error_replies = stats.commands.error_count(),
                 .inline_writes = stats.inline_writes,
                 .logged_writes = stats.logged_writes,
                 .loop_stall_max_ms = static_cast<uint64_t>(stats.loop_stall_max_ms)};
  data->commands = &stats.commands;
}

InfoData InfoFields::Gather() const {
  InfoData data;
  GatherServer(&data);
  GatherMemory(&data);
  GatherNode(&data);
  GatherTraffic(&data);
  return data;
}

std::string InfoFields::Info(std::span<const std::string_view> sections, bool as_master) const {
  InfoData data = Gather();
  if (as_master) data.replication.role.leader = true;
  return InfoText(data, sections);
}

void InfoFields::ResetStats() {
  SlowLog slow = std::move(host_.stats().slow);
  host_.stats() = Stats();
  host_.stats().slow = std::move(slow);
  peak_bytes_ = 0;
}

std::vector<commands::MemoryStat> InfoFields::MemoryStats() const {
  const InfoData data = Gather();
  const InfoData::Memory& memory = data.memory;
  const auto number = [](uint64_t value) { return static_cast<double>(value); };
  const auto ratio = [&](uint64_t a, uint64_t b) { return b == 0 ? 0 : number(a) / number(b); };
  uint64_t keys = 0;
  for (const InfoData::Database& db : data.databases) keys += db.keys;
  const uint64_t used = memory.use.allocated_bytes;
  const uint64_t dataset = std::min(memory.dataset_bytes, used);
  const uint64_t net = used > memory.startup_bytes ? used - memory.startup_bytes : 0;
  std::vector<commands::MemoryStat> stats = {
      {"peak.allocated", number(memory.peak_bytes)},
      {"total.allocated", number(used)},
      {"startup.allocated", number(memory.startup_bytes)},
      {"replication.backlog", 0},
      {"clients.slaves", 0},
      {"clients.normal", number(data.clients.memory_bytes)},
      {"cluster.links", 0},
      {"aof.buffer", 0},
      {"lua.caches", 0},
      {"functions.caches", 0},
      {"overhead.total", number(used - dataset)},
      {"keys.count", number(keys)},
      {"keys.bytes-per-key", keys == 0 ? 0 : number(dataset / keys)},
      {"dataset.bytes", number(dataset)},
      {"dataset.percentage", std::min(100.0, ratio(dataset, net) * 100), true},
      {"peak.percentage", ratio(used, memory.peak_bytes) * 100, true},
      {"allocator.allocated", number(memory.use.allocated_bytes)},
      {"allocator.active", number(memory.use.active_bytes)},
      {"allocator.resident", number(memory.use.resident_bytes)},
      {"allocator-fragmentation.ratio", ratio(memory.use.active_bytes, memory.use.allocated_bytes),
       true},
      {"allocator-fragmentation.bytes",
       number(memory.use.active_bytes) - number(memory.use.allocated_bytes)},
      {"allocator-rss.ratio", ratio(memory.use.resident_bytes, memory.use.active_bytes), true},
      {"allocator-rss.bytes", number(memory.use.resident_bytes) - number(memory.use.active_bytes)},
      {"rss-overhead.ratio", ratio(memory.use.rss_bytes, memory.use.resident_bytes), true},
      {"rss-overhead.bytes", number(memory.use.rss_bytes) - number(memory.use.resident_bytes)},
      {"fragmentation", ratio(memory.use.rss_bytes, used), true},
      {"fragmentation.bytes", number(memory.use.rss_bytes) - number(used)},
  };
  // What the tables take is part of the dataset here.
  const auto before =
      std::find_if(stats.begin(), stats.end(),
                   [](const commands::MemoryStat& stat) { return stat.name == "overhead.total"; });
  std::vector<commands::MemoryStat> tables;
  for (size_t db = 0; db < data.databases.size(); db++) {
    if (data.databases[db].keys == 0) continue;
    tables.push_back({.name = "db." + std::to_string(db),
                      .parts = {{"overhead.hashtable.main", 0},
                                {"overhead.hashtable.expires", 0},
                                {"overhead.hashtable.slot-to-keys", 0}}});
  }
  stats.insert(before, tables.begin(), tables.end());
  return stats;
}

std::vector<commands::SlowCommand> InfoFields::SlowCommands(size_t count) const {
  return host_.stats().slow.Newest(count);
}
size_t InfoFields::SlowCount() const { return host_.stats().slow.size(); }
void InfoFields::ForgetSlow() { host_.stats().slow.Reset(); }

std::vector<commands::CommandLatency> InfoFields::Latencies(
    std::span<const std::string_view> names) const {
  std::vector<commands::CommandLatency> latencies;
  for (const CommandStat* stat : host_.stats().commands.Sorted()) {
    const std::string_view name = stat->spec->name;
    const auto wanted = [&](std::string_view word) {
      return EqualsIgnoreCase(word, name) || EqualsIgnoreCase(word, name.substr(0, name.find('|')));
    };
    if (stat->calls == 0) continue;
    if (!names.empty() && std::none_of(names.begin(), names.end(), wanted)) continue;
    latencies.push_back(
        {.name = Lower(name), .calls = stat->calls, .calls_up_to_us = stat->latency.UpTo()});
  }
  return latencies;
}

}  // namespace clustron::server
