#include "server/config/config_foreign.h"

#include <algorithm>

#include "base/strings.h"
#include "server/config/config_table.h"
#include "server/config/config_values.h"

namespace clustron::server {

namespace {

// NAME, or NAME=VALUE where that value of a refused directive asks for nothing.
struct Group {
  bool refused;
  std::string_view reason;
  std::string_view names;
};

constexpr Group kGroups[] = {
    {true, "users and their rights are not there yet", "aclfile= user"},
    {true, "commands can't be renamed", "rename-command"},
    {true, "there are no modules", "loadmodule"},
    {true, "nodes replicate as members of their cluster", "replicaof slaveof"},
    {true, "changing the members of a cluster is not there yet", "cluster-join"},
    {true, "TLS is not there yet",
     "tls-port=0 tls-auth-clients=yes tls-ca-cert-dir= tls-ca-cert-file= tls-cert-file= "
     "tls-ciphers= "
     "tls-ciphersuites= tls-client-cert-file= tls-client-key-file= tls-client-key-file-pass= "
     "tls-cluster=no tls-dh-params-file= tls-key-file= tls-key-file-pass= "
     "tls-prefer-server-ciphers=no tls-protocols= tls-replication=no tls-session-cache-size=20480 "
     "tls-session-cache-timeout=300 tls-session-caching=yes"},
    {false, "users and their rights are not there yet", "acl-pubsub-default acllog-max-len"},
    {false, "what is due is removed by entries of the log", "active-expire-effort"},
    {false, "memory is not moved about",
     "activedefrag active-defrag-cycle-max active-defrag-cycle-min active-defrag-ignore-bytes "
     "active-defrag-max-scan-fields active-defrag-threshold-lower active-defrag-threshold-upper"},
    {false, "tables grow in small steps anyway", "activerehashing"},
    {false, "there is none", "always-show-logo"},
    {false, "the log and snapshots of the cluster take the place of RDB and AOF",
     "aof-disable-auto-gc aof-load-truncated aof-rewrite-incremental-fsync aof-timestamp-enabled "
     "aof-use-rdb-preamble appenddirname appendfilename auto-aof-rewrite-min-size "
     "auto-aof-rewrite-percentage key-load-delay no-appendfsync-on-rewrite rdbchecksum "
     "rdbcompression rdb-del-sync-files rdb-key-save-delay rdb-save-incremental-fsync"},
    {false, "snapshots are named after their slots", "dbfilename"},
    {false, "a write is answered when it is in the log", "stop-writes-on-bgsave-error"},
    {false, "which cores the threads run on is left to the system",
     "aof_rewrite_cpulist bgsave_cpulist bio_cpulist server_cpulist"},
    {false, "outgoing connections go where the system routes them", "bind-source-addr"},
    {false, "there are no scripts yet", "busy-reply-threshold lua-time-limit"},
    {false, "this is not Redis Cluster",
     "cluster-allow-pubsubshard-when-down cluster-allow-reads-when-down "
     "cluster-allow-replica-migration cluster-announce-bus-port cluster-announce-hostname "
     "cluster-announce-human-nodename cluster-announce-ip cluster-announce-port "
     "cluster-announce-tls-port cluster-compatibility-sample-ratio cluster-config-file "
     "cluster-link-sendbuf-limit cluster-migration-barrier cluster-node-timeout "
     "cluster-preferred-endpoint-type cluster-replica-no-failover "
     "cluster-replica-validity-factor cluster-require-full-coverage cluster-slave-no-failover "
     "cluster-slave-validity-factor cluster-slot-stats-enabled"},
    {false, "crash reports go to stderr", "crash-log-enabled crash-memcheck-enabled"},
    {false, "left to the system", "disable-thp oom-score-adj oom-score-adj-values socket-mark-id"},
    {false, "timers run when they are due", "dynamic-hz"},
    {false, "there is no DEBUG", "enable-debug-command"},
    {false, "there are no modules", "enable-module-command"},
    {false, "what may be set while running is not configurable", "enable-protected-configs"},
    {false, "values of keys are never logged", "hide-user-data-from-log"},
    {false, "there are no warnings of the system that would end a start", "ignore-warnings"},
    {false, "there is one thread for commands", "io-threads-do-reads"},
    {false, "left to jemalloc", "jemalloc-bg-thread"},
    {false, "latencies of commands are not gathered yet",
     "latency-tracking latency-tracking-info-percentiles"},
    {false, "values are always freed in slices",
     "lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del lazyfree-lazy-user-del "
     "lazyfree-lazy-user-flush replica-lazy-flush slave-lazy-flush"},
    {false, "keys are not evicted",
     "lfu-decay-time lfu-log-factor maxmemory-eviction-tenacity maxmemory-samples"},
    {false, "what is kept of a list is not compressed",
     "list-compress-depth list-max-ziplist-entries list-max-ziplist-value"},
    {false, "the type that it is about is not there yet",
     "hll-sparse-max-bytes locale-collate set-max-intset-entries "
     "set-max-listpack-entries set-max-listpack-value stream-node-max-bytes "
     "stream-node-max-entries zset-max-listpack-entries zset-max-listpack-value "
     "zset-max-ziplist-entries zset-max-ziplist-value"},
    {false, "connections are accepted as they come",
     "max-new-connections-per-cycle max-new-tls-connections-per-cycle"},
    {false, "nodes replicate as members of their cluster",
     "close-on-replica-write masterauth masteruser "
     "propagation-error-behavior repl-backlog-size repl-backlog-ttl repl-disable-tcp-nodelay "
     "repl-diskless-load repl-diskless-sync repl-diskless-sync-delay "
     "repl-diskless-sync-max-replicas repl-ping-replica-period repl-ping-slave-period "
     "repl-timeout replica-announced replica-announce-ip replica-announce-port "
     "replica-full-sync-buffer-limit replica-ignore-disk-write-errors replica-ignore-maxmemory "
     "replica-priority replica-serve-stale-data slave-announce-ip slave-announce-port "
     "slave-ignore-maxmemory slave-priority slave-serve-stale-data"},
    {false, "a write is answered when a majority has it",
     "min-replicas-max-lag min-replicas-to-write min-slaves-max-lag min-slaves-to-write"},
    {false, "the title is left alone", "proc-title-template set-proc-title"},
    {false, "RESTORE always looks at a payload as a whole", "sanitize-dump-payload"},
    {false, "both signals stop the server in good order", "shutdown-on-sigint shutdown-on-sigterm"},
    {false, "the log goes to a file or to stdout", "syslog-enabled syslog-facility syslog-ident"},
    {false, "client tracking is not there yet", "tracking-table-max-keys"},
};

std::string_view NameIn(std::string_view entry) { return entry.substr(0, entry.find('=')); }

template <typename F>
void ForEachEntry(F&& f) {
  for (const Group& group : kGroups) {
    for (std::string_view rest = group.names; !rest.empty();) {
      const size_t end = std::min(rest.find(' '), rest.size());
      f(group, rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
}

}  // namespace

std::optional<ForeignDirective> FindForeign(std::string_view name, std::string_view value) {
  std::optional<ForeignDirective> found;
  ForEachEntry([&](const Group& group, std::string_view entry) {
    if (!EqualsIgnoreCase(name, NameIn(entry))) return;
    const size_t equals = entry.find('=');
    const bool nothing =
        equals != std::string_view::npos && EqualsIgnoreCase(value, entry.substr(equals + 1));
    found = ForeignDirective{.refused = group.refused && !nothing, .reason = group.reason};
  });
  return found;
}

std::string_view NearestDirective(std::string_view name) {
  constexpr size_t kNameMax = 64;  // longer ones are near to nothing
  if (name.size() > kNameMax) return {};
  const std::string wanted = Lower(name);
  // A third of the letters may be wrong.
  size_t best = std::max<size_t>(1, wanted.size() / 3) + 1;
  std::string_view nearest;
  const auto look = [&](std::string_view candidate) {
    if (candidate.empty()) return;
    const size_t distance = EditDistance(wanted, candidate);
    if (distance >= best) return;
    best = distance;
    nearest = candidate;
  };
  for (const OptionRow& row : OptionRows()) {
    look(row.spec.name);
    look(row.spec.alias);
  }
  look("include");
  ForEachEntry([&](const Group&, std::string_view entry) { look(NameIn(entry)); });
  return nearest;
}

std::vector<std::string_view> ForeignNames() {
  std::vector<std::string_view> names;
  ForEachEntry([&](const Group&, std::string_view entry) { names.push_back(NameIn(entry)); });
  return names;
}

}  // namespace clustron::server
