#pragma once
#include "commands/ports.h"
#include "server/config.h"
namespace clustron::persist {
struct Identity;
}
namespace clustron::cluster {
struct Genesis;
}
namespace clustron::server {
class Engine;
class InfoFields : public commands::InfoPort {
 public:
  InfoFields(Engine&, Config&, const persist::Identity&, const cluster::Genesis&) {}
  std::string Info(std::span<const std::string_view>) const override { return {}; }
  void ResetStats() override {}
  std::string MemoryReport() const override { return {}; }
};
}  // namespace clustron::server
