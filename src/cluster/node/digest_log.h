// The chained digests (StateMachine::digest) of every 64th slot, as far back as they are kept: what
// two nodes compare to find out whether their states have ever differed. A chained digest stays
// different once it differs, so one equal slot tells for all before it.
//
// They are part of the state: recomputed by a replay, kept in snapshots. Bounded: the oldest go.
// THREAD: the owner's.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/ring.h"
#include "cluster/paxos/types.h"

namespace clustron::cluster {

class DigestLog {
 public:
  static constexpr paxos::Slot kEvery = 64;
  static constexpr size_t kKeptMax = size_t{1} << 18;  // 2 MB

  // The digest behind `slot`, each slot in order; only every 64th is kept.
  void Note(paxos::Slot slot, uint64_t digest) {
    if (slot % kEvery == 0) Keep(slot, digest);
  }
  // Nullopt: not a 64th slot, or not kept.
  std::optional<uint64_t> Find(paxos::Slot slot) const;
  // The last one kept; 0: there is none.
  paxos::Slot newest() const { return kept_.empty() ? 0 : first_ + (kept_.size() - 1) * kEvery; }
  paxos::Slot oldest() const { return kept_.empty() ? 0 : first_; }
  void ForgetBelow(paxos::Slot slot);
  void Clear() { kept_.clear(); }

  // For snapshots. Decode replaces everything.
  void Encode(std::string* out) const;
  Status Decode(std::string_view bytes);

 private:
  void Keep(paxos::Slot slot, uint64_t digest);

  paxos::Slot first_ = 0;  // that of kept_[0]; the others follow 64 by 64
  Ring<uint64_t> kept_;
};

}  // namespace clustron::cluster
