// The elapsed clock of the cluster as one node can tell it: the last logged value plus the node's
// own suspend-aware monotonic time since it learned of it (LogCabin's cluster clock). It may lag
// behind the truth, never lead it: TTLs are lower bounds.
#pragma once

#include <algorithm>
#include <cstdint>

namespace clustron::cluster {

class ClusterClock {
 public:
  // An applied entry says that at least `elapsed_ms` have passed.
  void Observe(int64_t elapsed_ms, int64_t now_ns) {
    if (elapsed_ms <= ElapsedMs(now_ns)) return;
    anchor_elapsed_ms_ = elapsed_ms;
    anchor_ns_ = now_ns;
  }
  // Continues a clock that stood at `elapsed_ms` at `at_ns` of the same monotonic clock.
  void Continue(int64_t elapsed_ms, int64_t at_ns) {
    anchor_elapsed_ms_ = elapsed_ms;
    anchor_ns_ = at_ns;
  }
  int64_t ElapsedMs(int64_t now_ns) const {
    return anchor_elapsed_ms_ + std::max<int64_t>(0, now_ns - anchor_ns_) / 1'000'000;
  }

 private:
  int64_t anchor_elapsed_ms_ = 0;
  int64_t anchor_ns_ = 0;
};

}  // namespace clustron::cluster
