// The globals behind planted bugs and reach probes: simulator builds only.
#include "base/planted_bugs.h"
#include "base/reach.h"

#ifdef CLUSTRON_SIM
namespace clustron {

Bug planted_bug = Bug::kNone;
ReachProbe* reach_probes = nullptr;

void ReachProbe::Hit() {
  if (count++ > 0) return;
  next = reach_probes;
  reach_probes = this;
}

}  // namespace clustron
#endif
