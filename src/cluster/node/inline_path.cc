#include "cluster/node/inline_path.h"

#include <memory>
#include <utility>

#include "base/check.h"

namespace clustron::cluster {

bool InlinePath::Ready() const {
  return core_.config.weak_durability && around_.leader_view.leading() && core_.alone() &&
         around_.reserve.Suffices() && around_.writes.origin().Empty() &&
         around_.proposer.Empty() && core_.replica.last_slot() == core_.state.applied_slot() &&
         core_.replica.CanPropose() &&
         core_.log.pending_bytes() == 0;  // nothing waits for a full disk
}

void InlinePath::Commit(std::string entry) {
  CHECK(core_.config.weak_durability);
  CHECK(around_.leader_view.leading());
  const Slot slot =
      core_.replica.Propose(paxos::EntryKind::kBatch,
                            std::make_shared<const std::string>(std::move(entry)), core_.NowNs());
  CHECK(slot == core_.state.applied_slot());  // sealed by the caller
  around_.pump.Run();
  around_.writer.BeginIfWanted();
}

}  // namespace clustron::cluster
