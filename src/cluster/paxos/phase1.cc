#include "cluster/paxos/phase1.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::paxos {

namespace {

// No acceptor accepts further ahead of its chosen prefix (Config::ahead_slots_max is below it). An
// answer beyond is nonsense, and would have us fill holes for ever.
constexpr Slot kReportedAheadMax = 1 << 16;
// Of election rounds without any progress.
constexpr int64_t kPatienceRounds = 6;
// What is asked again, and an attempt that follows one in vain, wait twice as long, so often: on a
// slow link each answer that was asked for again comes before the next one.
constexpr uint32_t kAskDoublingsMax = 4;
constexpr uint32_t kPatienceDoublingsMax = 2;

}  // namespace

void Phase1::Start(Ballot ballot, Ballot released, uint64_t own_seq) {
  ballot_ = ballot;
  released_ = released;
  own_seq_ = own_seq;
  voters_.clear();
  reported_.clear();
  unknown_.clear();
  chosen_by_others_ = 0;
  chosen_at_progress_ = learner_.chosen();
  progress_ns_ = core_.now_ns;
  asked_ns_ = core_.now_ns;
  asked_ = false;
  asks_ = 0;
  status_ = {};
  status_.running = true;
  status_.needed = core_.membership.quorum1();
  for (NodeId node : core_.membership.members().voters) {
    if (node == core_.membership.self()) continue;
    voters_.push_back({node, core_.membership.BitOf(node), learner_.chosen() + 1, false});
  }
  OnDurable();
}

bool Phase1::OwnPromiseDurable() const {
  return core_.outbox.IsDurable(own_seq_) || PlantedUnknownBallot();
}

void Phase1::OnDurable() {
  if (asked_ || !OwnPromiseDurable()) return;
  asked_ = true;
  asked_ns_ = progress_ns_ = core_.now_ns;
  for (const Voter& voter : voters_) Ask(voter);
}

void Phase1::Ask(const Voter& voter) {
  core_.outbox.Send(voter.node, Prepare{ballot_, voter.next, released_});
}

void Phase1::OnPromise(NodeId from, Promise promise) {
  if (promise.ballot != ballot_) return;
  for (Voter& voter : voters_) {
    if (voter.node != from) continue;
    // A part before this one is missing, or all of it is known: asking again will tell.
    if (voter.complete || promise.first > voter.next || promise.last < voter.next) return;
    const Slot far = promise.chosen + kReportedAheadMax;
    if (!promise.accepted.empty() && promise.accepted.back().slot > far) return;
    if (!promise.unknown.empty() && promise.unknown.back() > far) return;
    voter.complete = promise.last == kMaxSlot;
    voter.next = voter.complete ? kMaxSlot : promise.last + 1;
    progress_ns_ = core_.now_ns;
    asks_ = 0;
    Merge(voter, std::move(promise));
    return;
  }
}

void Phase1::Merge(const Voter& voter, Promise promise) {
  chosen_by_others_ = std::max(chosen_by_others_, promise.chosen);
  for (Slot slot : promise.unknown) unknown_[slot] |= voter.bit;
  for (Accepted& entry : promise.accepted) {
    Accepted& best = reported_[entry.slot];
    if (best.ballot == entry.ballot && best.value != entry.value) {
      core_.NoteContradiction(best, entry);
      return;
    }
    if (best.ballot < entry.ballot) best = std::move(entry);
  }
}

// What the others have to tell is about what this node has itself: big values take their time, and
// asking again would only send them twice.
int64_t Phase1::TransferNs() const {
  size_t bytes = 0;
  for (Slot slot = learner_.chosen() + 1; slot < core_.window.end(); ++slot) {
    const Cell* cell = core_.window.Find(slot);
    if (cell != nullptr) bytes += BytesOf(cell->entry.value.payload).size();
  }
  return Core::TransferNs(bytes);
}

void Phase1::Tick() {
  if (!asked_) return;
  const int64_t wait_ns = core_.config.retry_ns << std::min(asks_, kAskDoublingsMax);
  if (core_.now_ns - asked_ns_ < wait_ns) return;
  if (core_.now_ns - asked_ns_ < wait_ns + TransferNs()) return;
  asked_ns_ = core_.now_ns;
  ++asks_;
  for (const Voter& voter : voters_) {
    if (!voter.complete) Ask(voter);
  }
}

bool Phase1::TimedOut() const {
  const int64_t silence_ns = core_.now_ns - progress_ns_;
  // While the own disk is busy with much else nobody has been asked yet. Another ballot would only
  // wait for that disk anew.
  if (!asked_) return silence_ns > core_.config.stall_ns;
  const int64_t patience_ns = (kPatienceRounds * core_.config.round_ns)
                              << std::min(attempts_, kPatienceDoublingsMax);
  return silence_ns > patience_ns && silence_ns > patience_ns + TransferNs();
}

void Phase1::GiveUp() { ++attempts_; }

Votes Phase1::Complete() const {
  Votes complete = core_.outbox.IsDurable(own_seq_) ? core_.membership.self_bit() : 0;
  for (const Voter& voter : voters_) complete |= voter.complete ? voter.bit : 0;
  return complete;
}

Slot Phase1::LastReported() const {
  Slot last = std::max(learner_.chosen(), core_.window.end() - 1);
  if (!reported_.empty()) last = std::max(last, reported_.rbegin()->first);
  if (!unknown_.empty()) last = std::max(last, unknown_.rbegin()->first);
  return last;
}

Slot Phase1::FirstIndefinite(Votes complete) const {
  const Slot last = LastReported();
  for (Slot slot = learner_.chosen() + 1; slot <= last; ++slot) {
    Votes definite = complete;
    if (const auto it = unknown_.find(slot); it != unknown_.end()) definite &= ~it->second;
    const Cell* own = core_.window.Find(slot);
    if (own != nullptr && own->unknown && !Planted(Bug::kCorruptSlotAsEmpty)) {
      definite &= ~core_.membership.self_bit();
    }
    if (!core_.membership.IsQuorum1(definite)) return slot;
  }
  return kNoSlot;
}

bool Phase1::Done() {
  if (learner_.chosen() > chosen_at_progress_) {
    chosen_at_progress_ = learner_.chosen();
    progress_ns_ = core_.now_ns;
  }
  const Votes complete = Complete();
  status_.promises = Membership::Count(complete);
  status_.catching_up_to = 0;
  status_.waits_for_slot = 0;
  if (!core_.membership.IsQuorum1(complete)) return false;
  if (const Votes wanted = core_.WantedVotes(); (complete & wanted) != wanted) {
    REACH("paxos.candidate_waits_for_who_remembers");
    return false;
  }
  if (!OwnPromiseDurable()) {
    REACH("paxos.candidate_waits_for_its_own_disk");
    return false;
  }
  if (learner_.chosen() < chosen_by_others_ && !Planted(Bug::kCandidateNotCaughtUp)) {
    REACH("paxos.candidate_catches_up");
    status_.catching_up_to = chosen_by_others_;
    return false;
  }
  // The members known here are those of the applied prefix; a change among what is chosen but not
  // applied decides whose promises count.
  if (learner_.ConfigPending()) return false;
  status_.waits_for_slot = FirstIndefinite(complete);
  if (status_.waits_for_slot != kNoSlot) {
    REACH("paxos.candidate_waits_for_definite_answers");
    return false;
  }
  return true;
}

std::vector<Value> Phase1::TakeValues() {
  const Slot last = LastReported();
  std::vector<Value> values;
  for (Slot slot = learner_.chosen() + 1; slot <= last; ++slot) {
    const Accepted* best = nullptr;
    if (const auto it = reported_.find(slot); it != reported_.end()) best = &it->second;
    const Cell* own = core_.window.Find(slot);
    if (own != nullptr && own->accepted) {
      const bool differs =
          best != nullptr && best->ballot == own->entry.ballot && best->value != own->entry.value;
      if (differs) core_.NoteContradiction(own->entry, *best);
      if (best == nullptr || best->ballot < own->entry.ballot) best = &own->entry;
    }
    if (best != nullptr) {
      values.push_back(best->value);
    } else {
      REACH("paxos.hole_filled");
      values.push_back({EntryKind::kFiller, ballot_, nullptr});
    }
  }
  reported_.clear();
  unknown_.clear();
  attempts_ = 0;
  status_.running = false;
  return values;
}

}  // namespace clustron::paxos
