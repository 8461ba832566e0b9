// How much of a node's own items may be under way. Where much is, the window follows what is really
// applied: no item should be under way for longer than kUnderWayNs beyond what the fastest one of
// this leadership took, for it keeps those of other clients waiting. So slow disks and links get
// less than the most, down to kLeastBytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace clustron::cluster {

class WindowPace {
 public:
  static constexpr int64_t kUnderWayNs = 150'000'000;
  // How often the window is set anew.
  static constexpr int64_t kPaceNs = 100'000'000;
  static constexpr size_t kLeastBytes = 256 << 10;

  explicit WindowPace(size_t most_bytes) : most_bytes_(most_bytes), room_bytes_(most_bytes) {}

  size_t most_bytes() const { return most_bytes_; }
  // What may be under way, as things go.
  size_t room_bytes() const { return room_bytes_; }
  // Something has had to wait for room.
  void NoteFull() { was_full_ = true; }
  // An item of `bytes` is applied that was last sent at `left_ns` (0: it never was).
  void OnApplied(size_t bytes, int64_t left_ns, int64_t now_ns);
  // Another way: how fast things go is not known.
  void StartAnew(int64_t now_ns);

 private:
  const size_t most_bytes_;
  size_t room_bytes_;
  bool was_full_ = false;     // since set_ns_
  size_t applied_bytes_ = 0;  // since set_ns_
  int64_t set_ns_ = 0;
  int64_t fastest_ns_ = std::numeric_limits<int64_t>::max();  // of this leadership
};

}  // namespace clustron::cluster
