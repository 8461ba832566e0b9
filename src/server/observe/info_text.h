// INFO's text from plain numbers: Redis's sections, field names and formats, and our own sections
// `paxos` and `coordination`. Pure; info_fields.h gathers the numbers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/memory.h"
#include "commands/core/ports.h"
#include "commands/core/watches_port.h"
#include "server/observe/command_stats.h"
#include "server/observe/stats.h"

namespace clustron::server {

struct InfoData {
  struct Server {
    std::string run_id;  // 40 hex digits, of this process
    int64_t process_id = 0;
    int tcp_port = 0;
    int64_t unix_us = 0;
    int64_t uptime_s = 0;
    std::string os;  // "Linux 6.1.0 x86_64"
    std::string executable;
    std::string config_file;
  } server;
  struct Clients {
    uint64_t connected = 0;
    uint64_t max = 0;
    uint64_t recent_max_input = 0;
    uint64_t recent_max_output = 0;
    uint64_t blocked = 0;
    uint64_t pubsub = 0;
    uint64_t watching = 0;
    uint64_t memory_bytes = 0;
  } clients;
  struct Memory {
    MemoryUse use;
    uint64_t peak_bytes = 0;
    uint64_t startup_bytes = 0;
    uint64_t dataset_bytes = 0;  // what the store counts
    uint64_t total_system_bytes = 0;
    uint64_t max_bytes = 0;
    std::string policy;
  } memory;
  struct Persistence {
    bool durable = true;  // not `memory`
    std::string durability;
    SnapshotStats saves;
    int64_t saving_ns = -1;           // since when one is being written; -1: none is
    uint64_t changes_since_save = 0;  // revisions
    bool last_write_ok = true;        // there is room for the next one
    uint64_t log_bytes = 0;
    bool disk_low = false;
    uint64_t disk_free_bytes = 0;
    uint64_t snapshot_slot = 0;
    bool loading = false;
  } persistence;
  struct Stats {
    uint64_t connections_received = 0;
    uint64_t commands_processed = 0;
    uint64_t ops_per_s = 0;
    uint64_t input_bytes = 0;
    uint64_t output_bytes = 0;
    uint64_t reads = 0;   // pieces that clients sent
    uint64_t writes = 0;  // pieces that went out to them
    double input_kbps = 0;
    double output_kbps = 0;
    uint64_t rejected_connections = 0;
    uint64_t strangers_closed = 0;
    uint64_t evicted_clients = 0;
    uint64_t expired_keys = 0;
    uint64_t keyspace_hits = 0;
    uint64_t keyspace_misses = 0;
    uint64_t pubsub_channels = 0;
    uint64_t pubsub_patterns = 0;
    uint64_t pubsub_shard_channels = 0;
    uint64_t error_replies = 0;
    uint64_t inline_writes = 0;
    uint64_t logged_writes = 0;
    uint64_t loop_stall_max_ms = 0;
  } stats;
  struct Replication {
    commands::RoleView role;
    bool failover = false;
    std::string cluster_id;  // 32 hex digits; filled up to Redis's 40
    int64_t leader_heard_s = -1;
  } replication;
  struct Cpu {
    double system_s = 0;
    double user_s = 0;
    double main_system_s = 0;
    double main_user_s = 0;
  } cpu;
  struct Database {
    uint64_t keys = 0;
    uint64_t expires = 0;
  };
  std::vector<Database> databases;
  struct Paxos {
    std::string role;  // leader, follower, candidate
    uint32_t node = 0;
    uint32_t leader = 0;
    uint64_t ballot_round = 0;
    uint32_t ballot_node = 0;
    uint64_t chosen_slot = 0;
    uint64_t applied_slot = 0;
    uint64_t durable_slot = 0;
    uint64_t first_slot = 0;
    uint64_t digest = 0;
    uint16_t feature_version = 0;            // in force
    uint16_t feature_version_supported = 0;  // by this program
    uint64_t diverged_slot = 0;
    uint64_t boot = 0;                                      // of this node's session
    std::string set_back_why;                               // empty: this node was not set back
    std::string set_back_members;                           // others, comma-separated
    uint64_t damaged_slots = 0;                             // of this node, not repaired yet
    std::string halted;                                     // why; empty: it is not
    uint64_t halted_slot = 0;                               // nobody in sight can tell it; 0: none
    std::vector<std::pair<uint32_t, std::string>> members;  // node, "host:port"
    int64_t lease_ms = 0;                                   // left, as leader
    std::string_view refuses_writes;                        // see NodeReport
    uint64_t not_durable_since = 0;  // the lowest slot that waits for room or a slow disk; 0: none
    uint64_t own_under_way_bytes = 0;  // writes of clients here: sent, not applied
    uint64_t own_waiting_bytes = 0;    // … and not sent
    uint64_t peer_messages_left_out = 0;
    uint64_t snapshots_refused = 0;  // of peers
  } paxos;
  struct Coordination {
    uint64_t revision = 0;
    uint64_t leases = 0;
    uint64_t locks = 0;  // held
    uint64_t lock_tickets = 0;
    uint64_t waiting = 0;  // for keys, at all nodes
    uint64_t parked = 0;   // of those: at nodes that are taken for gone
    uint64_t once_replies = 0;
    uint64_t indexes = 0;
    uint64_t indexes_building = 0;
    uint64_t labelled_keys = 0;
    uint64_t open_transactions = 0;  // on this node
    uint64_t txn_outcomes = 0;
    commands::WatchCounts watches = {};
    uint64_t txns_committed = 0;
    uint64_t txn_conflicts = 0;
    uint64_t items_applied = 0;
    uint64_t items_skipped = 0;
    int64_t elapsed_ms = 0;
    int64_t wall_clock_ahead_ms = 0;  // this machine's, while it is not believed; else 0
    CoordinationStats totals = {};
    double leases_per_s = 0;  // granted
    double locks_per_s = 0;   // granted
    double keepalives_per_s = 0;
  } coordination;
  const CommandStats* commands = nullptr;  // null: none
};

// `sections` as INFO's arguments, in any case; empty: the default ones.
std::string InfoText(const InfoData& data, std::span<const std::string_view> sections);

// 1536 → "1.50K", as used_memory_human has it.
std::string HumanBytes(uint64_t bytes);

}  // namespace clustron::server
