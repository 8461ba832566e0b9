#include "tests/sim/report.h"

#include <cstdio>

namespace clustron::sim {

void Report::Fail(std::string_view checker, std::string_view what) {
  if (failed()) return;
  failure_ = std::string(checker) + ": " + std::string(what) + " (at " +
             std::to_string(loop_.now_ns() / kMicrosecond) + " us)";
  if (tracing_) Trace("FAILED " + failure_);
  loop_.Stop();
}

void Report::Trace(std::string line) {
  std::string& kept = lines_[next_line_++ % lines_.size()];
  kept = std::to_string(loop_.now_ns() / kMicrosecond) + "us " + std::move(line);
  if (print_all_) std::fprintf(stderr, "%s\n", kept.c_str());
}

void Report::PrintTail() const {
  if (print_all_) return;
  const uint64_t first = next_line_ > lines_.size() ? next_line_ - lines_.size() : 0;
  for (uint64_t i = first; i < next_line_; ++i) {
    std::fprintf(stderr, "  %s\n", lines_[i % lines_.size()].c_str());
  }
}

}  // namespace clustron::sim
