#include "server/ops/outage.h"

#include "base/check.h"
#include "commands/core/errors.h"
#include "server/ops/errors.h"

namespace clustron::server {

void Outage::NoteHalted(const std::string& reason) {
  CHECK(halt_error_.empty());
  halt_reason_ = reason;
  halt_error_ = NodeHalted(reason);
  // Errors are one line.
  for (char& c : halt_error_)
    if (c == '\r' || c == '\n') c = ' ';
}

std::string_view Outage::ErrorOf(cluster::Failure failure) {
  if (failure != cluster::Failure::kClusterDown) return commands::kErrUncertain;
  if (const std::string_view error = StandstillError(); !error.empty()) return error;
  gave_up_ = gave_up_ || !MajorityInSight();
  const size_t voters = node_.replica().members().voters.size();
  down_error_ = std::string(commands::kErrClusterDown) + " (" + std::to_string(VotersInSight()) +
                " of " + std::to_string(voters) + " nodes can be reached, " +
                std::to_string(voters / 2 + 1) + " are needed)";
  return down_error_;
}

void Outage::Step() {
  if (gave_up_ && (node_.leader_in_sight() || MajorityInSight())) gave_up_ = false;
}

size_t Outage::VotersInSight() const {
  const int64_t recent_ns = 3 * config_.Int(Opt::kElectionRoundMs) * 1'000'000;
  const int64_t now = clock_.MonotonicNs();
  size_t count = 1;
  for (const paxos::PeerStatus& peer : node_.replica().peers())
    count += peer.voter && peer.heard_ns != 0 && now - peer.heard_ns < recent_ns;
  return count;
}

bool Outage::MajorityInSight() const {
  return 2 * VotersInSight() > node_.replica().members().voters.size();
}

}  // namespace clustron::server
