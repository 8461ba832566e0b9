// The value of a list: byte strings in an order that commands change at both ends and in between.
//
// A short one is a single chunk (list_chunk.h); a longer one is a BigList. To those who ask, a list
// is a "listpack" as long as Redis would keep it in one by list-max-listpack-size, and a
// "quicklist" from then on, until it has shrunk to half of that: this is state, since it follows
// history, and has nothing to do with how the elements are kept here.
//
// Here are the reads; list_edit.h has the changes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "store/types/list/big_list.h"
#include "store/types/list/list_chunk.h"
#include "store/types/list/list_element.h"

namespace clustron::store {

class KeyRecord;

// One word inside a record; owns what it points to.
class ListValue {
 public:
  ListValue(const ListValue&) = delete;
  ListValue& operator=(const ListValue&) = delete;

  size_t size() const { return is_chunk() ? chunk()->count() : big()->size(); }
  // See above.
  bool packed() const { return is_chunk() || big()->packed(); }
  // Sum of ListpackBytes: the same for every history.
  uint64_t listpack_bytes() const {
    return is_chunk() ? chunk()->listpack_bytes() : big()->listpack_bytes();
  }
  size_t MemoryUsage() const { return is_chunk() ? chunk()->MemoryUsage() : big()->MemoryUsage(); }

  // Valid until the next change. REQUIRES: index < size().
  ListElement At(size_t index) const;

  // Elements in order from index `from` on, until `f` returns false: bool(const ListElement&).
  template <typename F>
  void ForEach(size_t from, F&& f) const {
    Walk(from, false, [&](const auto& where, const auto& at) { return f(where.Read(at)); });
  }
  // The same backwards, beginning with `from`.
  template <typename F>
  void ForEachBack(size_t from, F&& f) const {
    Walk(from, true, [&](const auto& where, const auto& at) { return f(where.Read(at)); });
  }
  // Whether each element, from index `from` on, is `element`, until `f` returns false: bool(bool).
  template <typename F>
  void Compare(size_t from, bool backwards, const EncodedElement& element, F&& f) const {
    Walk(from, backwards,
         [&](const auto& where, const auto& at) { return f(where.Equals(at, element)); });
  }

 private:
  friend class ListWord;  // list_word.h: how the store changes lists
  ListValue() = default;
  ~ListValue() = default;
  bool is_chunk() const { return (word_ & 1) != 0; }
  ListChunk* chunk() const { return reinterpret_cast<ListChunk*>(word_ & ~uintptr_t{1}); }
  BigList* big() const { return reinterpret_cast<BigList*>(word_); }

  // f(what reads, place): bool.
  template <typename F>
  void Walk(size_t from, bool backwards, F&& f) const {
    if (from >= size()) return;
    if (!is_chunk()) {
      BigList::Place at = big()->At(from, backwards);
      while (f(*big(), at) && (backwards ? big()->Previous(&at) : big()->Next(&at))) {
      }
      return;
    }
    ListChunk::Cursor at = chunk()->At(from);
    size_t left = backwards ? from + 1 : chunk()->count() - from;
    while (f(*chunk(), at) && --left > 0) backwards ? chunk()->Previous(&at) : chunk()->Next(&at);
  }

  uintptr_t word_ = 0;  // pointer | 1: a chunk
};
static_assert(sizeof(ListValue) == 8);

// REQUIRES: a list; CHECKed, as everything that another type would be taken for.
const ListValue& ListOf(const KeyRecord& record);

}  // namespace clustron::store
