// Which leaders wrote a log: the first entry of each (the no-op of its own ballot), in order. Two
// nodes that have applied up to p and q of one log have the same leaderships up to the smaller of
// the two. So one look tells whether the logs are the same, long after the entries and their
// digests are gone: who writes on from an earlier state (a directory that was put back) does so as
// a new leader, in slots where the other log has the old one.
//
// Part of the state: recomputed by a replay, kept in snapshots. Bounded: the oldest go.
// THREAD: the owner's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/coding.h"
#include "base/result.h"
#include "cluster/paxos/types.h"

namespace clustron::cluster {

struct Leadership {
  paxos::Slot slot = 0;  // of its no-op
  paxos::Ballot ballot;
  uint64_t tag = 0;  // of the no-op's bytes: a ballot that was forgotten may be used again

  friend bool operator==(const Leadership&, const Leadership&) = default;
};

class Leaderships {
 public:
  static constexpr size_t kKeptMax = 1024;

  // The next one. REQUIRES: a later slot.
  void Note(const Leadership& next);
  // Nothing is known of the slots up to `slot`: a state that came without them.
  void BeginBehind(paxos::Slot slot);
  const std::vector<Leadership>& kept() const { return kept_; }

  // Where the log of which `applied` slots are applied here, and the other one, of which `others`
  // are, are first known to differ; 0: they may be the same.
  paxos::Slot Differs(paxos::Slot applied, const Leaderships& other, paxos::Slot others) const;

  // Decode replaces everything.
  void Encode(std::string* out) const;
  Status Decode(Reader* reader);

  friend bool operator==(const Leaderships&, const Leaderships&) = default;

 private:
  paxos::Slot behind_ = 0;  // all of later slots are kept
  std::vector<Leadership> kept_;
};

}  // namespace clustron::cluster
