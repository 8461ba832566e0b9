#include "cluster/node/end_timers.h"

#include <algorithm>

#include "base/reach.h"

namespace clustron::cluster {

namespace {
constexpr int64_t kNsPerMs = 1'000'000;
}

void EndTimers::Clear() {
  timers_.clear();
  heap_ = {};
}

void EndTimers::Set(Key key, uint64_t revision, uint64_t renewed, int64_t ttl_ms, int64_t now_ns) {
  const int64_t deadline = now_ns + ttl_ms * kNsPerMs;
  heap_.push({deadline, key, revision});
  timers_[std::move(key)] = {revision, renewed, ttl_ms, deadline, deadline};
}

void EndTimers::Erase(const Key& key) { timers_.erase(key); }

EndTimers::Touch EndTimers::Extend(const Key& key, uint64_t revision, int64_t ttl_ms,
                                   int64_t now_ns, int64_t* remaining_ms) {
  const auto it = timers_.find(key);
  if (it == timers_.end()) return Touch::kGone;
  Timer& timer = it->second;
  if (revision != 0 && revision != timer.revision) return Touch::kGone;
  if (timer.ending) {
    REACH("keepalive meets a queued end");
    return Touch::kEnding;
  }
  const int64_t ttl = ttl_ms == 0 ? timer.ttl_ms : std::min(ttl_ms, timer.ttl_ms);
  // A renewal never shortens: the TTL is a lower bound.
  timer.deadline_ns = std::max(timer.deadline_ns, now_ns + ttl * kNsPerMs);
  *remaining_ms = (timer.deadline_ns - now_ns) / kNsPerMs;
  return Touch::kOk;
}

std::optional<int64_t> EndTimers::RemainingMs(const Key& key, int64_t now_ns) const {
  const auto it = timers_.find(key);
  if (it == timers_.end()) return std::nullopt;
  return std::max<int64_t>(0, (it->second.deadline_ns - now_ns) / kNsPerMs);
}

void EndTimers::TakeDue(int64_t now_ns, size_t limit, std::vector<Due>* due) {
  while (!heap_.empty() && heap_.top().deadline_ns <= now_ns && due->size() < limit) {
    Filed filed = heap_.top();
    heap_.pop();
    const auto it = timers_.find(filed.key);
    if (it == timers_.end()) continue;
    Timer& timer = it->second;
    // Stale: the name was granted anew, or this filing was replaced.
    if (timer.revision != filed.revision || timer.filed_ns != filed.deadline_ns || timer.ending)
      continue;
    if (timer.deadline_ns > now_ns) {
      timer.filed_ns = timer.deadline_ns;
      filed.deadline_ns = timer.deadline_ns;
      heap_.push(std::move(filed));
      continue;
    }
    timer.ending = true;
    due->push_back({it->first, timer.revision, timer.renewed});
  }
}

}  // namespace clustron::cluster
