// One field of an index: which keys have which values, and in a word of each key what it has.
//
// The word (Slot) of a key says: no value, one that can't be indexed (counted), one value, or a
// list of several in order. THREAD: core loop.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "store/index/definition.h"
#include "store/index/posting_tree.h"
#include "store/index/text_value.h"
#include "store/index/value_range.h"

namespace clustron::store {

using Slot = uint64_t;

struct ByNumber {
  static bool Less(double a, double b) { return a < b; }
  static bool Equal(double a, double b) { return a == b; }
};

// What is different between numbers and byte strings.
struct NumValues {
  using Key = double;
  using Order = ByNumber;
  using View = double;
  using Range = NumRange;
  static constexpr Slot kNone = uint64_t{0x7ffc} << 48;  // quiet NaNs, with an address or a 1
  static bool IsOne(Slot slot) { return (slot & kNone) != kNone; }
  static Slot OfOne(double value) { return std::bit_cast<Slot>(value); }
  static double One(Slot slot) { return std::bit_cast<double>(slot); }
  static double ViewOf(double value) { return value; }
};
struct TextValues {
  using Key = Text*;
  using Order = ByBytes;
  using View = std::string_view;
  using Range = BytesRange;
  static constexpr Slot kNone = uint64_t{1} << 63;  // user space has no such addresses
  static bool IsOne(Slot slot) { return (slot & kNone) == 0; }
  static Slot OfOne(Text* value) { return reinterpret_cast<Slot>(value); }
  static Text* One(Slot slot) { return reinterpret_cast<Text*>(slot); }
  static std::string_view ViewOf(const Text* value) { return value->view(); }
};

template <typename Values>
class Column {
 public:
  using Key = typename Values::Key;
  using View = typename Values::View;
  using Range = typename Values::Range;
  using Tree = PostingTree<Key, typename Values::Order>;

  static constexpr Slot kNone = Values::kNone;

  const Tree& tree() const { return tree_; }
  // Keys with values that are not in the index.
  uint64_t not_indexed() const { return not_indexed_; }

  // Gives a key other values than it had: `values` are in order, without doubles. `bad`: there was
  // one that can't be indexed.
  void Assign(Slot* slot, uint32_t id, std::span<const View> values, bool bad) {
    if (Equal(*slot, values, bad)) return;
    if (values.size() == 1 && !bad) {
      const Key key = Take(values[0]);
      tree_.Fetch(key, id);  // its memory comes while what was there goes
      Unassign(slot, id);
      tree_.Insert(key, id);
      *slot = Values::OfOne(key);
      return;
    }
    Unassign(slot, id);
    if (values.empty()) {
      *slot = bad ? kNotIndexed : kNone;
      not_indexed_ += bad;
      return;
    }
    List* list = new (Alloc(List::Bytes(values.size()))) List;
    list->count = static_cast<uint32_t>(values.size());
    list->bad = bad;
    not_indexed_ += bad;
    for (size_t i = 0; i < values.size(); i++) list->keys()[i] = Add(values[i], id);
    *slot = kNone | reinterpret_cast<Slot>(list);
  }
  void Unassign(Slot* slot, uint32_t id) {
    for (const Key& key : KeysOf(*slot)) Remove(key, id);
    not_indexed_ -= IsBad(*slot);
    FreeList(*slot);
    *slot = kNone;
  }
  // The same values under another id.
  void Renumber(const Slot& slot, uint32_t from, uint32_t to) {
    for (const Key& key : KeysOf(slot)) {
      tree_.Erase(key, from);
      tree_.Insert(key, to);
    }
  }
  static bool IsList(Slot slot) { return !Values::IsOne(slot) && (slot & ~kNone) > 1; }
  static View ViewOf(const Key& key) { return Values::ViewOf(key); }
  static bool IsBad(Slot slot) {
    return slot == kNotIndexed || (IsList(slot) && ListOf(slot)->bad);
  }

  // What a key has, in order; valid as long as `slot` is.
  static std::span<const Key> KeysOf(const Slot& slot) {
    if (Values::IsOne(slot)) return {reinterpret_cast<const Key*>(&slot), 1};
    if (!IsList(slot)) return {};
    return {ListOf(slot)->keys(), ListOf(slot)->count};
  }
  // REQUIRES: the ranges are in order, and apart.
  static bool AnyIn(const Slot& slot, std::span<const Range> ranges) {
    for (const Key& key : KeysOf(slot)) {
      const View value = Values::ViewOf(key);
      const auto it = std::partition_point(ranges.begin(), ranges.end(),
                                           [&](const Range& range) { return !range.UpTo(value); });
      if (it != ranges.end() && it->Has(value)) return true;
    }
    return false;
  }

  struct Run {
    typename Tree::Place from;
    uint64_t count = 0;
  };
  Run Find(const Range& range) const {
    const auto from =
        tree_.Seek([&](const Key& key, uint32_t) { return range.Before(Values::ViewOf(key)); });
    const auto end =
        tree_.Seek([&](const Key& key, uint32_t) { return range.UpTo(Values::ViewOf(key)); });
    return {from, end.rank > from.rank ? end.rank - from.rank : 0};
  }

  // Frees what the slot of a key that is thrown away with the whole index has.
  static void FreeList(Slot slot) {
    if (!IsList(slot)) return;
    List* list = ListOf(slot);
    Free(list, List::Bytes(list->count));
  }
  // Of the whole index; see PostingTree.
  bool FreeSome(size_t count) {
    return tree_.FreeSome(count, [](const Key& key) { Release(key); });
  }

 private:
  struct List {
    uint32_t count;
    uint32_t bad;
    static size_t Bytes(size_t count) { return sizeof(List) + count * sizeof(Key); }
    Key* keys() { return reinterpret_cast<Key*>(this + 1); }
  };
  static constexpr Slot kNotIndexed = kNone | 1;

  static List* ListOf(Slot slot) { return reinterpret_cast<List*>(slot & ~kNone); }
  static void Release(double) {}
  static void Release(Text* text) { text->Drop(); }

  static bool Equal(const Slot& slot, std::span<const View> values, bool bad) {
    const std::span<const Key> keys = KeysOf(slot);
    return IsBad(slot) == bad && std::equal(keys.begin(), keys.end(), values.begin(), values.end(),
                                            [](const Key& key, const View& value) {
                                              return Values::ViewOf(key) == value;
                                            });
  }
  // A key of the tree with this value, and a reference to it.
  static double Take(double value) { return value; }
  Text* Take(std::string_view bytes) {
    const uint64_t head = TextHead(bytes);
    const auto place =
        tree_.First([&](const Text* key, uint32_t) { return key->IsBefore(bytes, head); });
    const bool known = place.leaf != nullptr && place.leaf->keys[place.at]->view() == bytes;
    return (known ? place.leaf->keys[place.at] : Text::New(bytes))->Use();
  }
  Key Add(const View& value, uint32_t id) {
    const Key key = Take(value);
    tree_.Insert(key, id);
    return key;
  }
  void Remove(double value, uint32_t id) { tree_.Erase(value, id); }
  void Remove(Text* text, uint32_t id) {
    tree_.Erase(text, id);
    text->Drop();
  }

  Tree tree_;
  uint64_t not_indexed_ = 0;
};

}  // namespace clustron::store
