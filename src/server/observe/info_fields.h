// Gathers what INFO, MEMORY STATS, SLOWLOG and LATENCY tell of this node. THREAD: core loop.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "commands/core/ports.h"
#include "server/observe/info_text.h"
#include "server/observe/node_report.h"

namespace clustron::persist {
struct Identity;
}

namespace clustron::server {

class Config;

class InfoFields final : public commands::InfoPort {
 public:
  // All outlive it.
  InfoFields(InfoHost& host, const Config& config, const persist::Identity& identity);

  InfoData Gather() const;
  // Looks at the memory in use, for its peak. From time to time.
  void NotePeak();

  // --- commands::InfoPort ----------------------------------------------------------------------
  std::string Info(std::span<const std::string_view> sections, bool as_master) const override;
  void ResetStats() override;
  std::vector<commands::MemoryStat> MemoryStats() const override;
  std::vector<commands::SlowCommand> SlowCommands(size_t count) const override;
  size_t SlowCount() const override;
  void ForgetSlow() override;
  std::vector<commands::CommandLatency> Latencies(
      std::span<const std::string_view> names) const override;

 private:
  void GatherServer(InfoData* data) const;
  void GatherMemory(InfoData* data) const;
  void GatherNode(InfoData* data) const;
  void GatherPaxos(const NodeReport& report, InfoData::Paxos* data) const;
  void GatherStore(InfoData* data) const;
  void GatherTraffic(InfoData* data) const;

  InfoHost& host_;
  const Config& config_;
  const persist::Identity& identity_;
  const std::string run_id_;
  const int64_t started_ns_;
  const uint64_t startup_bytes_;
  mutable uint64_t peak_bytes_ = 0;  // as far as somebody looked
};

// 40 hex digits, different for every process.
std::string MakeRunId();

}  // namespace clustron::server
