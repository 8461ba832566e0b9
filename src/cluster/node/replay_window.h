// Which numbered messages of one sender have come, so that each counts once, in whatever order the
// network brings them, and however often. Of the numbers below the newest a window is remembered,
// as IPsec does (RFC 4303, 3.4.3); what is older is not taken.
// THREAD: its owner's.
#pragma once

#include <bitset>
#include <cstdint>

namespace clustron::cluster {

class ReplayWindow {
 public:
  static constexpr uint64_t kWidth = 1024;

  // False: it has come before, or is so old that it may have.
  bool Take(uint64_t number) {
    if (!any_ || number > newest_) {
      Advance(number);
    } else if (newest_ - number >= kWidth || seen_[number % kWidth]) {
      return false;
    }
    seen_[number % kWidth] = true;
    return true;
  }

 private:
  void Advance(uint64_t to) {
    if (!any_ || to - newest_ >= kWidth) {
      seen_.reset();
    } else {
      for (uint64_t number = newest_ + 1; number <= to; ++number) seen_[number % kWidth] = false;
    }
    any_ = true;
    newest_ = to;
  }

  bool any_ = false;
  uint64_t newest_ = 0;
  std::bitset<kWidth> seen_;
};

}  // namespace clustron::cluster
