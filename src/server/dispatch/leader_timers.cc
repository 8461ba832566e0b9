#include "server/dispatch/leader_timers.h"

#include <string>

#include "base/check.h"

namespace clustron::server {

namespace {

using Touch = commands::LeaderTimers::Touch;

cluster::EndTimers::Key LeaseKey(std::string_view id) { return {-1, std::string(id)}; }

Touch Convert(cluster::EndTimers::Touch touch) {
  switch (touch) {
    case cluster::EndTimers::Touch::kOk:
      return Touch::kOk;
    case cluster::EndTimers::Touch::kGone:
      return Touch::kGone;
    case cluster::EndTimers::Touch::kEnding:
      return Touch::kEnding;
  }
  UNREACHABLE();
}

}  // namespace

Touch LeaderTimers::KeepAlive(std::string_view lease_id, uint64_t grant_revision,
                              int64_t* remaining_ms) {
  return Extend(LeaseKey(lease_id), grant_revision, 0, remaining_ms);
}

Touch LeaderTimers::Renew(int db, std::string_view lock, uint64_t token, int64_t ttl_ms,
                          int64_t* remaining_ms) {
  CHECK(db >= 0);
  return Extend({db, std::string(lock), token}, token, ttl_ms, remaining_ms);
}

Touch LeaderTimers::Extend(const cluster::EndTimers::Key& key, uint64_t revision, int64_t ttl_ms,
                           int64_t* remaining_ms) {
  const auto touch =
      node_.parts().lead.timers().Extend(key, revision, ttl_ms, node_.NowNs(), remaining_ms);
  if (touch == cluster::EndTimers::Touch::kOk) ++stats_.coordination.keepalives;
  return Convert(touch);
}

std::optional<int64_t> LeaderTimers::LeaseRemainingMs(std::string_view lease_id) {
  return node_.parts().lead.timers().RemainingMs(LeaseKey(lease_id), node_.NowNs());
}

std::optional<int64_t> LeaderTimers::LockRemainingMs(int db, std::string_view lock, uint64_t part) {
  return node_.parts().lead.timers().RemainingMs({db, std::string(lock), part}, node_.NowNs());
}

}  // namespace clustron::server
