#include "server/config/config_table.h"

#include "base/check.h"
#include "base/strings.h"
#include "server/config/config_values.h"
#include "store/keyspace/database_names.h"
#include "store/keyspace/event_flags.h"

namespace clustron::server {

namespace {

constexpr OptionEnum kLogLevels[] = {{"debug", kLogDebug},
                                     {"verbose", kLogVerbose},
                                     {"notice", kLogNotice},
                                     {"warning", kLogWarning}};
constexpr OptionEnum kDurabilities[] = {{"memory", kDurabilityMemory},
                                        {"everysec", kDurabilityEverysec},
                                        {"always", kDurabilityAlways}};
constexpr OptionEnum kSupervisions[] = {{"no", kSupervisedNo},
                                        {"upstart", kSupervisedUpstart},
                                        {"systemd", kSupervisedSystemd},
                                        {"auto", kSupervisedAuto}};
constexpr OptionEnum kLogFormats[] = {
    {"redis", kLogFormatRedis}, {"iso", kLogFormatIso}, {"json", kLogFormatJson}};
constexpr OptionEnum kRoles[] = {{"auto", 0}, {"leader", 1}, {"all", 2}};  // AdvertisedRole
constexpr OptionEnum kFsyncs[] = {{"always", 1}, {"everysec", 2}, {"no", 0}};
constexpr OptionEnum kReads[] = {{"lease", 0}, {"quorum", 1}};
constexpr OptionEnum kWatches[] = {{"off", 0}, {"on", 1}, {"previous", 2}};
constexpr OptionEnum kPolicies[] = {{"noeviction", 0}};

using enum OptionType;

constexpr OptionSpec Int(std::string_view name, std::string_view value, int64_t min, int64_t max) {
  return {.name = name, .type = kInt, .default_value = value, .min = min, .max = max};
}
constexpr OptionSpec Memory(std::string_view name, std::string_view value, int64_t min = 0) {
  return {.name = name, .type = kMemory, .default_value = value, .min = min};
}
constexpr OptionSpec Bool(std::string_view name, std::string_view value) {
  return {.name = name, .type = kBool, .default_value = value};
}
constexpr OptionSpec Text(std::string_view name) { return {.name = name, .type = kString}; }

// Bounds of facts are Redis's: what a file may say, whatever holds here. But more databases than
// there are would be missed one by one, in the midst of work.
constexpr uint8_t kFact = kOptFixed;

constexpr OptionRow kRows[] = {
    {Opt::kBind,
     {.name = "bind", .type = kCustom, .default_value = "* -::*", .canonical = CanonicalAddresses},
     Scope::kNode,
     kOptStartOnly | kOptManyWords},
    {Opt::kPort, Int("port", "6379", 0, 65535), Scope::kNode, kOptStartOnly},
    {Opt::kUnixSocket, Text("unixsocket"), Scope::kNode, kOptStartOnly},
    {Opt::kUnixSocketPerm,
     {.name = "unixsocketperm", .type = kOctal, .default_value = "0", .max = 0777},
     Scope::kNode,
     kOptStartOnly},
    {Opt::kTcpBacklog, Int("tcp-backlog", "511", 1, INT32_MAX), Scope::kNode, kOptStartOnly},
    {Opt::kTcpKeepalive, Int("tcp-keepalive", "300", 0, INT32_MAX)},
    {Opt::kTimeout, Int("timeout", "0", 0, INT32_MAX)},
    {Opt::kShutdownTimeout, Int("shutdown-timeout", "10", 0, INT32_MAX)},
    {Opt::kProtectedMode, Bool("protected-mode", "yes")},
    {Opt::kRequirePass, Text("requirepass")},
    {Opt::kMaxClients, Int("maxclients", "10000", 1, UINT32_MAX)},
    {Opt::kClientOutputBufferLimit,
     {.name = "client-output-buffer-limit",
      .type = kCustom,
      .default_value = kOutputLimitsDefault,
      .canonical = CanonicalOutputLimits},
     Scope::kNode,
     kOptManyWords | kOptRepeats},
    {Opt::kClientQueryBufferLimit, Memory("client-query-buffer-limit", "1073741824", 1 << 20)},
    {Opt::kMaxMemoryClients,
     {.name = "maxmemory-clients",
      .type = kCustom,
      .default_value = "0",
      .canonical = CanonicalMemoryOrPercent,
      .number = MemoryOrPercentNumber}},
    {Opt::kProtoMaxBulkLen, Memory("proto-max-bulk-len", "536870912", 1 << 20)},
    {Opt::kDatabases, Int("databases", "16", 1, 16), Scope::kNode, kFact},
    {Opt::kDaemonize, Bool("daemonize", "no"), Scope::kNode, kOptStartOnly},
    {Opt::kSupervised,
     {.name = "supervised", .type = kEnum, .default_value = "auto", .words = kSupervisions},
     Scope::kNode,
     kOptStartOnly},
    {Opt::kPidFile, Text("pidfile"), Scope::kNode, kOptStartOnly},
    {Opt::kLogLevel,
     {.name = "loglevel", .type = kEnum, .default_value = "notice", .words = kLogLevels}},
    {Opt::kLogFormat,
     {.name = "log-format", .type = kEnum, .default_value = "redis", .words = kLogFormats},
     Scope::kNode,
     kOptStartOnly},
    {Opt::kLogFile, Text("logfile"), Scope::kNode, kOptStartOnly},
    {Opt::kDir,
     {.name = "dir", .type = kString, .default_value = "."},
     Scope::kNode,
     kOptStartOnly},
    {Opt::kDurability,
     {.name = "durability", .type = kEnum, .default_value = "everysec", .words = kDurabilities},
     Scope::kNode,
     kOptStartOnly},
    // How durability would be called in Redis.
    {Opt::kAppendOnly, Bool("appendonly", "yes"), Scope::kNode, kFact},
    {Opt::kAppendFsync,
     {.name = "appendfsync", .type = kEnum, .default_value = "everysec", .words = kFsyncs},
     Scope::kNode,
     kFact},
    // Snapshots go by the log's size, not by time and changes.
    {Opt::kSave, Text("save"), Scope::kNode, kFact | kOptManyWords},
    // Followers accept writes.
    {Opt::kReplicaReadOnly,
     {.name = "replica-read-only",
      .alias = "slave-read-only",
      .type = kBool,
      .default_value = "no"},
     Scope::kNode,
     kFact},
    {Opt::kClusterEnabled, Bool("cluster-enabled", "no"), Scope::kNode, kFact},
    {Opt::kHz, Int("hz", "10", 0, INT32_MAX), Scope::kNode, kFact},
    {Opt::kIoThreads, Int("io-threads", "1", 1, 128), Scope::kNode, kFact},
    {Opt::kSlowlogLogSlowerThan, Int("slowlog-log-slower-than", "10000", -1, INT64_MAX)},
    {Opt::kSlowlogMaxLen, Int("slowlog-max-len", "128", 0, INT64_MAX)},
    {Opt::kLatencyMonitorThreshold, Int("latency-monitor-threshold", "0", 0, INT64_MAX),
     Scope::kNode, kFact},
    {Opt::kExpireCoalesce, Bool("expire-coalesce", "yes")},
    {Opt::kWatchBufferSize, Memory("watch-buffer-size", "1048576", 1024)},
    {Opt::kIgnoreUnknown,
     {.name = "ignore-unknown", .type = kCustom, .canonical = CanonicalWords},
     Scope::kNode,
     kOptStartOnly | kOptManyWords | kOptRepeats},
    {Opt::kClusterInitial,
     {.name = "cluster-initial", .type = kCustom, .canonical = CanonicalMembers},
     Scope::kNode,
     kOptStartOnly | kOptManyWords},
    {Opt::kClusterAnnounce,
     {.name = "cluster-announce", .type = kCustom, .canonical = CanonicalHostPort},
     Scope::kNode,
     kOptStartOnly},
    {Opt::kAdvertiseRole,
     {.name = "cluster-advertise-role", .type = kEnum, .default_value = "auto", .words = kRoles}},
    {Opt::kClusterPort, Int("cluster-port", "0", 0, 65535), Scope::kNode, kOptStartOnly},
    {Opt::kClusterSecretFile, Text("cluster-secret-file"), Scope::kNode, kOptStartOnly},
    {Opt::kClusterInsecure, Bool("cluster-insecure", "no"), Scope::kNode, kOptStartOnly},
    {Opt::kHeartbeatMs, Int("cluster-heartbeat-ms", "50", 1, 60'000), Scope::kNode, kOptStartOnly},
    {Opt::kElectionRoundMs, Int("cluster-election-round-ms", "150", 5, 600'000), Scope::kNode,
     kOptStartOnly},
    {Opt::kElectionBadRounds, Int("cluster-election-bad-rounds", "3", 1, 100), Scope::kNode,
     kOptStartOnly},
    {Opt::kLeaseMs, Int("cluster-lease-ms", "450", 10, 600'000), Scope::kNode, kOptStartOnly},
    {Opt::kLeaseMarginMs, Int("cluster-lease-margin-ms", "20", 0, 60'000), Scope::kNode,
     kOptStartOnly},
    {Opt::kHoldMs, Int("cluster-hold-ms", "2000", 10, 600'000), Scope::kNode, kOptStartOnly},
    {Opt::kTickMs, Int("cluster-tick-ms", "100", 1, 60'000), Scope::kNode, kOptStartOnly},
    {Opt::kWindow, Int("cluster-window", "32", 1, 64), Scope::kNode, kOptStartOnly},
    {Opt::kPeerQueueBytes, Memory("cluster-peer-queue-size", "67108864", 1 << 20), Scope::kNode,
     kOptStartOnly},
    {Opt::kWalSegmentSize, Memory("wal-segment-size", "67108864", 1 << 16), Scope::kNode,
     kOptStartOnly},
    {Opt::kDiskReserve, Memory("disk-reserve", "67108864"), Scope::kNode, kOptStartOnly},
    {Opt::kDiskLowWater, Memory("disk-low-water", "134217728")},
    {Opt::kSnapshotLogSize, Memory("snapshot-log-size", "268435456", 1 << 16), Scope::kNode,
     kOptStartOnly},
    {Opt::kWalCutAtSlot, Int("wal-cut-at-slot", "0", 0, INT64_MAX), Scope::kNode, kOptStartOnly},
    {Opt::kClusterAcceptLoss, Bool("cluster-accept-loss", "no"), Scope::kNode, kOptStartOnly},
    {Opt::kClusterTakePlace, Bool("cluster-take-place", "no"), Scope::kNode, kOptStartOnly},
    {Opt::kSkipSlot,
     {.name = "skip-slot", .type = kCustom, .default_value = "", .canonical = CanonicalSkips},
     Scope::kNode,
     kOptStartOnly | kOptManyWords},
    {Opt::kClusterReads,
     {.name = "cluster-reads", .type = kEnum, .default_value = "lease", .words = kReads},
     Scope::kCluster},
    {Opt::kDatabaseNames,
     {.name = "database-names",
      .type = kCustom,
      .default_value = "",
      .canonical = store::CanonicalDatabaseNames,
      .feature_version = 5,
      .alone = true},
     Scope::kCluster},
    {Opt::kHashMaxListpackEntries,
     {.name = "hash-max-listpack-entries",
      .alias = "hash-max-ziplist-entries",
      .type = kInt,
      .default_value = "512"},
     Scope::kCluster},
    {Opt::kHashMaxListpackValue,
     {.name = "hash-max-listpack-value",
      .alias = "hash-max-ziplist-value",
      .type = kMemory,
      .default_value = "64"},
     Scope::kCluster},
    {Opt::kIndexQueryLimit,
     {.name = "index-query-limit",
      .type = kInt,
      .default_value = "1000000",
      .min = 1,
      .max = 100'000'000,
      .feature_version = 5},
     Scope::kCluster},
    {Opt::kListMaxListpackSize,
     {.name = "list-max-listpack-size",
      .alias = "list-max-ziplist-size",
      .type = kInt,
      .default_value = "-2",
      .min = INT32_MIN,
      .max = INT32_MAX,
      .feature_version = 3},
     Scope::kCluster},
    {Opt::kMaxMemory, Memory("maxmemory", "0"), Scope::kCluster},
    {Opt::kItemReplyMax,
     {.name = "item-reply-max",
      .type = kMemory,
      .default_value = "536870912",
      .min = 1024,
      .max = int64_t{1} << 40},
     Scope::kCluster},
    {Opt::kMaxMemoryPolicy,
     {.name = "maxmemory-policy", .type = kEnum, .default_value = "noeviction", .words = kPolicies},
     Scope::kCluster},
    {Opt::kNotifyKeyspaceEvents,
     {.name = "notify-keyspace-events",
      .type = kCustom,
      .default_value = "",
      .canonical = store::CanonicalEventFlags,
      .number = store::EventFlagsNumber},
     Scope::kCluster},
    {Opt::kWatchHistorySize,
     {.name = "watch-history-size",
      .type = kMemory,
      .default_value = "67108864",
      .max = int64_t{1} << 40,
      .feature_version = 5},
     Scope::kCluster},
    {Opt::kWatches,
     {.name = "watches",
      .type = kEnum,
      .default_value = "off",
      .words = kWatches,
      .feature_version = 5},
     Scope::kCluster},
};

constexpr bool InOrder() {
  size_t next = 0;
  for (const OptionRow& row : kRows) {
    if (static_cast<size_t>(row.opt) != next++) return false;
  }
  return next == kOptCount;
}
static_assert(InOrder());

}  // namespace

std::span<const OptionRow> OptionRows() { return kRows; }

const OptionRow* FindOption(std::string_view name) {
  for (const OptionRow& row : kRows) {
    if (EqualsIgnoreCase(name, row.spec.name)) return &row;
    if (!row.spec.alias.empty() && EqualsIgnoreCase(name, row.spec.alias)) return &row;
  }
  return nullptr;
}

}  // namespace clustron::server
