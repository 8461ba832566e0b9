// The surroundings of an engine: the process, or the simulator. THREAD: core loop.
#pragma once

#include <cstdint>
#include <string>

#include "cluster/node/node.h"

namespace clustron::server {

class EngineHost {
 public:
  virtual ~EngineHost() = default;
  // This node takes part in nothing any more, but its process stays. Once.
  virtual void Halted(cluster::HaltCause cause, const std::string& reason) = 0;
  // This node must stop at once.
  virtual void Fatal(const std::string& reason) = 0;
  // SHUTDOWN was asked for and everything is safe; ends the process.
  virtual void Stop() = 0;
  // Something that a person should know of.
  virtual void Warn(const std::string& line) = 0;
  // Messages to peers that their links had no room for.
  virtual uint64_t PeerMessagesLeftOut() const { return 0; }
};

}  // namespace clustron::server
