// What commands are answered that the cluster can't serve now, and whether one has to be tried at
// all. THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "cluster/node/node.h"
#include "server/config/config.h"
#include "server/ops/damage_watch.h"

namespace clustron::server {

class Outage {
 public:
  // All outlive it.
  Outage(const Clock& clock, const Config& config, const cluster::Node& node,
         const DamageWatch& damage)
      : clock_(clock), config_(config), node_(node), damage_(damage) {}

  // The node was halted (cluster::Node::Halt).
  void NoteHalted(const std::string& reason);
  // Why; empty: it was not.
  const std::string& halt_reason() const { return halt_reason_; }

  // Why nothing that asks the cluster can be answered; empty: it can.
  std::string_view StandstillError() const {
    return halt_error_.empty() ? damage_.error() : std::string_view(halt_error_);
  }
  // Every command is to be tried.
  bool calm() const { return !gave_up_ && StandstillError().empty(); }
  // The answer to a command that failed so. Good until the next call.
  std::string_view ErrorOf(cluster::Failure failure);
  // A command has waited for a leader in vain, and no majority has been in sight since: the next
  // ones are answered at once.
  bool gave_up() const { return gave_up_; }
  // Call with each tick.
  void Step();

  // This node, and who answered within three rounds of the election.
  size_t VotersInSight() const;
  bool MajorityInSight() const;

 private:
  const Clock& clock_;
  const Config& config_;
  const cluster::Node& node_;
  const DamageWatch& damage_;
  bool gave_up_ = false;
  std::string down_error_;  // ErrorOf's text
  std::string halt_reason_;
  std::string halt_error_;
};

}  // namespace clustron::server
