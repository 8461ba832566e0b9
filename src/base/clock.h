// The clocks that the outside world offers. Nothing in an apply path may hold one of these.
#pragma once

#include <cstdint>

namespace clustron {

// THREAD: any (implementations are stateless or read atomics).
class Clock {
 public:
  virtual ~Clock() = default;
  // Nanoseconds of a clock that never goes back and counts through suspends (CLOCK_BOOTTIME).
  virtual int64_t MonotonicNs() const = 0;
  // Milliseconds since 1970 as the operating system believes; may jump either way.
  virtual int64_t WallMs() const = 0;
  // Which run of the machine MonotonicNs counts in: comparing its values across runs means nothing.
  virtual uint64_t MachineBootId() const { return 0; }
};

// The machine's own clocks.
class SystemClock : public Clock {
 public:
  int64_t MonotonicNs() const override;
  int64_t WallMs() const override;
  uint64_t MachineBootId() const override;
};

}  // namespace clustron
