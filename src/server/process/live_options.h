// Options that need more than another value to work while the server runs. Everything else is
// looked up where it is used. THREAD: core loop.
#pragma once

#include <cstdint>
#include <span>

#include "server/config/config.h"

namespace clustron::server {

// File descriptors beside those of clients: log, snapshots, peers, listeners.
inline constexpr uint64_t kReservedDescriptors = 96;
// The clients that so many descriptors are enough for: where they are few, half of them are kept
// for everything else.
constexpr uint64_t ClientsWith(uint64_t descriptors) {
  return descriptors >= 2 * kReservedDescriptors ? descriptors - kReservedDescriptors
                                                 : descriptors / 2;
}
// With fewer there is no start: a node alone, and one with peers.
inline constexpr uint64_t kDescriptorsMin = 32;
inline constexpr uint64_t kDescriptorsMinWithPeers = 64;

class LiveOptions final : public ConfigListener {
 public:
  explicit LiveOptions(const Config& config) : config_(config) {}
  Status OnConfigChanged(std::span<const Opt> changed) override;

 private:
  const Config& config_;
};

}  // namespace clustron::server
