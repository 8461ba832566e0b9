// Whether a write may be begun here (size, memory, room on the disk), and its way into the log: as
// an item of this node's session, or, alone below `durability always`, within the turn's inline
// entry. THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "cluster/node/node.h"
#include "server/config/config.h"
#include "server/front/session.h"
#include "state/executor.h"

namespace clustron::server {

// A write as the log has it: of a refresh not always what the client sent.
struct Written {
  const commands::CommandSpec* spec;
  commands::Args args;
};

class WriteGate {
 public:
  // All outlive it.
  WriteGate(const Config& config, cluster::Node& node, state::Executor& executor)
      : config_(config),
        node_(node),
        executor_(executor),
        disk_low_water_(config.Int(Opt::kDiskLowWater)) {}

  // Takes the leader's verdict on memory anew. With each tick, and before commands are parsed.
  void CheckMemory();
  // Passes a changed disk-low-water on. With each tick.
  void CheckDiskLowWater();
  // Logs the memory limit's beginning and end. About ten times a second.
  void TellOfMemory();

  // Why the write can't be taken, having done nothing; empty: it can. May seal the inline entry.
  std::string_view Refuses(commands::Args args);

  // Opens the turn's inline entry if writes are applied at parse time; false: they are not.
  bool OpenInline();
  // Opens it for a read, with the read's clocks, so that what is due by them is seen gone for good.
  bool OpenInlineFor(const cluster::ReadGrant& grant);
  // Something is due while the inline path is in use: an entry for its clocks' sake.
  void InlineTick();
  // Ends the turn's inline entry, if one is open, and gives it to the log.
  void SealInline();

  // The session's element becomes an item on its way through the log.
  void Submit(Session& session, Pending& pending, const Written& written);
  // What was first tried as a read or a leader's call becomes an item, in its place at the queue's
  // front; with another TTL, if one is given.
  void SubmitFront(Session& session, int64_t ttl_ms);
  // The same with words of its own.
  void SubmitFront(Session& session, const std::vector<std::string>& words);

 private:
  const Config& config_;
  cluster::Node& node_;
  state::Executor& executor_;
  int64_t disk_low_water_;  // as the log store has it
  bool told_over_memory_ = false;
};

}  // namespace clustron::server
