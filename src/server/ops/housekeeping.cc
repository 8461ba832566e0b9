#include "server/ops/housekeeping.h"

#include <algorithm>

#include "base/log.h"
#include "base/memory.h"

namespace clustron::server {

void Housekeeping::NoteStall() {
  constexpr int64_t kTickNs = 10'000'000;
  const int64_t now = clock_.MonotonicNs();
  const int64_t away_ms = last_tick_ns_ == 0 ? 0 : (now - last_tick_ns_ - kTickNs) / 1'000'000;
  stats_.loop_stall_max_ms = std::max(stats_.loop_stall_max_ms, away_ms);
  last_tick_ns_ = now;
}

void Housekeeping::Sweep(int64_t now_ns) {
  stats_.strangers_closed += clients_.SweepLimits().strangers;
  WarnOfStrangers(now_ns);
}

void Housekeeping::WarnOfStrangers(int64_t now_ns) {
  constexpr int64_t kWarnNs = 10'000'000'000;
  if (stats_.strangers_closed < strangers_warned_) strangers_warned_ = 0;  // CONFIG RESETSTAT
  if (stats_.strangers_closed == strangers_warned_ || now_ns - strangers_warned_ns_ < kWarnNs)
    return;
  Log(LogLevel::kWarning, "closed {} connections that did not authenticate",
      stats_.strangers_closed - strangers_warned_);
  strangers_warned_ = stats_.strangers_closed;
  strangers_warned_ns_ = now_ns;
}

// COMPAT: what Redis tells at this level, and where consensus stands.
void Housekeeping::TellState(int64_t now_ns) {
  constexpr int64_t kEveryNs = 5'000'000'000;
  if (!LogEnabled(LogLevel::kDebug) || now_ns - told_state_ns_ < kEveryNs) return;
  told_state_ns_ = now_ns;
  const ClientTable::Counts clients = clients_.Count();
  Log(LogLevel::kDebug, "{} clients connected ({} blocked), {} bytes in use", clients.clients,
      clients.blocked, AllocatedBytes());
  const store::Store& store = executor_.store();
  for (int db = 0; db < store::kDatabases; ++db) {
    if (store.Size(db) > 0)
      Log(LogLevel::kDebug, "DB {}: {} keys ({} volatile)", db, store.Size(db),
          store.KeysWithDeadline(db));
  }
  Log(LogLevel::kDebug, "leader {}, ballot {}.{}, {} of {} nodes in reach, slots applied {}",
      node_.leader(), node_.ballot().round, node_.ballot().node, outage_.VotersInSight(),
      node_.replica().members().voters.size(), executor_.applied_slot());
}

}  // namespace clustron::server
