// Engine: what the applied log tells this node's own subscribers, and the leader's timers as
// commands see them.
#include "base/log.h"
#include "server/dispatch/engine.h"

namespace clustron::server {

namespace {

cluster::EndTimers::Key LeaseKey(std::string_view id) { return {-1, std::string(id)}; }

commands::LeaderTimers::Touch Convert(cluster::EndTimers::Touch touch) {
  switch (touch) {
    case cluster::EndTimers::Touch::kOk:
      return commands::LeaderTimers::Touch::kOk;
    case cluster::EndTimers::Touch::kGone:
      return commands::LeaderTimers::Touch::kGone;
    case cluster::EndTimers::Touch::kEnding:
      return commands::LeaderTimers::Touch::kEnding;
  }
  UNREACHABLE();
}

}  // namespace

// --- commands::LeaderTimers ----------------------------------------------------------------------

commands::LeaderTimers::Touch Engine::KeepAlive(std::string_view lease_id, uint64_t grant_revision,
                                                int64_t* remaining_ms) {
  return Extend(LeaseKey(lease_id), grant_revision, 0, remaining_ms);
}

commands::LeaderTimers::Touch Engine::Renew(int db, std::string_view lock, uint64_t token,
                                            int64_t ttl_ms, int64_t* remaining_ms) {
  return Extend({db, std::string(lock)}, token, ttl_ms, remaining_ms);
}

commands::LeaderTimers::Touch Engine::Extend(const cluster::EndTimers::Key& key, uint64_t revision,
                                             int64_t ttl_ms, int64_t* remaining_ms) {
  const auto touch =
      node_->parts().lead.timers().Extend(key, revision, ttl_ms, node_->NowNs(), remaining_ms);
  if (touch == cluster::EndTimers::Touch::kOk) ++stats_.coordination.keepalives;
  return Convert(touch);
}

std::optional<int64_t> Engine::LeaseRemainingMs(std::string_view lease_id) {
  return node_->parts().lead.timers().RemainingMs(LeaseKey(lease_id), node_->NowNs());
}

std::optional<int64_t> Engine::LockRemainingMs(int db, std::string_view lock) {
  return node_->parts().lead.timers().RemainingMs({db, std::string(lock)}, node_->NowNs());
}

// --- store::Observer -----------------------------------------------------------------------------

void Engine::OnChange(const store::Change& change) {
  if (change.reason == store::Reason::kExpire) ++stats_.expired_keys;
  notifications_.OnChange(change);
}

void Engine::OnNotify(int db, std::string_view key, store::Event event) {
  notifications_.OnNotify(db, key, event);
}

void Engine::OnFlush(int, store::Revision) {}
void Engine::OnSwap(int, int, store::Revision) {}

// Also after a restore.
void Engine::OnSetting() {
  ShowSettings();
  config_.ClusterSettingsKnown();
}

// Makes the cluster-wide settings work here.
void Engine::ShowSettings() {
  const store::Settings& settings = executor_.store().settings();
  for (const OptionSpec& spec : store::SettingSpecs()) {
    const std::string& now = settings.Get(spec.name).text;
    if (LogEnabled(LogLevel::kVerbose) && config_.Text(FindOption(spec.name)->opt) != now)
      Log(LogLevel::kVerbose, "the cluster-wide setting {} is '{}'", spec.name, now);
    config_.SetEffective(spec.name, now);
  }
  if (node_ != nullptr) node_->parts().reads.SetQuorumReads(settings.Number("cluster-reads") != 0);
  const bool on =
      notifications_.SetFlags(static_cast<uint32_t>(settings.Number("notify-keyspace-events")));
  for (int db = 0; db < store::kDatabases; ++db)
    executor_.store().SetHook(db, store::Hook::kNotifications, on);
}

void Engine::OnLease(const store::LeaseEvent& event) {
  CoordinationStats& totals = stats_.coordination;
  std::string_view word;
  switch (event.kind) {
    case store::LeaseEventKind::kKept:
      return;
    case store::LeaseEventKind::kGranted:
      ++totals.leases_granted;
      return;
    case store::LeaseEventKind::kExpired:
      ++totals.leases_expired;
      word = "expired ";
      break;
    case store::LeaseEventKind::kRevoked:
      ++totals.leases_revoked;
      word = "revoked ";
      break;
  }
  if (hub_.empty()) return;
  std::string channel = "__lease__:";
  channel.append(event.id);
  hub_.Deliver(channel, std::string(word) + std::to_string(event.revision), false);
}

void Engine::OnLock(const store::LockEvent& event) {
  CoordinationStats& totals = stats_.coordination;
  std::string_view word;
  switch (event.kind) {
    case store::LockEventKind::kRenewed:
      return;
    case store::LockEventKind::kGranted:
      ++totals.locks_granted;
      return;  // it is told to tickets only
    case store::LockEventKind::kReleased:
      ++totals.locks_released;
      word = "released ";
      break;
    case store::LockEventKind::kExpired:
      ++totals.locks_expired;
      word = "expired ";
      break;
    case store::LockEventKind::kBroken:
      ++totals.locks_broken;
      word = "broken ";
      break;
  }
  if (hub_.empty()) return;
  std::string channel = "__lock@" + std::to_string(event.db) + "__:";
  channel.append(event.name);
  hub_.Deliver(channel, std::string(word) + std::to_string(event.token), false);
}

}  // namespace clustron::server
