// Watches for a state of the cluster in which nobody may lead until a person has done something: a
// damaged slot of the log that no member in sight can tell, or too many members that were set
// back. Commands are answered with its error then. THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/node/node.h"
#include "server/ops/engine_host.h"

namespace clustron::server {

class DamageWatch {
 public:
  // Both outlive it.
  DamageWatch(const cluster::Node& node, EngineHost& host) : node_(node), host_(host) {}

  // Call about ten times a second.
  void Step(int64_t now_ns);
  // A leader is in office: somebody could tell.
  void Forget();
  // What commands are answered; empty while there is no such damage, or while it may still pass.
  std::string_view error() const { return error_; }
  // The damaged slot; 0: none, or it may still pass.
  cluster::Slot slot() const { return error_.empty() ? 0 : slot_; }

 private:
  void NoteSlot(int64_t now_ns);
  void StepSetBack();
  void Report();

  const cluster::Node& node_;
  EngineHost& host_;
  cluster::Slot slot_ = 0;  // that a candidacy of this node waits for
  int64_t since_ns_ = 0;
  int64_t seen_ns_ = 0;
  std::string error_;
};

}  // namespace clustron::server
