#include "cluster/node/wall_clock.h"

#include <algorithm>
#include <cstdlib>

namespace clustron::cluster {

namespace {
constexpr int64_t kNsPerMs = 1'000'000;
}

void WallClock::Anchor(int64_t wall_ms, int64_t now_ns) {
  anchored_ = true;
  anchor_ms_ = wall_ms;
  anchor_ns_ = now_ns;
}

int64_t WallClock::Expected(int64_t now_ns) const {
  return anchor_ms_ + std::max<int64_t>(0, now_ns - anchor_ns_) / kNsPerMs;
}

void WallClock::GoOnFrom(int64_t wall_ms, int64_t now_ns) {
  if (!sure_) Anchor(wall_ms, now_ns);
}

void WallClock::Hear(NodeId voter, int64_t wall_ms, int64_t asked_ns, int64_t now_ns) {
  if (asked_ns > now_ns || now_ns - asked_ns > kRoundTripMaxNs) return;
  for (Heard& heard : heard_) {
    if (heard.voter != voter) continue;
    heard = {voter, wall_ms, now_ns};
    return;
  }
  heard_.push_back({voter, wall_ms, now_ns});
}

void WallClock::Look(int64_t own_ms, int64_t now_ns, NodeId self,
                     const std::vector<NodeId>& voters) {
  alone_ = voters.size() == 1;
  if (alone_) {
    LookAlone(own_ms, now_ns);
  } else {
    LookAround(own_ms, now_ns, self, voters);
  }
}

void WallClock::LookAlone(int64_t own_ms, int64_t now_ns) {
  sure_ = true;
  const int64_t lead_ms = own_ms - Expected(now_ns);
  bool believe = !anchored_ || lead_ms <= (believed_ ? kStepMaxMs : kLeapMaxMs);
  if (!believe && doubted_ && std::abs(lead_ms - doubted_ms_) <= kStepMaxMs) {
    believe = now_ns - doubted_ns_ >= kStandNs;
  } else if (!believe) {
    doubted_ = true;
    doubted_ms_ = lead_ms;
    doubted_ns_ = now_ns;
  }
  ahead_ms_ = believe ? 0 : lead_ms;
  if (!believe) return;
  believed_ = true;
  doubted_ = false;
  Anchor(own_ms, now_ns);
}

void WallClock::LookAround(int64_t own_ms, int64_t now_ns, NodeId self,
                           const std::vector<NodeId>& voters) {
  std::vector<int64_t> walls;
  for (const NodeId voter : voters) {
    if (voter == self) walls.push_back(own_ms);
    for (const Heard& heard : heard_)
      if (heard.voter == voter && now_ns - heard.at_ns <= kHeardForNs)
        walls.push_back(heard.wall_ms + (now_ns - heard.at_ns) / kNsPerMs);
  }
  if (walls.size() * 2 <= voters.size()) {
    sure_ = false;
    const int64_t ahead_ms = anchored_ ? own_ms - Expected(now_ns) : 0;
    ahead_ms_ = std::abs(ahead_ms) > kApartMaxMs ? ahead_ms : 0;
    return;
  }
  std::sort(walls.begin(), walls.end());
  median_ms_ = walls[(walls.size() - 1) / 2];
  const int64_t told_ms = std::clamp(own_ms, median_ms_ - kApartMaxMs, median_ms_ + kApartMaxMs);
  ahead_ms_ = told_ms == own_ms ? 0 : own_ms - median_ms_;
  sure_ = true;
  Anchor(told_ms, now_ns);
}

int64_t WallClock::NowMs(int64_t own_ms, int64_t now_ns) const {
  if (!anchored_) return own_ms;
  const int64_t expected_ms = Expected(now_ns);
  if (!sure_) return expected_ms;
  if (alone_) {
    const bool believe = ahead_ms_ == 0 && own_ms - expected_ms <= kStepMaxMs;
    return believe ? own_ms : std::min(own_ms, expected_ms);
  }
  const int64_t median_ms = median_ms_ + (expected_ms - anchor_ms_);
  return std::clamp(own_ms, median_ms - kApartMaxMs, median_ms + kApartMaxMs);
}

}  // namespace clustron::cluster
