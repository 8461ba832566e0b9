#include "cluster/wire/bulk_queue.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/coding.h"

namespace clustron::cluster {

namespace {

// Frames are gathered up to about this size: what has left is forgotten part by part.
constexpr size_t kFramesBytes = 256 * 1024;

}  // namespace

void BulkQueue::SetCheck(Check check) {
  CHECK(bytes_ == 0);
  parts_.Release();
  check_ = check;
}

void BulkQueue::Add(std::string head, Payload tail) {
  const size_t size = head.size() + tail.size();
  biggest_ = std::max(bytes_ == 0 ? 0 : biggest_, size);
  if (size > kFrameBytesMax) {
    bytes_ += size;
    parts_.push_back({.whole = true, .head = std::move(head), .tail = std::move(tail)});
    return;
  }
  head.append(tail.view());
  if (parts_.empty() || parts_.back().whole || parts_.back().frames.size() >= kFramesBytes)
    parts_.push_back({});
  const size_t before = parts_.back().frames.size();
  AppendFrame(check_, Stream::kBulk, true, head, &parts_.back().frames);
  bytes_ += parts_.back().frames.size() - before;
}

void BulkQueue::Clear() {
  parts_.Release();
  bytes_ = biggest_ = 0;
}

void BulkQueue::Take(size_t budget, std::string* out) {
  size_t taken = 0;
  while (!parts_.empty() && taken < budget) {
    Part& part = parts_.front();
    const size_t step =
        part.whole ? CutFrames(part, budget - taken, out) : TakeFrames(part, budget - taken, out);
    taken += step;
    bytes_ -= step;
    if (part.pos < part.size()) continue;
    if (part.whole || parts_.size() > 1) {
      parts_.pop_front();
    } else {  // the usual case keeps its memory
      part.frames.clear();
      part.pos = 0;
      return;
    }
  }
}

size_t BulkQueue::TakeFrames(Part& part, size_t budget, std::string* out) const {
  size_t end = part.pos;
  while (end < part.frames.size() && end - part.pos < budget)
    end += FrameHeadBytes(check_) + Reader(std::string_view(part.frames).substr(end)).U32();
  const size_t taken = end - part.pos;
  out->append(part.frames, part.pos, taken);
  part.pos = end;
  return taken;
}

size_t BulkQueue::CutFrames(Part& part, size_t budget, std::string* out) const {
  const size_t size = part.size();
  size_t taken = 0;
  while (part.pos < size && taken < budget) {
    const size_t cut = std::min(kFrameBytesMax, size - part.pos);
    const bool last = part.pos + cut == size;
    const uint32_t total = part.pos == 0 ? static_cast<uint32_t>(size) : 0;
    std::string both;
    std::string_view piece;
    if (part.pos + cut <= part.head.size()) {
      piece = std::string_view(part.head).substr(part.pos, cut);
    } else if (part.pos >= part.head.size()) {
      piece = part.tail.view().substr(part.pos - part.head.size(), cut);
    } else {
      both = part.head.substr(part.pos);
      both.append(part.tail.view().substr(0, cut - both.size()));
      piece = both;
    }
    AppendFrame(check_, Stream::kBulk, last, piece, out, total);
    part.pos += cut;
    taken += cut;
  }
  return taken;
}

}  // namespace clustron::cluster
