#include "resp/reply_output.h"

#include <algorithm>
#include <utility>

#include "base/breather.h"
#include "base/check.h"
#include "base/memory.h"

namespace clustron::resp {

// --- ReplyPrefix ---------------------------------------------------------------------------------

void ReplyPrefix::Overflow(std::string_view bytes) {
  const size_t kept = std::min(bytes.size(), tail_max_ - tail_.size());
  tail_.append(bytes.substr(0, kept));
  elsewhere_ += bytes.size() - kept;
}

void ReplyPrefix::Insert(uint64_t at, std::string_view bytes) {
  DCHECK(at <= size());
  const uint64_t total = size() + bytes.size();
  if (at <= tail_.size()) {
    tail_.insert(static_cast<size_t>(at), bytes);
    if (tail_.size() > tail_max_) tail_.resize(tail_max_);
  }
  elsewhere_ = total - tail_.size();
}

void ReplyPrefix::Truncate(uint64_t at) {
  DCHECK(at <= size());
  if (at < tail_.size()) tail_.resize(static_cast<size_t>(at));
  elsewhere_ = at - tail_.size();
}

std::string_view ReplyPrefix::View(uint64_t at) const {
  return at < tail_.size() ? std::string_view(tail_).substr(static_cast<size_t>(at))
                           : std::string_view();
}

std::string ReplyPrefix::Take() {
  elsewhere_ = 0;
  return std::exchange(tail_, {});
}

// --- ReplyChunks ---------------------------------------------------------------------------------

namespace {

// Of what is dropped, errors and integers are still known until more is appended: the digest of the
// log takes them from a reply, which must not depend on who still listens. They are appended in one
// call, so that nothing else of a reply matters.
void KeepHead(std::string* tail, uint64_t* elsewhere, std::string_view bytes) {
  if (bytes.empty() || (bytes[0] != '-' && bytes[0] != ':')) return;
  tail->assign(bytes);
  *elsewhere -= bytes.size();
}

}  // namespace

void ReplyChunks::Overflow(std::string_view bytes) {
  if (dropped_) {
    elsewhere_ = size() + bytes.size();
    tail_.clear();
    return KeepHead(&tail_, &elsewhere_, bytes);
  }
  PushTail();
  if (bytes.size() >= kChunkBytes) {
    std::string chunk;
    AppendBreathing(&chunk, bytes);
    elsewhere_ += chunk.size();
    chunks_.push_back(OutputBlock(std::move(chunk)));
  } else {
    tail_.reserve(kChunkBytes);  // more than the first chunk: many will follow
    tail_.append(bytes);
  }
  Breathe();
  if (listener_ != nullptr) listener_->OutputGrew();
  if (dropped_) KeepHead(&tail_, &elsewhere_, bytes);
}

void ReplyChunks::AppendShared(SharedBytes bytes) {
  if (dropped_) return Append(bytes.view());
  PushTail();
  elsewhere_ += bytes.view().size();
  chunks_.push_back(OutputBlock(std::move(bytes)));
  if (listener_ != nullptr) listener_->OutputGrew();
}

void ReplyChunks::PushTail() {
  if (tail_.empty()) return;
  elsewhere_ += tail_.size();
  if (tail_.size() < tail_.capacity() / 4) {  // the room is kept for what follows
    chunks_.push_back(OutputBlock(std::string(tail_)));
    tail_.clear();
    return;
  }
  chunks_.push_back(OutputBlock(std::move(tail_)));
  FreeString(&tail_);
}

void ReplyChunks::Drop() {
  elsewhere_ = size();
  dropped_ = true;
  tail_max_ = 0;
  FreeString(&tail_);
  chunks_.Release();
}

void ReplyChunks::Insert(uint64_t at, std::string_view bytes) {
  DCHECK(at <= size());
  if (dropped_) return Skip(bytes.size());
  if (at >= elsewhere_) {
    tail_.insert(static_cast<size_t>(at - elsewhere_), bytes);
    return;
  }
  uint64_t begin = elsewhere_;
  for (size_t i = chunks_.size(); i-- > 0;) {
    begin -= chunks_[i].size();
    if (at < begin) continue;
    elsewhere_ += bytes.size();
    // A header goes in front of a value's: never into the bytes that others hold.
    if (chunks_[i].shared()) chunks_[i] = OutputBlock(chunks_[i].Take());
    chunks_[i].own().insert(static_cast<size_t>(at - begin), bytes);
    return;
  }
  UNREACHABLE();
}

void ReplyChunks::Truncate(uint64_t at) {
  DCHECK(at <= size());
  if (dropped_) {
    elsewhere_ = at;
    tail_.clear();
    return;
  }
  while (at < elsewhere_) {
    tail_ = chunks_.back().Take();
    chunks_.pop_back();
    elsewhere_ -= tail_.size();
  }
  tail_.resize(static_cast<size_t>(at - elsewhere_));
}

std::string_view ReplyChunks::View(uint64_t at) const {
  if (dropped_) return at == elsewhere_ ? std::string_view(tail_) : std::string_view();
  if (at >= size()) return {};
  if (at >= elsewhere_) return std::string_view(tail_).substr(static_cast<size_t>(at - elsewhere_));
  uint64_t begin = elsewhere_;
  for (size_t i = chunks_.size(); i-- > 0;) {
    begin -= chunks_[i].size();
    if (at >= begin) return chunks_[i].view().substr(static_cast<size_t>(at - begin));
  }
  UNREACHABLE();
}

std::string ReplyChunks::TakeAll() {
  std::string all;
  for (; !chunks_.empty(); chunks_.pop_front()) all.append(chunks_.front().view());
  if (all.empty()) {
    std::swap(all, tail_);
  } else {
    all.append(tail_);
    tail_.clear();
  }
  elsewhere_ = 0;
  return all;
}

}  // namespace clustron::resp
