// Where in a list the change of a key stands: an open table of (hash, place) that asks its owner
// whether a place is of the key. A lease that ends has 65,536 of them, each looked for once: a
// table of nodes spends most of that time waiting for memory. THREAD: core loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"

namespace clustron::state {

class ChangePlaces {
 public:
  bool empty() const { return count_ == 0; }
  size_t size() const { return count_; }

  static constexpr size_t kNone = SIZE_MAX;
  // The place of what has this hash and of which same(place) is true.
  template <typename F>
  size_t Find(uint64_t hash, F&& same) const {
    if (count_ == 0) return kNone;
    const auto low = static_cast<uint32_t>(hash);
    for (size_t at = low & mask();; at = (at + 1) & mask()) {
      const Cell& cell = cells_[at];
      if (cell.place_behind == 0) return kNone;
      if (cell.hash == low && same(cell.place_behind - 1)) return cell.place_behind - 1;
    }
  }
  // REQUIRES: it is not there; place < 2^32 - 1.
  void Add(uint64_t hash, size_t place) {
    CHECK(place < UINT32_MAX);
    if ((count_ + 1) * 2 > cells_.size()) Grow();
    Put({static_cast<uint32_t>(hash), static_cast<uint32_t>(place + 1)});
    count_++;
  }
  // A big one leaves no memory behind.
  void Clear() {
    if (count_ == 0) return;
    count_ = 0;
    if (cells_.size() > kCellsKept) {
      std::vector<Cell>().swap(cells_);
    } else {
      cells_.assign(cells_.size(), {});
    }
  }

 private:
  static constexpr size_t kCellsKept = 256;
  struct Cell {
    uint32_t hash = 0;          // its low half
    uint32_t place_behind = 0;  // 0: free
  };
  size_t mask() const { return cells_.size() - 1; }

  void Put(const Cell& cell) {
    size_t at = cell.hash & mask();
    while (cells_[at].place_behind != 0) at = (at + 1) & mask();
    cells_[at] = cell;
  }
  void Grow() {
    std::vector<Cell> old(cells_.empty() ? 64 : cells_.size() * 4);
    old.swap(cells_);
    for (const Cell& cell : old)
      if (cell.place_behind != 0) Put(cell);
  }

  std::vector<Cell> cells_;  // a power of two of them
  size_t count_ = 0;
};

}  // namespace clustron::state
