// Options that need more than another value to work while the server runs. Everything else is
// looked up where it is used. THREAD: core loop.
#pragma once

#include <span>

#include "server/config/config.h"
#include "server/process/descriptor_budget.h"

namespace clustron::server {

class LiveOptions final : public ConfigListener {
 public:
  LiveOptions(const Config& config, DescriptorBudget& descriptors)
      : config_(config), descriptors_(descriptors) {}
  Status OnConfigChanged(std::span<const Opt> changed) override;

 private:
  const Config& config_;
  DescriptorBudget& descriptors_;
};

}  // namespace clustron::server
