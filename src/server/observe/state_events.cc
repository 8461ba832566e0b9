#include "server/observe/state_events.h"

#include <string>

#include "base/check.h"
#include "base/log.h"

namespace clustron::server {

void StateEvents::SetNode(cluster::Node& node) {
  CHECK(node_ == nullptr);
  node_ = &node;
  ShowSettings();
  if (executor_.revision() > 0) config_.ClusterSettingsKnown();
}

void StateEvents::KeyMissed(int db, std::string_view key, bool announce) {
  ++stats_.keyspace_misses;
  if (announce && notifications_.on()) notifications_.OnMiss(db, key);
}

void StateEvents::OnChange(const store::Change& change) {
  if (change.reason == store::Reason::kExpire) ++stats_.expired_keys;
  if (notifications_.on()) notifications_.OnChange(change);
}

void StateEvents::OnNotify(int db, std::string_view key, store::Event event) {
  notifications_.OnNotify(db, key, event);
}

// Also after a restore.
void StateEvents::OnSetting() {
  ShowSettings();
  config_.ClusterSettingsKnown();
}

// Makes the cluster-wide settings work here.
void StateEvents::ShowSettings() {
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
  executor_.news().SetDownstreamFollows(on);
  for (int db = 0; db < store::kDatabases; ++db)
    executor_.store().SetHook(db, store::Hook::kNotifications, on);
}

void StateEvents::OnLease(const store::LeaseEvent& event) {
  CoordinationStats& totals = stats_.coordination;
  std::string_view word;
  switch (event.kind) {
    case store::LeaseEventKind::kKept:
      return;
    case store::LeaseEventKind::kGranted:
      ++totals.leases_granted;
      TellOwners(event, "joined ");
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
  TellOwners(event, "left ");
  if (hub_.empty()) return;
  std::string channel = "__lease__:";
  channel.append(event.id);
  hub_.Deliver(channel, std::string(word) + std::to_string(event.revision), false);
}

// Presence: who follows an owner text hears of all its leases.
void StateEvents::TellOwners(const store::LeaseEvent& event, std::string_view word) {
  if (hub_.empty() || event.owner.empty()) return;
  std::string channel = "__leases__:";
  channel.append(event.owner);
  std::string message(word);
  message.append(event.id).append(" ").append(std::to_string(event.revision));
  hub_.Deliver(channel, message, false);
}

void StateEvents::OnLock(const store::LockEvent& event) {
  CoordinationStats& totals = stats_.coordination;
  std::string_view word;
  switch (event.kind) {
    case store::LockEventKind::kRenewed:
    case store::LockEventKind::kQueued:
    case store::LockEventKind::kUnqueued:
    case store::LockEventKind::kWaitedInVain:
    case store::LockEventKind::kDelayed:
    case store::LockEventKind::kDelayOver:
      return;
    case store::LockEventKind::kGranted:
      ++totals.locks_granted;
      word = "granted ";
      break;
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
  std::string message(word);
  if (event.kind == store::LockEventKind::kGranted) {
    message.append(event.ticket == 0 ? "-" : std::to_string(event.ticket));
    message.append(" ").append(std::to_string(event.token));
    message.append(" ").append(std::to_string(event.ttl_ms));
    message.append(" ").append(event.owner);
  } else {
    message.append(std::to_string(event.token));
  }
  hub_.Deliver(channel, message, false);
}

}  // namespace clustron::server
