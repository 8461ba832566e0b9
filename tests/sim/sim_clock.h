// A node's clocks as functions of the simulation's true time: the monotonic one runs a little too
// fast or too slow and starts anywhere; the wall clock has an offset and can be made to jump.
//
// A suspended machine is a node that handles nothing for a while: its monotonic clock goes on, as
// CLOCK_BOOTTIME does. A reboot starts it again near zero.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "tests/sim/event_loop.h"

namespace clustron::sim {

class SimClock final : public Clock {
 public:
  // Virtual time 0 as unix time.
  static constexpr int64_t kEpochMs = 1'700'000'000'000;

  // `drift`: 0.004 is 0.4 % too fast.
  SimClock(const EventLoop* loop, double drift, int64_t start_ns, int64_t wall_offset_ms)
      : loop_(*loop),
        drift_(drift),
        anchor_true_ns_(loop->now_ns()),
        anchor_ns_(start_ns),
        wall_offset_ms_(wall_offset_ms) {}

  int64_t MonotonicNs() const override { return AtTrueNs(loop_.now_ns()); }
  int64_t WallMs() const override {
    const int64_t glitch_ms = loop_.now_ns() < glitch_until_ns_ ? glitch_ms_ : 0;
    return kEpochMs + loop_.now_ns() / kMillisecond + wall_offset_ms_ + glitch_ms;
  }

  uint64_t MachineBootId() const override { return machine_boot_; }

  // What MonotonicNs() shows at that moment of true time, if nothing changes.
  int64_t AtTrueNs(int64_t true_ns) const {
    const int64_t passed = true_ns - anchor_true_ns_;
    return anchor_ns_ + passed + static_cast<int64_t>(static_cast<double>(passed) * drift_);
  }
  // How long in true time until the clock has moved on by this much.
  int64_t TrueDelay(int64_t clock_ns) const {
    return static_cast<int64_t>(static_cast<double>(clock_ns) / (1.0 + drift_));
  }

  void Reboot(int64_t start_ns) {
    ++machine_boot_;
    anchor_true_ns_ = loop_.now_ns();
    anchor_ns_ = start_ns;
    glitch_until_ns_ = 0;
  }
  // It is off by so much until then, or until the machine is started again.
  void Glitch(int64_t by_ms, int64_t until_ns) {
    glitch_ms_ = by_ms;
    glitch_until_ns_ = until_ns;
  }
  void JumpWall(int64_t delta_ms) { wall_offset_ms_ += delta_ms; }
  void SetWallOffset(int64_t offset_ms) { wall_offset_ms_ = offset_ms; }
  int64_t wall_offset_ms() const { return wall_offset_ms_; }
  double drift() const { return drift_; }

 private:
  const EventLoop& loop_;
  const double drift_;
  int64_t anchor_true_ns_;
  int64_t anchor_ns_;
  int64_t wall_offset_ms_;
  int64_t glitch_ms_ = 0;
  int64_t glitch_until_ns_ = 0;
  uint64_t machine_boot_ = 1;
};

}  // namespace clustron::sim
