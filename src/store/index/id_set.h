// A set of ids below an end, as bits: conditions over many keys are joined word by word.
// THREAD: core loop.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace clustron::store {

class IdSet {
 public:
  explicit IdSet(uint32_t end) : words_((size_t{end} + 63) / 64) {}

  // REQUIRES, of all three: `id` is below the end.
  void Add(uint32_t id) { words_[id / 64] |= uint64_t{1} << (id % 64); }
  void Remove(uint32_t id) { words_[id / 64] &= ~(uint64_t{1} << (id % 64)); }
  bool Has(uint32_t id) const { return (words_[id / 64] >> (id % 64) & 1) != 0; }

  // REQUIRES, of all three: the sets have the same end.
  void Retain(const IdSet& other) {
    for (size_t i = 0; i < words_.size(); i++) words_[i] &= other.words_[i];
  }
  void Drop(const IdSet& other) {
    for (size_t i = 0; i < words_.size(); i++) words_[i] &= ~other.words_[i];
  }
  void Merge(const IdSet& other) {
    for (size_t i = 0; i < words_.size(); i++) words_[i] |= other.words_[i];
  }

  uint64_t size() const {
    uint64_t count = 0;
    for (const uint64_t word : words_) count += static_cast<uint64_t>(std::popcount(word));
    return count;
  }
  // In rising order.
  std::vector<uint32_t> ToVector() const {
    std::vector<uint32_t> ids;
    ids.reserve(size());
    for (size_t i = 0; i < words_.size(); i++) {
      for (uint64_t word = words_[i]; word != 0; word &= word - 1)
        ids.push_back(static_cast<uint32_t>(64 * i + static_cast<size_t>(std::countr_zero(word))));
    }
    return ids;
  }

 private:
  std::vector<uint64_t> words_;
};

}  // namespace clustron::store
