// Engine: what the applied log tells this node's own subscribers, and the leader's timers as
// commands see them.
#include "server/engine.h"

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

// --- commands::LeaderTimers
// --------------------------------------------------------------------------

commands::LeaderTimers::Touch Engine::KeepAlive(std::string_view lease_id, uint64_t grant_revision,
                                                int64_t* remaining_ms) {
  return Convert(
      node_->timers().Extend(LeaseKey(lease_id), grant_revision, 0, node_->NowNs(), remaining_ms));
}

commands::LeaderTimers::Touch Engine::Renew(int db, std::string_view lock, uint64_t token,
                                            int64_t ttl_ms, int64_t* remaining_ms) {
  return Convert(
      node_->timers().Extend({db, std::string(lock)}, token, ttl_ms, node_->NowNs(), remaining_ms));
}

std::optional<int64_t> Engine::LeaseRemainingMs(std::string_view lease_id) {
  return node_->timers().RemainingMs(LeaseKey(lease_id), node_->NowNs());
}

std::optional<int64_t> Engine::LockRemainingMs(int db, std::string_view lock) {
  return node_->timers().RemainingMs({db, std::string(lock)}, node_->NowNs());
}

// --- store::Observer
// ---------------------------------------------------------------------------------

void Engine::OnChange(const store::Change& change) {
  if (change.reason == store::Reason::kExpire) ++stats_.expired_keys;
  notifications_.OnChange(change);
}

void Engine::OnNotify(int db, std::string_view key, store::Event event) {
  notifications_.OnNotify(db, key, event);
}

void Engine::OnFlush(int, store::Revision) {}
void Engine::OnSwap(int, int, store::Revision) {}

// Also at start and after a restore: makes the cluster-wide settings work here.
void Engine::OnSetting() {
  const store::Settings& settings = executor_.store().settings();
  for (const OptionSpec& spec : store::SettingSpecs())
    config_.SetEffective(spec.name, settings.Get(spec.name).text);
  const bool on =
      notifications_.SetFlags(static_cast<uint32_t>(settings.Number("notify-keyspace-events")));
  for (int db = 0; db < store::kDatabases; ++db)
    executor_.store().SetHook(db, store::Hook::kNotifications, on);
}

void Engine::OnLease(const store::LeaseEvent& event) {
  if (event.kind != store::LeaseEventKind::kExpired &&
      event.kind != store::LeaseEventKind::kRevoked)
    return;
  if (hub_.empty()) return;
  std::string channel = "__lease__:";
  channel.append(event.id);
  const std::string_view word =
      event.kind == store::LeaseEventKind::kExpired ? "expired " : "revoked ";
  hub_.Deliver(channel, std::string(word) + std::to_string(event.revision), false);
}

void Engine::OnLock(const store::LockEvent& event) {
  if (hub_.empty()) return;
  std::string message;
  switch (event.kind) {
    case store::LockEventKind::kGranted:
    case store::LockEventKind::kRenewed:
      return;  // `granted` is for tickets
    case store::LockEventKind::kReleased:
      message = "released ";
      break;
    case store::LockEventKind::kExpired:
      message = "expired ";
      break;
    case store::LockEventKind::kBroken:
      message = "broken ";
      break;
  }
  std::string channel = "__lock@" + std::to_string(event.db) + "__:";
  channel.append(event.name);
  hub_.Deliver(channel, message + std::to_string(event.token), false);
}

}  // namespace clustron::server
