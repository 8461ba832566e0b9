// A growing ring buffer: a deque without an allocation per element, indexable, that keeps its
// memory.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#include "base/check.h"

namespace clustron {

template <typename T>
class Ring {
 public:
  Ring() = default;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() {
    clear();
    Deallocate(slots_, capacity_);
  }

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  T& operator[](size_t i) {
    DCHECK(i < size_);
    return slots_[(head_ + i) & (capacity_ - 1)];
  }
  const T& operator[](size_t i) const {
    DCHECK(i < size_);
    return slots_[(head_ + i) & (capacity_ - 1)];
  }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }

  void push_back(T value) {
    if (size_ == capacity_) Grow();
    ::new (&slots_[(head_ + size_) & (capacity_ - 1)]) T(std::move(value));
    ++size_;
  }
  void pop_front() {
    DCHECK(size_ > 0);
    slots_[head_].~T();
    head_ = (head_ + 1) & (capacity_ - 1);
    --size_;
  }
  void pop_back() {
    DCHECK(size_ > 0);
    (*this)[size_ - 1].~T();
    --size_;
  }
  void clear() {
    while (size_ > 0) pop_back();
    head_ = 0;
  }
  // Clears, and gives the memory back.
  void Release() {
    clear();
    Deallocate(slots_, capacity_);
    slots_ = nullptr;
    capacity_ = 0;
  }

 private:
  static T* Allocate(size_t n) {
    return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{alignof(T)}));
  }
  static void Deallocate(T* p, size_t n) {
    if (p != nullptr) ::operator delete(p, n * sizeof(T), std::align_val_t{alignof(T)});
  }
  void Grow() {
    const size_t capacity = capacity_ == 0 ? 8 : capacity_ * 2;
    T* slots = Allocate(capacity);
    for (size_t i = 0; i < size_; ++i) {
      T& old = (*this)[i];
      ::new (&slots[i]) T(std::move(old));
      old.~T();
    }
    Deallocate(slots_, capacity_);
    slots_ = slots;
    capacity_ = capacity;
    head_ = 0;
  }

  T* slots_ = nullptr;
  size_t capacity_ = 0;  // a power of two, or 0
  size_t head_ = 0;
  size_t size_ = 0;
};

}  // namespace clustron
