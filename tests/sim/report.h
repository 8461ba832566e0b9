// What a simulation says: the first thing that went wrong, counts of what happened, and, when asked
// for, a readable trace of the last events.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "tests/sim/event_loop.h"

namespace clustron::sim {

class Report {
 public:
  explicit Report(EventLoop* loop) : loop_(*loop) {}

  // Ends the simulation. Only the first one counts.
  void Fail(std::string_view checker, std::string_view what);
  bool failed() const { return !failure_.empty(); }
  const std::string& failure() const { return failure_; }

  // The trace: kept only if switched on, so build the text only then.
  void KeepTrace(bool print_all) {
    tracing_ = true;
    print_all_ = print_all;
  }
  bool tracing() const { return tracing_; }
  void Trace(std::string line);
  // Writes the kept lines to stderr; async-signal-unsafe, but all there is when a CHECK aborts.
  void PrintTail() const;

  // How often something happened: faults, rare outcomes.
  void Count(const char* what, uint64_t times = 1) { counts_[what] += times; }
  const std::map<std::string, uint64_t>& counts() const { return counts_; }

 private:
  EventLoop& loop_;
  std::string failure_;
  bool tracing_ = false;
  bool print_all_ = false;
  std::array<std::string, 400> lines_;
  uint64_t next_line_ = 0;
  std::map<std::string, uint64_t> counts_;
};

}  // namespace clustron::sim
