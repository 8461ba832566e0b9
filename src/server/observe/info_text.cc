#include "server/observe/info_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "commands/core/version.h"

namespace clustron::server {

namespace {

class Section {
 public:
  Section(std::string* out, std::string_view title) : out_(*out) {
    if (!out_.empty()) out_.append("\r\n");
    out_.append("# ").append(title).append("\r\n");
  }
  template <typename T>
  Section& Field(std::string_view name, const T& value) {
    fmt::format_to(std::back_inserter(out_), "{}:{}\r\n", name, value);
    return *this;
  }
  Section& Flag(std::string_view name, bool value) { return Field(name, value ? 1 : 0); }
  Section& Fixed(std::string_view name, double value, int digits = 2) {
    fmt::format_to(std::back_inserter(out_), "{}:{:.{}f}\r\n", name, value, digits);
    return *this;
  }
  Section& Bytes(std::string_view name, uint64_t bytes) {
    Field(name, bytes);
    fmt::format_to(std::back_inserter(out_), "{}_human:{}\r\n", name, HumanBytes(bytes));
    return *this;
  }
  std::string& out() { return out_; }

 private:
  std::string& out_;
};

double Ratio(uint64_t a, uint64_t b) {
  return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
}
int64_t Minus(uint64_t a, uint64_t b) { return static_cast<int64_t>(a) - static_cast<int64_t>(b); }

void Server(const InfoData& data, std::string* out) {
  const InfoData::Server& d = data.server;
  Section(out, "Server")
      .Field("redis_version", commands::kRedisVersion)
      .Field("clustron_version", commands::kClustronVersion)
      .Field("redis_git_sha1", "00000000")
      .Field("redis_git_dirty", 0)
      .Field("redis_build_id", "0")
      .Field("redis_mode", "standalone")  // COMPAT: others are Redis Cluster or Sentinel
      .Field("clustron_mode", data.paxos.members.size() > 1 ? "cluster" : "alone")
      .Field("os", d.os)
      .Field("arch_bits", sizeof(void*) * 8)
      .Field("monotonic_clock", "POSIX clock_gettime")
      .Field("multiplexing_api", "libuv")
      .Field("atomicvar_api", "c11-builtin")
      .Field("gcc_version", __VERSION__)
      .Field("process_id", d.process_id)
      .Field("process_supervised", "no")
      .Field("run_id", d.run_id)
      .Field("tcp_port", d.tcp_port)
      .Field("server_time_usec", d.unix_us)
      .Field("uptime_in_seconds", d.uptime_s)
      .Field("uptime_in_days", d.uptime_s / 86400)
      .Field("hz", 10)
      .Field("configured_hz", 10)
      .Field("lru_clock", (d.unix_us / 1'000'000) & 0xFFFFFF)
      .Field("executable", d.executable)
      .Field("config_file", d.config_file)
      .Field("io_threads_active", 0);
}

void Clients(const InfoData& data, std::string* out) {
  const InfoData::Clients& d = data.clients;
  Section(out, "Clients")
      .Field("connected_clients", d.connected)
      .Field("cluster_connections", data.replication.role.followers.size())
      .Field("maxclients", d.max)
      .Field("client_recent_max_input_buffer", d.recent_max_input)
      .Field("client_recent_max_output_buffer", d.recent_max_output)
      .Field("blocked_clients", d.blocked)
      .Field("tracking_clients", 0)
      .Field("pubsub_clients", d.pubsub)
      .Field("watching_clients", d.watching)
      .Field("clients_in_timeout_table", 0);
}

void Memory(const InfoData& data, std::string* out) {
  const InfoData::Memory& d = data.memory;
  const uint64_t used = d.use.allocated_bytes;
  const uint64_t peak = std::max(d.peak_bytes, used);
  const uint64_t net = used > d.startup_bytes ? used - d.startup_bytes : 0;
  const uint64_t dataset = std::min(d.dataset_bytes, used);
  Section(out, "Memory")
      .Bytes("used_memory", used)
      .Bytes("used_memory_rss", d.use.rss_bytes)
      .Bytes("used_memory_peak", peak)
      .Field("used_memory_peak_perc", fmt::format("{:.2f}%", Ratio(used, peak) * 100))
      .Field("used_memory_overhead", used - dataset)
      .Field("used_memory_startup", d.startup_bytes)
      .Field("used_memory_dataset", dataset)
      .Field("used_memory_dataset_perc",
             fmt::format("{:.2f}%", std::min(100.0, Ratio(dataset, net) * 100)))
      .Field("allocator_allocated", d.use.allocated_bytes)
      .Field("allocator_active", d.use.active_bytes)
      .Field("allocator_resident", d.use.resident_bytes)
      .Bytes("total_system_memory", d.total_system_bytes)
      .Field("used_memory_vm_eval", 0)
      .Bytes("used_memory_lua", 0)
      .Field("used_memory_scripts_eval", 0)
      .Bytes("used_memory_scripts", 0)
      .Field("number_of_cached_scripts", 0)
      .Field("number_of_functions", 0)
      .Field("number_of_libraries", 0)
      .Field("used_memory_vm_functions", 0)
      .Bytes("used_memory_vm_total", 0)
      .Field("used_memory_functions", 0)
      .Bytes("maxmemory", d.max_bytes)
      .Field("maxmemory_policy", d.policy)
      .Fixed("allocator_frag_ratio", Ratio(d.use.active_bytes, d.use.allocated_bytes))
      .Field("allocator_frag_bytes", Minus(d.use.active_bytes, d.use.allocated_bytes))
      .Fixed("allocator_rss_ratio", Ratio(d.use.resident_bytes, d.use.active_bytes))
      .Field("allocator_rss_bytes", Minus(d.use.resident_bytes, d.use.active_bytes))
      .Fixed("rss_overhead_ratio", Ratio(d.use.rss_bytes, d.use.resident_bytes))
      .Field("rss_overhead_bytes", Minus(d.use.rss_bytes, d.use.resident_bytes))
      .Fixed("mem_fragmentation_ratio", Ratio(d.use.rss_bytes, used))
      .Field("mem_fragmentation_bytes", Minus(d.use.rss_bytes, used))
      .Field("mem_not_counted_for_evict", 0)
      .Field("mem_replication_backlog", 0)
      .Field("mem_total_replication_buffers", 0)
      .Field("mem_clients_slaves", 0)
      .Field("mem_clients_normal", data.clients.memory_bytes)
      .Field("mem_cluster_links", 0)
      .Field("mem_aof_buffer", 0)
      .Field("mem_allocator", AllocatorName())
      .Field("active_defrag_running", 0)
      .Field("lazyfree_pending_objects", 0)
      .Field("lazyfreed_objects", 0);
}

void Persistence(const InfoData& data, std::string* out) {
  const InfoData::Persistence& d = data.persistence;
  Section section(out, "Persistence");
  section.Field("loading", d.loading ? 1 : 0)
      .Field("async_loading", 0)
      .Field("current_cow_peak", 0)
      .Field("current_cow_size", 0)
      .Field("current_cow_size_age", 0)
      .Field("current_fork_perc", "0.00")
      .Field("current_save_keys_processed", 0)
      .Field("current_save_keys_total", 0)
      .Field("rdb_changes_since_last_save", d.changes_since_save)
      .Flag("rdb_bgsave_in_progress", d.saving_ns >= 0)
      .Field("rdb_last_save_time", d.saves.last_unix_s)
      .Field("rdb_last_bgsave_status", d.saves.last_ok ? "ok" : "err")
      .Field("rdb_last_bgsave_time_sec", d.saves.last_took_s)
      .Field("rdb_current_bgsave_time_sec", d.saving_ns < 0 ? -1 : d.saving_ns / 1'000'000'000)
      .Field("rdb_saves", d.saves.written)
      .Field("rdb_last_cow_size", 0)
      .Field("rdb_last_load_keys_expired", 0)
      .Field("rdb_last_load_keys_loaded", 0)
      .Flag("aof_enabled", d.durable)
      .Field("aof_rewrite_in_progress", 0)
      .Field("aof_rewrite_scheduled", 0)
      .Field("aof_last_rewrite_time_sec", -1)
      .Field("aof_current_rewrite_time_sec", -1)
      .Field("aof_last_bgrewrite_status", "ok")
      .Field("aof_rewrites", 0)
      .Field("aof_rewrites_consecutive_failures", 0)
      .Field("aof_last_write_status", d.last_write_ok ? "ok" : "err")
      .Field("aof_last_cow_size", 0)
      .Field("module_fork_in_progress", 0)
      .Field("module_fork_last_cow_size", 0);
  // The log stands for the AOF.
  if (d.durable) {
    section.Field("aof_current_size", d.log_bytes)
        .Field("aof_base_size", 0)
        .Field("aof_pending_rewrite", 0)
        .Field("aof_buffer_length", 0)
        .Field("aof_pending_bio_fsync", 0)
        .Field("aof_delayed_fsync", 0);
  }
  section.Field("durability", d.durability)
      .Field("log_bytes", d.log_bytes)
      .Field("disk_low", d.disk_low ? 1 : 0)
      .Field("disk_free_bytes", d.disk_free_bytes)
      .Field("snapshot_slot", d.snapshot_slot);
}

void Stats(const InfoData& data, std::string* out) {
  const InfoData::Stats& d = data.stats;
  Section(out, "Stats")
      .Field("total_connections_received", d.connections_received)
      .Field("total_commands_processed", d.commands_processed)
      .Field("instantaneous_ops_per_sec", d.ops_per_s)
      .Field("total_net_input_bytes", d.input_bytes)
      .Field("total_net_output_bytes", d.output_bytes)
      .Field("total_net_repl_input_bytes", 0)
      .Field("total_net_repl_output_bytes", 0)
      .Fixed("instantaneous_input_kbps", d.input_kbps)
      .Fixed("instantaneous_output_kbps", d.output_kbps)
      .Field("instantaneous_input_repl_kbps", "0.00")
      .Field("instantaneous_output_repl_kbps", "0.00")
      .Field("rejected_connections", d.rejected_connections)
      .Field("unauthenticated_connections_closed", d.strangers_closed)
      .Field("sync_full", 0)
      .Field("sync_partial_ok", 0)
      .Field("sync_partial_err", 0)
      .Field("expired_keys", d.expired_keys)
      .Field("expired_stale_perc", "0.00")
      .Field("expired_time_cap_reached_count", 0)
      .Field("expire_cycle_cpu_milliseconds", 0)
      .Field("evicted_keys", 0)
      .Field("evicted_clients", d.evicted_clients)
      .Field("total_eviction_exceeded_time", 0)
      .Field("current_eviction_exceeded_time", 0)
      .Field("keyspace_hits", d.keyspace_hits)
      .Field("keyspace_misses", d.keyspace_misses)
      .Field("pubsub_channels", d.pubsub_channels)
      .Field("pubsub_patterns", d.pubsub_patterns)
      .Field("pubsubshard_channels", d.pubsub_shard_channels)
      .Field("latest_fork_usec", 0)
      .Field("total_forks", 0)
      .Field("migrate_cached_sockets", 0)
      .Field("slave_expires_tracked_keys", 0)
      .Field("active_defrag_hits", 0)
      .Field("active_defrag_misses", 0)
      .Field("active_defrag_key_hits", 0)
      .Field("active_defrag_key_misses", 0)
      .Field("total_active_defrag_time", 0)
      .Field("current_active_defrag_time", 0)
      .Field("tracking_total_keys", 0)
      .Field("tracking_total_items", 0)
      .Field("tracking_total_prefixes", 0)
      .Field("unexpected_error_replies", 0)
      .Field("total_error_replies", d.error_replies)
      .Field("dump_payload_sanitizations", 0)
      .Field("total_reads_processed", d.reads)
      .Field("total_writes_processed", d.writes)
      .Field("io_threaded_reads_processed", 0)
      .Field("io_threaded_writes_processed", 0)
      .Field("reply_buffer_shrinks", 0)
      .Field("reply_buffer_expands", 0)
      .Field("inline_writes", d.inline_writes)
      .Field("loop_stall_max_ms", d.loop_stall_max_ms)
      .Field("logged_writes", d.logged_writes);
}

void Replication(const InfoData& data, std::string* out) {
  const InfoData::Replication& d = data.replication;
  const commands::RoleView& role = d.role;
  Section section(out, "Replication");
  section.Field("role", role.leader ? "master" : "slave");
  if (!role.leader) {
    section.Field("master_host", role.leader_host)
        .Field("master_port", role.leader_port)
        .Field("master_link_status", role.connected ? "up" : "down")
        .Field("master_last_io_seconds_ago", d.leader_heard_s)
        .Field("master_sync_in_progress", 0)
        .Field("slave_read_repl_offset", role.applied_slot)
        .Field("slave_repl_offset", role.applied_slot)
        .Field("slave_priority", 100)
        .Field("slave_read_only", 0)
        .Field("replica_announced", 1);
  }
  section.Field("connected_slaves", role.followers.size());
  size_t index = 0;
  for (const auto& follower : role.followers) {
    const uint64_t lag =
        role.applied_slot > follower.durable_slot ? role.applied_slot - follower.durable_slot : 0;
    section.Field(fmt::format("slave{}", index++),
                  fmt::format("ip={},port={},state=online,offset={},lag={}", follower.host,
                              follower.port, follower.durable_slot, lag == 0 ? 0 : 1));
  }
  section.Field("master_failover_state", d.failover ? "failover-in-progress" : "no-failover")
      .Field("master_replid", fmt::format("{:0<40}", d.cluster_id))
      .Field("master_replid2", std::string(40, '0'))
      .Field("master_repl_offset", role.applied_slot)
      .Field("second_repl_offset", -1)
      .Field("repl_backlog_active", 0)
      .Field("repl_backlog_size", 0)
      .Field("repl_backlog_first_byte_offset", 0)
      .Field("repl_backlog_histlen", 0);
}

void Cpu(const InfoData& data, std::string* out) {
  const InfoData::Cpu& d = data.cpu;
  Section(out, "CPU")
      .Fixed("used_cpu_sys", d.system_s, 6)
      .Fixed("used_cpu_user", d.user_s, 6)
      .Fixed("used_cpu_sys_children", 0, 6)
      .Fixed("used_cpu_user_children", 0, 6)
      .Fixed("used_cpu_sys_main_thread", d.main_system_s, 6)
      .Fixed("used_cpu_user_main_thread", d.main_user_s, 6);
}

void Modules(const InfoData&, std::string* out) { Section(out, "Modules"); }

void Commandstats(const InfoData& data, std::string* out) {
  Section section(out, "Commandstats");
  if (data.commands == nullptr) return;
  for (const CommandStat* stat : data.commands->Sorted()) {
    section.Field(
        "cmdstat_" + Lower(stat->spec->name),
        fmt::format("calls={},usec={},usec_per_call={:.2f},rejected_calls={},failed_calls={}",
                    stat->calls, stat->total_us, Ratio(stat->total_us, stat->calls), stat->rejected,
                    stat->failed));
  }
}

void Errorstats(const InfoData& data, std::string* out) {
  Section section(out, "Errorstats");
  if (data.commands == nullptr) return;
  for (const auto& [code, count] : data.commands->errors()) {
    section.Field("errorstat_" + code, fmt::format("count={}", count));
  }
}

void Latencystats(const InfoData& data, std::string* out) {
  Section section(out, "Latencystats");
  if (data.commands == nullptr) return;
  for (const CommandStat* stat : data.commands->Sorted()) {
    if (stat->calls == 0) continue;
    section.Field("latency_percentiles_usec_" + Lower(stat->spec->name),
                  fmt::format("p50={}.000,p99={}.000,p99.9={}.000", stat->latency.Percentile(50),
                              stat->latency.Percentile(99), stat->latency.Percentile(99.9)));
  }
}

void Cluster(const InfoData&, std::string* out) {
  Section(out, "Cluster").Field("cluster_enabled", 0);
}

void Keyspace(const InfoData& data, std::string* out) {
  Section section(out, "Keyspace");
  for (size_t db = 0; db < data.databases.size(); db++) {
    const InfoData::Database& d = data.databases[db];
    if (d.keys == 0) continue;
    section.Field(fmt::format("db{}", db),
                  fmt::format("keys={},expires={},avg_ttl=0", d.keys, d.expires));
  }
}

void Paxos(const InfoData& data, std::string* out) {
  const InfoData::Paxos& d = data.paxos;
  std::string members;
  for (const auto& [node, address] : d.members) {
    members += fmt::format("{}{}={}", members.empty() ? "" : ",", node, address);
  }
  Section(out, "Paxos")
      .Field("paxos_role", d.role)
      .Field("paxos_node", d.node)
      .Field("paxos_leader", d.leader)
      .Field("paxos_ballot", fmt::format("{}.{}", d.ballot_round, d.ballot_node))
      .Field("paxos_chosen_slot", d.chosen_slot)
      .Field("paxos_applied_slot", d.applied_slot)
      .Field("paxos_durable_slot", d.durable_slot)
      .Field("paxos_first_slot", d.first_slot)
      .Field("paxos_digest", fmt::format("{:016x}", d.digest))
      .Field("paxos_feature_version", d.feature_version)
      .Field("paxos_feature_version_supported", d.feature_version_supported)
      .Field("paxos_diverged_slot", d.diverged_slot)
      .Field("paxos_boot", d.boot)
      .Field("paxos_set_back", d.set_back_why.empty() ? 0 : 1)
      .Field("paxos_set_back_why", d.set_back_why)
      .Field("paxos_set_back_members", d.set_back_members)
      .Field("paxos_damaged_slots", d.damaged_slots)
      .Field("paxos_halted", d.halted)
      .Field("paxos_halted_slot", d.halted_slot)
      .Field("paxos_refuses_writes", d.refuses_writes.empty() ? "no" : d.refuses_writes)
      .Field("paxos_not_durable_since", d.not_durable_since)
      .Field("paxos_own_writes_under_way_bytes", d.own_under_way_bytes)
      .Field("paxos_own_writes_waiting_bytes", d.own_waiting_bytes)
      .Field("paxos_peer_messages_left_out", d.peer_messages_left_out)
      .Field("paxos_peer_snapshots_refused", d.snapshots_refused)
      .Field("paxos_members", members)
      .Field("paxos_lease_ms", d.lease_ms);
}

void Coordination(const InfoData& data, std::string* out) {
  const InfoData::Coordination& d = data.coordination;
  Section(out, "Coordination")
      .Field("revision", d.revision)
      .Field("elapsed_ms", d.elapsed_ms)
      .Field("wall_clock_ahead_ms", d.wall_clock_ahead_ms)
      .Field("leases", d.leases)
      .Field("locks", d.locks)
      .Field("lock_tickets", d.lock_tickets)
      .Field("waiting_clients", d.waiting)
      .Field("waiting_clients_parked", d.parked)
      .Field("once_replies", d.once_replies)
      .Field("indexes", d.indexes)
      .Field("indexes_building", d.indexes_building)
      .Field("labelled_keys", d.labelled_keys)
      .Field("open_transactions", d.open_transactions)
      .Field("transaction_outcomes", d.txn_outcomes)
      .Field("watched_names", d.watches.targets)
      .Field("watchers", d.watches.watchers)
      .Field("watch_buffered_bytes", d.watches.buffered_bytes)
      .Field("watch_history_bytes", d.watches.history_bytes)
      .Field("watch_history_oldest_revision", d.watches.history_oldest)
      .Field("watch_history_newest_revision", d.watches.history_newest)
      .Field("items_applied", d.items_applied)
      .Field("items_skipped", d.items_skipped)
      .Field("total_transactions_committed", d.txns_committed)
      .Field("total_transaction_conflicts", d.txn_conflicts)
      .Field("total_leases_granted", d.totals.leases_granted)
      .Field("total_leases_expired", d.totals.leases_expired)
      .Field("total_leases_revoked", d.totals.leases_revoked)
      .Field("total_locks_granted", d.totals.locks_granted)
      .Field("total_locks_released", d.totals.locks_released)
      .Field("total_locks_expired", d.totals.locks_expired)
      .Field("total_locks_broken", d.totals.locks_broken)
      .Field("total_keepalives", d.totals.keepalives)
      .Field("total_watch_messages", d.watches.messages_told)
      .Field("total_watch_gaps", d.watches.gaps_told)
      .Fixed("instantaneous_leases_granted_per_sec", d.leases_per_s)
      .Fixed("instantaneous_locks_granted_per_sec", d.locks_per_s)
      .Fixed("instantaneous_keepalives_per_sec", d.keepalives_per_s);
}

struct SectionRow {
  std::string_view name;
  enum class When : uint8_t { kDefault, kAll } when;
  void (*write)(const InfoData& data, std::string* out);
};
using When = SectionRow::When;

// In Redis's order; ours behind.
constexpr SectionRow kSections[] = {
    {"server", When::kDefault, Server},
    {"clients", When::kDefault, Clients},
    {"memory", When::kDefault, Memory},
    {"persistence", When::kDefault, Persistence},
    {"stats", When::kDefault, Stats},
    {"replication", When::kDefault, Replication},
    {"cpu", When::kDefault, Cpu},
    {"modules", When::kDefault, Modules},
    {"commandstats", When::kAll, Commandstats},
    {"errorstats", When::kDefault, Errorstats},
    {"latencystats", When::kAll, Latencystats},
    {"cluster", When::kDefault, Cluster},
    {"keyspace", When::kDefault, Keyspace},
    {"paxos", When::kDefault, Paxos},
    {"coordination", When::kDefault, Coordination},
};

}  // namespace

std::string HumanBytes(uint64_t bytes) {
  constexpr std::string_view kUnits = "BKMGTP";
  if (bytes < 1024) return fmt::format("{}B", bytes);
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    unit++;
  }
  return fmt::format("{:.2f}{}", value, kUnits[unit]);
}

std::string InfoText(const InfoData& data, std::span<const std::string_view> sections) {
  const auto asked = [&](std::string_view name) {
    return std::any_of(sections.begin(), sections.end(),
                       [&](std::string_view section) { return EqualsIgnoreCase(section, name); });
  };
  const bool everything = asked("everything");
  const bool all = everything || asked("all");
  const bool by_default = all || sections.empty() || asked("default");
  std::string out;
  for (const SectionRow& row : kSections) {
    const bool included = row.when == When::kDefault ? by_default : all;
    if (included || asked(row.name)) row.write(data, &out);
  }
  return out;
}

}  // namespace clustron::server
