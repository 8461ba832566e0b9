#include "persist/wal_buffer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/memory.h"

namespace clustron::persist {
namespace {

constexpr size_t kCapacityKeptMax = 1 << 20;

}  // namespace

void WalBuffer::Clear() {
  // Much is written in a row or not at all: fresh memory for each time costs more than the copy.
  if (own_.capacity() > kCapacityKeptMax && own_.size() < own_.capacity() / 4) {
    FreeString(&own_);
  } else {
    own_.clear();
  }
  guests_.clear();
  guest_bytes_ = 0;
  pieces_.clear();
  last_lsn_ = 0;
  pieces_written = 0;
}

void WalBuffer::BeginPiece(uint64_t segment, uint64_t offset) {
  pieces_.push_back({.segment = segment, .offset = offset, .begin = size(), .size = 0});
}

void WalBuffer::AddGuest(Payload payload) {
  const size_t bytes = payload.size();
  guests_.push_back({.begin = size(), .before = guest_bytes_, .payload = std::move(payload)});
  guest_bytes_ += bytes;
}

WalPiece WalBuffer::piece(size_t index) const {
  WalPiece piece = pieces_[index];
  piece.size = (index + 1 < pieces_.size() ? pieces_[index + 1].begin : size()) - piece.begin;
  return piece;
}

std::string_view WalBuffer::Part(size_t begin, size_t size) const {
  CHECK(begin + size <= this->size());
  const auto next = std::partition_point(guests_.begin(), guests_.end(),
                                         [&](const Guest& guest) { return guest.begin <= begin; });
  const size_t end = next == guests_.end() ? this->size() : next->begin;
  size = std::min(size, end - begin);
  if (next == guests_.begin()) return std::string_view(own_).substr(begin, size);
  const Guest& guest = *(next - 1);
  const size_t behind = guest.begin + guest.payload.size();
  if (begin < behind) {
    const size_t at = begin - guest.begin;
    return guest.payload.view().substr(at, size);
  }
  return std::string_view(own_).substr(begin - guest.before - guest.payload.size(), size);
}

std::string_view WalBuffer::Find(uint64_t segment, uint64_t offset, uint64_t size) const {
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const WalPiece found = piece(i);
    if (found.segment != segment || offset < found.offset) continue;
    if (offset + size > found.offset + found.size) continue;
    const std::string_view part = Part(found.begin + (offset - found.offset), size);
    return part.size() == size ? part : std::string_view();
  }
  return {};
}

}  // namespace clustron::persist
