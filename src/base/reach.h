// Reach probes: REACH("name") counts that a rare branch was taken, so that the simulator can prove
// that its faults really lead there. Nothing outside simulator builds.
#pragma once

#ifdef CLUSTRON_SIM
#include <cstdint>

namespace clustron {
// One per REACH line; links itself into a global list on its first hit.
struct ReachProbe {
  const char* name;
  uint64_t count = 0;
  ReachProbe* next = nullptr;
  void Hit();
};
extern ReachProbe* reach_probes;
}  // namespace clustron
#define REACH(probe_name)                            \
  do {                                               \
    static ::clustron::ReachProbe probe{probe_name}; \
    probe.Hit();                                     \
  } while (false)
#else
#define REACH(probe_name) static_cast<void>(0)
#endif
