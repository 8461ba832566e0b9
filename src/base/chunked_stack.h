// A stack that never moves what lies on it: it grows by chunks, so that a million elements cost no
// copy of half a million, and no block of memory as large. One empty chunk is kept.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/check.h"

namespace clustron {

template <typename T, size_t kChunk = 256>
class ChunkedStack {
 public:
  ChunkedStack() = default;
  ChunkedStack(const ChunkedStack&) = delete;
  ChunkedStack& operator=(const ChunkedStack&) = delete;
  // The other one is empty then.
  ChunkedStack(ChunkedStack&& other) noexcept
      : chunks_(std::move(other.chunks_)), size_(std::exchange(other.size_, 0)) {
    other.chunks_.clear();
  }
  ~ChunkedStack() {
    while (!empty()) pop_back();
  }

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  T& operator[](size_t i) {
    DCHECK(i < size_);
    return *Slot(i);
  }
  const T& operator[](size_t i) const {
    DCHECK(i < size_);
    return *Slot(i);
  }
  T& back() { return (*this)[size_ - 1]; }

  template <typename... Args>
  void emplace_back(Args&&... args) {
    if (size_ == chunks_.size() * kChunk)
      chunks_.push_back(std::make_unique_for_overwrite<Chunk>());
    ::new (chunks_[size_ / kChunk]->bytes + size_ % kChunk * sizeof(T))
        T(std::forward<Args>(args)...);
    ++size_;
  }
  void pop_back() {
    DCHECK(size_ > 0);
    back().~T();
    --size_;
    if (size_ + kChunk < chunks_.size() * kChunk && size_ % kChunk == 0) chunks_.pop_back();
  }
  // Of what is allocated, used or not.
  size_t capacity() const { return chunks_.size() * kChunk; }

 private:
  struct Chunk {
    alignas(T) std::byte bytes[kChunk * sizeof(T)];
  };
  T* Slot(size_t i) const {
    return std::launder(reinterpret_cast<T*>(chunks_[i / kChunk]->bytes + i % kChunk * sizeof(T)));
  }

  std::vector<std::unique_ptr<Chunk>> chunks_;
  size_t size_ = 0;
};

}  // namespace clustron
