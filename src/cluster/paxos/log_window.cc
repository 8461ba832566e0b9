#include "cluster/paxos/log_window.h"

#include <bit>
#include <utility>

#include "base/check.h"

namespace clustron::paxos {

namespace {

constexpr size_t kCellsMin = 64;

// The payload's heap block and counters come on top of its bytes.
size_t CostOf(const Cell& cell) {
  return sizeof(Cell) + (cell.accepted ? BytesOf(cell.entry.value.payload).size() + 64 : 0);
}

}  // namespace

Cell& LogWindow::Store(const Accepted& entry, uint64_t persist_seq) {
  Cell& cell = Extend(entry.slot);
  bytes_ -= CostOf(cell);
  if (cell.unknown) --unknown_count_;
  cell.entry = entry;
  cell.persist_seq = persist_seq;
  cell.accepted = true;
  cell.chosen = false;
  cell.unknown = false;
  bytes_ += CostOf(cell);
  return cell;
}

void LogWindow::MarkUnknown(Slot slot) {
  Cell& cell = Extend(slot);
  CHECK(!cell.accepted);
  if (!cell.unknown) ++unknown_count_;
  cell.unknown = true;
}

void LogWindow::DropBelow(Slot slot) {
  for (; first_ < slot && first_ < end_; ++first_) {
    Cell& cell = At(first_);
    bytes_ -= CostOf(cell);
    if (cell.unknown) --unknown_count_;
    cell = Cell{};
  }
  if (first_ < slot) first_ = end_ = slot;
}

Cell& LogWindow::Extend(Slot slot) {
  CHECK(slot >= first_);
  if (slot >= end_) {
    const size_t cells = static_cast<size_t>(slot - first_ + 1);
    if (cells > ring_.size()) Grow(cells);
    bytes_ += static_cast<size_t>(slot + 1 - end_) * sizeof(Cell);
    end_ = slot + 1;
  }
  return At(slot);
}

void LogWindow::Grow(size_t cells_min) {
  std::vector<Cell> ring(std::bit_ceil(cells_min < kCellsMin ? kCellsMin : cells_min));
  const size_t mask = ring.size() - 1;
  for (Slot slot = first_; slot < end_; ++slot) ring[slot & mask] = std::move(At(slot));
  ring_ = std::move(ring);
  mask_ = mask;
}

}  // namespace clustron::paxos
