#include "cluster/log/log_index.h"

#include <algorithm>

#include "base/check.h"
#include "base/reach.h"

namespace clustron::cluster {

using paxos::Slot;
using persist::WalLocation;

namespace {

// In WalLocation::segment.
constexpr uint64_t kUnknownSegment = ~uint64_t{0};
// Slots further apart than this can only lie on both sides of an installed snapshot.
constexpr Slot kSlotGapMax = 1 << 16;

}  // namespace

void LogIndex::Add(Slot slot, const WalLocation& location) {
  CHECK(slot != 0);
  if (slots_.empty()) first_slot_ = slot;
  if (slot >= first_slot_ + slots_.size() + kSlotGapMax || slot + kSlotGapMax < first_slot_) {
    REACH("log index jumps over a snapshot");
    slots_.clear();
    unknown_.clear();
    first_slot_ = slot;
  }
  unknown_.erase(slot);
  while (slot < first_slot_) {
    slots_.emplace_front();
    --first_slot_;
  }
  while (slot >= first_slot_ + slots_.size()) slots_.emplace_back();
  slots_[slot - first_slot_] = location;
}

void LogIndex::AddUnknown(Slot slot) {
  Add(slot, {.segment = kUnknownSegment, .offset = 0, .payload_size = 0});
  unknown_.insert(slot);
}

void LogIndex::Cut(Slot slot) {
  while (!slots_.empty() && first_slot_ + slots_.size() > slot) slots_.pop_back();
  unknown_.erase(unknown_.lower_bound(slot), unknown_.end());
}

void LogIndex::NoteRecord(const WalLocation& location, Slot slot) {
  if (segments_.empty() || segments_.back().number != location.segment) {
    segments_.push_back({.number = location.segment, .max_slot = 0, .bytes = 0});
  }
  Segment& segment = segments_.back();
  segment.max_slot = std::max({segment.max_slot, slot, damaged_slot_});
  segment.bytes = location.offset + persist::WalRecordBytes(location.payload_size);
  damaged_slot_ = 0;
}

void LogIndex::NoteDamage(Slot slot) {
  damaged_slot_ = std::max(damaged_slot_, slot);
  if (segments_.empty()) return;
  segments_.back().max_slot = std::max(segments_.back().max_slot, slot);
}

const WalLocation* LogIndex::Find(Slot slot) const {
  if (slot < first_slot_ || slot - first_slot_ >= slots_.size()) return nullptr;
  const WalLocation& location = slots_[slot - first_slot_];
  const bool there = location.segment >= first_segment_ && location.segment != kUnknownSegment;
  return there ? &location : nullptr;
}

Slot LogIndex::first_slot_above(Slot floor) const {
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot slot = first_slot_ + i;
    if (slot > floor && Find(slot) != nullptr) return slot;
  }
  return 0;
}

Slot LogIndex::last_slot() const {
  for (size_t i = slots_.size(); i > 0; --i) {
    if (Find(first_slot_ + i - 1) != nullptr) return first_slot_ + i - 1;
  }
  return 0;
}

std::vector<Slot> LogIndex::Unknown(Slot floor) const {
  return {unknown_.upper_bound(floor), unknown_.end()};
}

uint64_t LogIndex::FirstNeeded(Slot floor, uint64_t limit) const {
  if (unknown_.upper_bound(floor) != unknown_.end()) {
    REACH("log kept for what it says of damaged slots");
    return std::min(limit, first_segment_);
  }
  for (const Segment& segment : segments_) {
    if (segment.number >= limit) break;
    if (segment.max_slot > floor) return segment.number;
  }
  return limit;
}

void LogIndex::DropBefore(uint64_t segment, Slot floor) {
  first_segment_ = segment;
  while (!unknown_.empty() && *unknown_.begin() <= floor) {
    slots_[*unknown_.begin() - first_slot_] = {};
    unknown_.erase(unknown_.begin());
  }
  while (!segments_.empty() && segments_.front().number < segment) segments_.pop_front();
  while (!slots_.empty() && slots_.front().segment < segment) {
    slots_.pop_front();
    ++first_slot_;
  }
}

uint64_t LogIndex::bytes() const {
  uint64_t sum = 0;
  for (const Segment& segment : segments_) sum += segment.bytes;
  return sum;
}

uint64_t LogIndex::BytesFrom(Slot slot) const {
  const WalLocation* first = nullptr;
  const Slot end = first_slot_ + slots_.size();
  for (slot = std::max(slot, first_slot_); slot < end && first == nullptr; ++slot)
    first = Find(slot);
  if (first == nullptr) return 0;
  uint64_t sum = 0;
  for (auto it = segments_.rbegin(); it != segments_.rend() && it->number >= first->segment; ++it)
    sum += it->bytes - (it->number == first->segment ? first->offset : 0);
  return sum;
}

}  // namespace clustron::cluster
