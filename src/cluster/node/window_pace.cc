#include "cluster/node/window_pace.h"

#include <algorithm>

#include "base/check.h"
#include "base/reach.h"

namespace clustron::cluster {
namespace {

// A way through the world and back, twice; what took longer waited for something.
constexpr int64_t kSlowestNs = 1'000'000'000;

}  // namespace

// What was applied in a time, per time, is what can be under way without waiting for itself: Vegas'
// idea of a window (Brakmo and Peterson, 1995), with a wait that is allowed.
void WindowPace::OnApplied(size_t bytes, int64_t left_ns, int64_t now_ns) {
  applied_bytes_ += bytes;
  if (left_ns != 0) fastest_ns_ = std::min(fastest_ns_, now_ns - left_ns);
  const int64_t passed_ns = now_ns - set_ns_;
  const int64_t fastest_ns = std::min(fastest_ns_, kSlowestNs);
  // Not less than a way there and back: a window comes back in bursts.
  if (passed_ns < std::max(kPaceNs, fastest_ns)) return;
  if (!was_full_) {
    room_bytes_ = std::min(most_bytes_, 2 * room_bytes_);
  } else if (passed_ns < 10 * kPaceNs || applied_bytes_ > bytes) {
    const double paced = static_cast<double>(applied_bytes_) *
                         static_cast<double>(fastest_ns + kUnderWayNs) /
                         static_cast<double>(passed_ns);
    // At most halved or doubled at once: one stall of a disk says little.
    room_bytes_ = std::clamp(static_cast<size_t>(paced), room_bytes_ / 2, 2 * room_bytes_);
    room_bytes_ = std::clamp(room_bytes_, std::min(kLeastBytes, most_bytes_), most_bytes_);
    if (room_bytes_ < most_bytes_) REACH("own items wait for the window's pace");
  }
  CHECK(room_bytes_ <= most_bytes_);
  set_ns_ = now_ns;
  applied_bytes_ = 0;
  was_full_ = false;
}

void WindowPace::StartAnew(int64_t now_ns) {
  room_bytes_ = most_bytes_;
  fastest_ns_ = std::numeric_limits<int64_t>::max();
  set_ns_ = now_ns;
  applied_bytes_ = 0;
  was_full_ = false;
}

}  // namespace clustron::cluster
