// The options as data. Order of the rows = order of Opt (checked at compile time) = order in which
// CONFIG REWRITE appends.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/option.h"

namespace clustron::server {

enum class Opt : uint8_t {
  kBind,
  kPort,
  kUnixSocket,
  kUnixSocketPerm,
  kTcpBacklog,
  kTcpKeepalive,
  kTimeout,
  kShutdownTimeout,
  kProtectedMode,
  kRequirePass,
  kMaxClients,
  kClientOutputBufferLimit,
  kClientQueryBufferLimit,
  kMaxMemoryClients,
  kProtoMaxBulkLen,
  kDatabases,
  kDaemonize,
  kSupervised,
  kPidFile,
  kLogLevel,
  kLogFormat,
  kLogFile,
  kDir,
  kDurability,
  kAppendOnly,
  kAppendFsync,
  kSave,
  kReplicaReadOnly,
  kClusterEnabled,
  kHz,
  kIoThreads,
  kSlowlogLogSlowerThan,
  kSlowlogMaxLen,
  kLatencyMonitorThreshold,
  kExpireCoalesce,
  kWatchBufferSize,
  kIgnoreUnknown,
  // Cluster.
  kClusterInitial,
  kClusterAnnounce,
  kAdvertiseRole,
  kClusterPort,
  kClusterSecretFile,
  kClusterInsecure,
  kHeartbeatMs,
  kElectionRoundMs,
  kElectionBadRounds,
  kLeaseMs,
  kLeaseMarginMs,
  kHoldMs,
  kTickMs,
  kWindow,
  kPeerQueueBytes,
  kWalSegmentSize,
  kDiskReserve,
  kDiskLowWater,
  kSnapshotLogSize,
  kWalCutAtSlot,
  kClusterAcceptLoss,
  kClusterTakePlace,
  kSkipSlot,
  // Cluster-wide settings: rows of store/settings.
  kClusterReads,
  kDatabaseNames,
  kHashMaxListpackEntries,
  kHashMaxListpackValue,
  kIndexQueryLimit,
  kListMaxListpackSize,
  kMaxMemory,
  kItemReplyMax,
  kMaxMemoryPolicy,
  kNotifyKeyspaceEvents,
  kWatchHistorySize,
  kWatches,
};
inline constexpr size_t kOptCount = static_cast<size_t>(Opt::kWatches) + 1;

enum class Scope : uint8_t { kNode, kCluster };

enum OptFlag : uint8_t {
  // Tells a fact: nothing sets it; a file that says otherwise, in a form that Redis takes, is
  // warned
  // about.
  kOptFixed = 1,
  kOptStartOnly = 2,  // files and arguments only
  kOptManyWords = 4,  // the rest of the line is the value
  kOptRepeats = 16,   // each line adds to the value (client-output-buffer-limit, ignore-unknown)
};

struct OptionRow {
  Opt opt;
  OptionSpec spec;
  Scope scope = Scope::kNode;
  uint8_t flags = 0;
};

std::span<const OptionRow> OptionRows();
inline const OptionRow& RowOf(Opt opt) { return OptionRows()[static_cast<size_t>(opt)]; }
// By name or alias, in any case; null: unknown.
const OptionRow* FindOption(std::string_view name);

// durability
inline constexpr int64_t kDurabilityMemory = 0;
inline constexpr int64_t kDurabilityEverysec = 1;
inline constexpr int64_t kDurabilityAlways = 2;
// supervised
inline constexpr int64_t kSupervisedNo = 0;
inline constexpr int64_t kSupervisedUpstart = 1;
inline constexpr int64_t kSupervisedSystemd = 2;
inline constexpr int64_t kSupervisedAuto = 3;
// log-format
inline constexpr int64_t kLogFormatRedis = 0;
inline constexpr int64_t kLogFormatIso = 1;
inline constexpr int64_t kLogFormatJson = 2;
// loglevel
inline constexpr int64_t kLogDebug = 0;
inline constexpr int64_t kLogVerbose = 1;
inline constexpr int64_t kLogNotice = 2;
inline constexpr int64_t kLogWarning = 3;

}  // namespace clustron::server
