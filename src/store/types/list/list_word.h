// How the store changes list values. See list_value.h.
#pragma once

#include <cstdint>
#include <memory>

#include "store/types/list/list_value.h"

namespace clustron::store {

// From the cluster setting list-max-listpack-size. What a listpack may have: Redis's rule.
class ListLimits {
 public:
  // 1 and more: so many elements, and 8 KB; -1 … -5: 4, 8, 16, 32, 64 KB.
  explicit ListLimits(int64_t fill);

  bool Fits(uint64_t bytes, uint64_t count) const {
    return bytes <= bytes_max_ && count <= count_max_;
  }
  // Of a quicklist that shrinks.
  bool FitsHalf(uint64_t bytes, uint64_t count) const {
    return bytes <= half_bytes_max_ && count <= count_max_ / 2;
  }

 private:
  uint64_t bytes_max_;
  uint64_t half_bytes_max_;
  uint64_t count_max_;
};

class ListWord {
 public:
  // An empty list in the small form, as a record's word; Destroy frees any.
  static uintptr_t New(ListEnd grows);
  static void Destroy(uintptr_t word);
  // An equal value: big ones share what they have.
  static uintptr_t Copy(const ListValue& list);
  // A word as the value that it is.
  static ListValue& From(void* word) { return *static_cast<ListValue*>(word); }
  static uintptr_t Of(const ListValue& list) { return list.word_; }
  static void Set(ListValue& list, uintptr_t word) { list.word_ = word; }

  static bool IsChunk(uintptr_t word) { return (word & 1) != 0; }
  static BigList* Big(uintptr_t word) { return reinterpret_cast<BigList*>(word); }

  // Whatever the limits say.
  static void Insert(ListValue& list, size_t index, const EncodedElement& element);
  static void Erase(ListValue& list, size_t index);
  static size_t EraseEqual(ListValue& list, const EncodedElement& element, size_t limit,
                           bool from_back);
  // What was cut off, to be freed later; null: it is freed already.
  static std::unique_ptr<BigList> Cut(ListValue& list, ListEnd end, size_t count);
  // The form to those who ask. REQUIRES: not what it is.
  static void SetPacked(ListValue& list, bool packed);

 private:
  static ListChunk* Chunk(uintptr_t word) {
    return reinterpret_cast<ListChunk*>(word & ~uintptr_t{1});
  }
  static uintptr_t Word(ListChunk* chunk) { return reinterpret_cast<uintptr_t>(chunk) | 1; }
  static BigList& MakeBig(ListValue& list, bool packed);
};

}  // namespace clustron::store
