#include "server/ops/damage_watch.h"

#include <utility>

#include "base/check.h"
#include "base/reach.h"
#include "server/ops/errors.h"

namespace clustron::server {

namespace {

// Nodes take turns as candidates: a damage is not forgotten between two of their attempts.
constexpr int64_t kCertainNs = 1'500'000'000;
constexpr int64_t kForgottenNs = 5'000'000'000;

}  // namespace

void DamageWatch::Forget() {
  slot_ = 0;
  error_.clear();
}

// A candidate that lacks definite answers for a slot waits for ever if nobody has them. One that
// merely waits for a slow member has them soon.
void DamageWatch::NoteSlot(int64_t now_ns) {
  const paxos::Phase1Status status = node_.replica().phase1_status();
  if (status.running && status.waits_for_slot != 0) {
    if (slot_ != status.waits_for_slot) {
      slot_ = status.waits_for_slot;
      since_ns_ = now_ns;
      error_.clear();
    }
    seen_ns_ = now_ns;
  } else if (slot_ != 0 && (node_.leader_in_sight() || now_ns - seen_ns_ > kForgottenNs)) {
    Forget();
  }
}

void DamageWatch::Step(int64_t now_ns) {
  NoteSlot(now_ns);
  if (slot_ == 0) StepSetBack();
  if (slot_ == 0 || !error_.empty()) return;
  if (!node_.alone() && now_ns - since_ns_ < kCertainNs) return;
  Report();
}

void DamageWatch::Report() {
  CHECK(slot_ != 0);
  REACH("nobody can tell what a damaged slot held");
  const bool alone = node_.alone();
  error_ = SlotDamaged(slot_, alone);
  if (alone) return;  // said at the start
  host_.Warn(
      "HALTED: slot " + std::to_string(slot_) +
      " of the log is damaged on too many members: those in sight can't tell what it held, "
      "so nobody may lead and commands are answered with an error. Clients that send READONLY "
      "can read the state up to slot " +
      std::to_string(node_.replica().applied_slot()) +
      ". What can be done: start the members that are missing, or put back a good copy of "
      "the log file that a member's own log names as damaged; one more member that can tell "
      "is enough");
}

// No majority is left of those who were not set back.
void DamageWatch::StepSetBack() {
  const std::string trouble = node_.leader_in_sight() ? std::string() : node_.roster().Trouble();
  if (trouble.empty()) {
    error_.clear();
    return;
  }
  // Who else is becomes known one by one.
  std::string error = TooManySetBack(trouble);
  if (error_ == error) return;
  REACH("too many members were set back");
  error_ = std::move(error);
  host_.Warn("HALTED: " + trouble);
}

}  // namespace clustron::server
