// Which names may be in a set: four bits of each name's hash, in one block of memory that stays in
// the cache where the set doesn't. It may take a name for one of the set (about 3 of 100 others at
// most, more beyond half a million names), and never hides one that is there. A bit is counted, so
// that it goes with the last name that has it. THREAD: core loop.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"

namespace clustron::server {

class NameFilter {
 public:
  bool MayHave(uint64_t hash) const {
    const uint64_t mask = MaskOf(hash);
    return (words_[PlaceOf(hash)] & mask) == mask;
  }
  // Whether it is to be made larger, by Begin and all names anew, before one more comes.
  bool full() const { return names_ >= kNamesOfWord * words_.size() && words_.size() < kWordsMax; }
  void Add(uint64_t hash) {
    ++names_;
    const size_t place = PlaceOf(hash);
    words_[place] |= MaskOf(hash);
    for (int i = 0; i < kBits; ++i) {
      uint8_t& count = counts_[64 * place + BitOf(hash, i)];
      if (count < kCountMax) ++count;
    }
  }
  // REQUIRES: it was put in.
  void Remove(uint64_t hash) {
    CHECK(names_ > 0);
    if (--names_ == 0) return Begin(0);
    const size_t place = PlaceOf(hash);
    for (int i = 0; i < kBits; ++i) {
      uint8_t& count = counts_[64 * place + BitOf(hash, i)];
      CHECK(count > 0);
      if (count == kCountMax) continue;  // of how many isn't known any more
      if (--count == 0) words_[place] &= ~(uint64_t{1} << BitOf(hash, i));
    }
  }
  // Empty, with room for twice so many names.
  void Begin(size_t names) {
    words_.assign(std::min(std::bit_ceil(2 * names / kNamesOfWord + 1), kWordsMax), 0);
    counts_.assign(64 * words_.size(), 0);
    words_.shrink_to_fit();
    counts_.shrink_to_fit();
    names_ = 0;
  }

 private:
  static constexpr int kBits = 4;
  static constexpr uint8_t kCountMax = UINT8_MAX;
  static constexpr size_t kNamesOfWord = 8;
  static constexpr size_t kWordsMax = 1 << 16;

  // The high half of the hash chooses the word, the low one the bits in it.
  size_t PlaceOf(uint64_t hash) const { return (hash >> 32) & (words_.size() - 1); }
  static uint64_t BitOf(uint64_t hash, int i) { return hash >> (6 * i) & 63; }
  static uint64_t MaskOf(uint64_t hash) {
    uint64_t mask = 0;
    for (int i = 0; i < kBits; ++i) mask |= uint64_t{1} << BitOf(hash, i);
    return mask;
  }

  std::vector<uint64_t> words_ = std::vector<uint64_t>(1);
  std::vector<uint8_t> counts_ = std::vector<uint8_t>(64);  // of each bit, how many names have it
  size_t names_ = 0;
};

}  // namespace clustron::server
