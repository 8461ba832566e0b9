// How often commands were called, how long they took, how they failed: INFO's commandstats,
// latencystats and errorstats, LATENCY HISTOGRAM, SLOWLOG. This node's alone. THREAD: core loop.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "commands/core/context.h"
#include "commands/core/ports.h"
#include "commands/core/spec.h"

namespace clustron::server {

// Counts of durations in log-linear cells: 16 to each power of two, so within 6 % of the truth.
class LatencyHistogram {
 public:
  void Add(uint64_t us, uint64_t times = 1);
  // The upper end of the cell in which this share of the calls lies; 0 without calls.
  uint64_t Percentile(double percent) const;
  // Calls up to each power of two that some call needed, as LATENCY HISTOGRAM has them.
  std::vector<std::pair<uint64_t, uint64_t>> UpTo() const;
  uint64_t count() const { return count_; }

 private:
  static constexpr unsigned kSubBits = 4;
  static constexpr unsigned kPowers = 36;  // up to some hours
  static size_t CellOf(uint64_t us);
  static uint64_t UpperOf(size_t cell);

  std::vector<uint64_t> cells_;  // grown when first needed
  uint64_t count_ = 0;
};

struct CommandStat {
  const commands::CommandSpec* spec = nullptr;
  uint64_t calls = 0;
  uint64_t total_us = 0;
  uint64_t rejected = 0;  // refused before it ran
  uint64_t failed = 0;    // ran, and answered an error
  LatencyHistogram latency;
};

class CommandStats {
 public:
  // It ran.
  void Called(const commands::CommandSpec& spec, int64_t took_us, bool failed);
  // It was refused: wrong count, NOAUTH, OOM …
  void Rejected(const commands::CommandSpec& spec);
  // An error left for a client; `text` begins with its code.
  void ErrorReplied(std::string_view text);
  void Reset();

  // By name.
  std::vector<const CommandStat*> Sorted() const;
  const std::map<std::string, uint64_t, std::less<>>& errors() const { return errors_; }
  uint64_t error_count() const { return error_count_; }

 private:
  CommandStat& Of(const commands::CommandSpec& spec);

  // Open addressing by the row's address (rows live for ever); iterated only after sorting.
  static constexpr int kCellBits = 9;
  static constexpr size_t kCells = size_t{1} << kCellBits;
  std::vector<CommandStat> cells_ = std::vector<CommandStat>(kCells);
  size_t used_ = 0;
  // By code. Bounded: beyond this many codes the rest counts as one.
  static constexpr size_t kCodesMax = 128;
  std::map<std::string, uint64_t, std::less<>> errors_;
  uint64_t error_count_ = 0;
};

// The slow log, newest last; as long as slowlog-max-len allows. Arguments are shortened as Redis
// does it: 32 of them, 128 bytes each.
class SlowLog {
 public:
  // `unix_s`: now.
  void Add(commands::Args args, int64_t took_us, int64_t unix_s, std::string_view addr,
           std::string_view client_name, size_t length_max);
  std::vector<commands::SlowCommand> Newest(size_t count) const;
  size_t size() const { return commands_.size(); }
  void Reset() { commands_.clear(); }

 private:
  std::deque<commands::SlowCommand> commands_;
  uint64_t next_id_ = 0;
};

}  // namespace clustron::server
