#include "server/observe/command_stats.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace clustron::server {

// ---- LatencyHistogram ----

size_t LatencyHistogram::CellOf(uint64_t us) {
  if (us < (1u << kSubBits)) return us;
  const unsigned power = static_cast<unsigned>(std::bit_width(us)) - 1;
  if (power >= kPowers) return ((kPowers - kSubBits + 1) << kSubBits) - 1;
  const uint64_t sub = (us >> (power - kSubBits)) & ((1u << kSubBits) - 1);
  return ((power - kSubBits + 1) << kSubBits) + sub;
}

uint64_t LatencyHistogram::UpperOf(size_t cell) {
  if (cell < (1u << kSubBits)) return cell;
  const unsigned power = static_cast<unsigned>(cell >> kSubBits) + kSubBits - 1;
  const uint64_t sub = cell & ((1u << kSubBits) - 1);
  return (((uint64_t{1} << kSubBits) + sub + 1) << (power - kSubBits)) - 1;
}

void LatencyHistogram::Add(uint64_t us, uint64_t times) {
  const size_t cell = CellOf(us);
  if (cell >= cells_.size()) cells_.resize(cell + 1);
  cells_[cell] += times;
  count_ += times;
}

uint64_t LatencyHistogram::Percentile(double percent) const {
  if (count_ == 0) return 0;
  const double wanted = percent / 100.0 * static_cast<double>(count_);
  uint64_t seen = 0;
  for (size_t cell = 0; cell < cells_.size(); cell++) {
    seen += cells_[cell];
    if (seen > 0 && static_cast<double>(seen) >= wanted) return UpperOf(cell);
  }
  return UpperOf(cells_.size() - 1);
}

std::vector<std::pair<uint64_t, uint64_t>> LatencyHistogram::UpTo() const {
  std::vector<std::pair<uint64_t, uint64_t>> result;
  uint64_t seen = 0;
  uint64_t bound = 1;
  for (size_t cell = 0; cell < cells_.size(); cell++) {
    if (cells_[cell] == 0) continue;
    while (UpperOf(cell) > bound) bound *= 2;
    seen += cells_[cell];
    if (!result.empty() && result.back().first == bound) {
      result.back().second = seen;
    } else {
      result.emplace_back(bound, seen);
    }
  }
  return result;
}

// ---- CommandStats ----

CommandStat& CommandStats::Of(const commands::CommandSpec& spec) {
  // A product's upper bits differ even where rows stand side by side.
  constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;
  constexpr size_t mask = kCells - 1;
  size_t at = reinterpret_cast<uintptr_t>(&spec) * kGolden >> (64 - kCellBits);
  while (cells_[at].spec != nullptr && cells_[at].spec != &spec) at = (at + 1) & mask;
  if (cells_[at].spec == nullptr) {
    cells_[at].spec = &spec;
    used_++;
    CHECK(used_ < kCells);  // there are fewer commands than that
  }
  return cells_[at];
}

void CommandStats::Called(const commands::CommandSpec& spec, int64_t took_us, bool failed) {
  CommandStat& stat = Of(spec);
  const uint64_t us = took_us < 0 ? 0 : static_cast<uint64_t>(took_us);
  stat.calls++;
  stat.total_us += us;
  stat.failed += failed;
  stat.latency.Add(us);
}

void CommandStats::Rejected(const commands::CommandSpec& spec) { Of(spec).rejected++; }

void CommandStats::ErrorReplied(std::string_view text) {
  error_count_++;
  const std::string_view code = text.substr(0, text.find(' '));
  const auto it = errors_.find(code);
  if (it != errors_.end()) {
    it->second++;
  } else {
    errors_[errors_.size() < kCodesMax ? std::string(code) : "OTHER"]++;
  }
}

void CommandStats::Reset() { *this = CommandStats(); }

std::vector<const CommandStat*> CommandStats::Sorted() const {
  std::vector<const CommandStat*> stats;
  for (const CommandStat& stat : cells_) {
    if (stat.spec != nullptr) stats.push_back(&stat);
  }
  std::sort(stats.begin(), stats.end(), [](const CommandStat* a, const CommandStat* b) {
    return a->spec->name < b->spec->name;
  });
  return stats;
}

// ---- SlowLog ----

void SlowLog::Add(commands::Args args, int64_t took_us, int64_t unix_s, std::string_view addr,
                  std::string_view client_name, size_t length_max) {
  constexpr size_t kArgsMax = 32;
  constexpr size_t kArgBytesMax = 128;
  commands::SlowCommand command{.id = next_id_++,
                                .unix_s = unix_s,
                                .took_us = took_us,
                                .args = {},
                                .addr = std::string(addr),
                                .client_name = std::string(client_name)};
  for (size_t i = 0; i < std::min(args.size(), kArgsMax); i++) {
    if (i == kArgsMax - 1 && args.size() > kArgsMax) {
      command.args.push_back("... (" + std::to_string(args.size() - kArgsMax + 1) +
                             " more arguments)");
    } else if (args[i].size() > kArgBytesMax) {
      command.args.push_back(std::string(args[i].substr(0, kArgBytesMax)) + "... (" +
                             std::to_string(args[i].size() - kArgBytesMax) + " more bytes)");
    } else {
      command.args.emplace_back(args[i]);
    }
  }
  commands_.push_back(std::move(command));
  while (commands_.size() > length_max) commands_.pop_front();
}

std::vector<commands::SlowCommand> SlowLog::Newest(size_t count) const {
  const size_t taken = std::min(count, commands_.size());
  return {commands_.rbegin(), commands_.rbegin() + static_cast<ptrdiff_t>(taken)};
}

}  // namespace clustron::server
