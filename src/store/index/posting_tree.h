// The postings of a field: pairs (value, id of a key) in order, with counts, so that any range of
// values is found, counted and walked: a B+ tree whose leaves are arrays in a list.
//
// 12 bytes a pair in leaves that are mostly 70 to 100 % full. THREAD: core loop.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "store/keyspace/alloc.h"

namespace clustron::store {

// `Key` is trivially copyable; Order::Less(a, b) is a strict order, and Order::Equal(a, b) says
// that neither comes before the other. Keys that point to bytes are valid as long as a pair with
// them is in the tree.
template <typename Key, typename Order>
class PostingTree {
  static constexpr uint32_t kNodeBytes = 1024;

 public:
  struct Leaf {
    static constexpr uint32_t kMax = (kNodeBytes - 24) / (sizeof(Key) + 4);
    Leaf* prev = nullptr;
    Leaf* next = nullptr;
    uint32_t count = 0;
    uint32_t ids[kMax];
    Key keys[kMax];
  };
  static_assert(sizeof(Leaf) <= kNodeBytes);

  // A pair of the tree, or its end. Invalid after the next change.
  struct Place {
    const Leaf* leaf = nullptr;  // null: the end
    uint32_t at = 0;
    uint64_t rank = 0;  // so many pairs are before it
  };

  PostingTree() = default;
  ~PostingTree() {
    while (FreeSome(SIZE_MAX, [](const Key&) {})) {
    }
  }
  PostingTree(const PostingTree&) = delete;
  PostingTree& operator=(const PostingTree&) = delete;

  uint64_t size() const { return size_; }

  // REQUIRES: the pair is absent.
  void Insert(Key key, uint32_t id) {
    if (root_ == nullptr) root_ = first_leaf_ = New<Leaf>();
    void* right = InsertInto(root_, height_, key, id);
    size_++;
    if (right == nullptr) return;
    Inner* root = New<Inner>();
    Put(root, 0, root_, height_);
    Put(root, 1, right, height_);
    root->count = 2;
    root_ = root;
    height_++;
  }
  // REQUIRES: the pair is there.
  void Erase(Key key, uint32_t id) {
    CHECK(size_ > 0);
    EraseFrom(root_, height_, key, id);
    size_--;
    while (height_ > 0 && static_cast<Inner*>(root_)->count == 1) {
      Inner* old = static_cast<Inner*>(root_);
      root_ = old->children[0];
      Delete(old);
      height_--;
    }
    if (size_ > 0) return;
    CHECK(height_ == 0);
    Delete(static_cast<Leaf*>(root_));
    root_ = first_leaf_ = nullptr;
  }

  // Has the leaf fetched that the pair is in, or would be, without waiting for it.
  void Fetch(Key key, uint32_t id) const {
    const void* node = root_;
    for (int height = height_; height > 0; height--) {
      const Inner* inner = static_cast<const Inner*>(node);
      node = inner->children[ChildFor(inner, key, id)];
    }
    FetchWhole(node);
  }

  // The first pair for which before(key, id) is false. REQUIRES: it is false for all behind it.
  template <typename Before>
  Place Seek(Before&& before) const {
    uint64_t rank = 0;
    return Descend(before, [&rank](const Inner* inner, uint32_t child) {
      for (uint32_t i = 0; i < child; i++) rank += inner->sizes[i];
      return rank;
    });
  }
  // The same for those who don't ask for its rank, which is not told.
  template <typename Before>
  Place First(Before&& before) const {
    return Descend(before, [](const Inner*, uint32_t) { return uint64_t{0}; });
  }
  // The pair of this rank; the end if there is none.
  Place At(uint64_t rank) const {
    if (rank >= size_) return {nullptr, 0, size_};
    const void* node = root_;
    uint64_t left = rank;
    for (int height = height_; height > 0; height--) {
      const Inner* inner = static_cast<const Inner*>(node);
      uint32_t i = 0;
      for (; left >= inner->sizes[i]; i++) left -= inner->sizes[i];
      node = inner->children[i];
    }
    return {static_cast<const Leaf*>(node), static_cast<uint32_t>(left), rank};
  }

  // Visits `count` pairs from `from` on: void(Key, uint32_t id). REQUIRES: there are so many.
  template <typename F>
  void ForEach(Place from, uint64_t count, F&& f) const {
    const Leaf* leaf = from.leaf;
    uint32_t at = from.at;
    while (count > 0) {
      CHECK(leaf != nullptr);
      Fetch(leaf->next);
      const auto here = static_cast<uint32_t>(std::min<uint64_t>(leaf->count - at, count));
      for (uint32_t i = at; i < at + here; i++) f(leaf->keys[i], leaf->ids[i]);
      count -= here;
      leaf = leaf->next;
      at = 0;
    }
  }

  // Frees about `count` pairs, handing their keys to `drop`; true if more are left. For a tree that
  // is being thrown away: nothing else may be called then.
  template <typename Drop>
  bool FreeSome(size_t count, Drop&& drop) {
    if (height_ > 0) {  // some hundredths of the memory
      FreeInner(root_, height_);
      height_ = 0;
      root_ = nullptr;
    }
    while (first_leaf_ != nullptr) {
      if (count == 0) return true;
      Leaf* leaf = std::exchange(first_leaf_, first_leaf_->next);
      for (uint32_t i = 0; i < leaf->count; i++) drop(leaf->keys[i]);
      count -= std::min<size_t>(count, leaf->count);
      Delete(leaf);
    }
    root_ = nullptr;
    return false;
  }

  // For tests: CHECKs order, counts and links of the whole tree.
  void CheckInvariants() const {
    const Leaf* last = nullptr;
    const uint64_t pairs = root_ == nullptr ? 0 : CheckNode(root_, height_, &last);
    CHECK(pairs == size_);
    CHECK((last == nullptr || last->next == nullptr));
  }

 private:
  struct Inner {
    static constexpr uint32_t kMax = (kNodeBytes - 8) / (sizeof(Key) + 4 + 4 + 8);
    uint32_t count = 0;
    uint32_t ids[kMax];    // with `keys` the first pair below each child, exactly
    uint32_t sizes[kMax];  // pairs below it
    void* children[kMax];
    Key keys[kMax];
  };
  static_assert(sizeof(Inner) <= kNodeBytes);
  static constexpr uint32_t kLeafMin = Leaf::kMax / 4;
  static constexpr uint32_t kInnerMin = Inner::kMax / 4;

  // `rank_of` is told each step down, and says how many pairs are before the child.
  template <typename Before, typename Rank>
  Place Descend(Before&& before, Rank&& rank_of) const {
    if (root_ == nullptr) return {};
    const void* node = root_;
    uint64_t rank = 0;
    for (int height = height_; height > 0; height--) {
      const Inner* inner = static_cast<const Inner*>(node);
      uint32_t low = 1;
      uint32_t high = inner->count;
      while (low < high) {
        const uint32_t middle = (low + high) / 2;
        before(inner->keys[middle], inner->ids[middle]) ? low = middle + 1 : high = middle;
      }
      rank = rank_of(inner, low - 1);
      node = inner->children[low - 1];
    }
    const Leaf* leaf = static_cast<const Leaf*>(node);
    uint32_t low = 0;
    uint32_t high = leaf->count;
    while (low < high) {
      const uint32_t middle = (low + high) / 2;
      before(leaf->keys[middle], leaf->ids[middle]) ? low = middle + 1 : high = middle;
    }
    return Normal({leaf, low, rank + low});
  }

  template <typename Node>
  static Node* New() {
    return new (Alloc(sizeof(Node))) Node;
  }
  template <typename Node>
  static void Delete(Node* node) {
    Free(node, sizeof(Node));
  }

  // What a walk looks at first.
  static void Fetch(const Leaf* leaf) {
    for (size_t at = 0; at < offsetof(Leaf, keys); at += 64)
      __builtin_prefetch(reinterpret_cast<const char*>(leaf) + at);
  }
  // What a change moves.
  static void FetchWhole(const void* leaf) {
    for (size_t at = 0; at < sizeof(Leaf); at += 64)
      __builtin_prefetch(static_cast<const char*>(leaf) + at);
  }
  static bool Less(const Key& a, uint32_t a_id, const Key& b, uint32_t b_id) {
    return Order::Equal(a, b) ? a_id < b_id : Order::Less(a, b);
  }
  static Place Normal(Place place) {
    if (place.at < place.leaf->count) return place;
    return {place.leaf->next, 0, place.rank};
  }
  static std::pair<Key, uint32_t> FirstOf(const void* node, int height) {
    if (height == 0) {
      const Leaf* leaf = static_cast<const Leaf*>(node);
      return {leaf->keys[0], leaf->ids[0]};
    }
    const Inner* inner = static_cast<const Inner*>(node);
    return {inner->keys[0], inner->ids[0]};
  }
  static uint32_t SizeOf(const void* node, int height) {
    if (height == 0) return static_cast<const Leaf*>(node)->count;
    const Inner* inner = static_cast<const Inner*>(node);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < inner->count; i++) sum += inner->sizes[i];
    return sum;
  }
  // Writes what the parent knows of a child; its height is `height`.
  static void Put(Inner* inner, uint32_t at, void* child, int height) {
    inner->children[at] = child;
    inner->sizes[at] = SizeOf(child, height);
    std::tie(inner->keys[at], inner->ids[at]) = FirstOf(child, height);
  }
  template <typename T>
  static void Shift(T* array, uint32_t from, uint32_t to, uint32_t count) {
    std::memmove(array + to, array + from, count * sizeof(T));
  }
  static void ShiftInner(Inner* inner, uint32_t from, uint32_t to) {
    const uint32_t count = inner->count - from;
    Shift(inner->ids, from, to, count);
    Shift(inner->sizes, from, to, count);
    Shift(inner->children, from, to, count);
    Shift(inner->keys, from, to, count);
  }
  static uint32_t ChildFor(const Inner* inner, const Key& key, uint32_t id) {
    uint32_t low = 1;
    uint32_t high = inner->count;
    while (low < high) {
      const uint32_t middle = (low + high) / 2;
      Less(key, id, inner->keys[middle], inner->ids[middle]) ? high = middle : low = middle + 1;
    }
    return low - 1;
  }
  static uint32_t PlaceIn(const Leaf* leaf, const Key& key, uint32_t id) {
    uint32_t low = 0;
    uint32_t high = leaf->count;
    while (low < high) {
      const uint32_t middle = (low + high) / 2;
      Less(leaf->keys[middle], leaf->ids[middle], key, id) ? low = middle + 1 : high = middle;
    }
    return low;
  }

  // Returns the new right neighbour if the node was split, else null.
  void* InsertInto(void* node, int height, const Key& key, uint32_t id) {
    if (height == 0) return InsertIntoLeaf(static_cast<Leaf*>(node), key, id);
    Inner* inner = static_cast<Inner*>(node);
    uint32_t at = ChildFor(inner, key, id);
    if (height == 1 && SpillLeaf(inner, at)) at = ChildFor(inner, key, id);
    void* right = InsertInto(inner->children[at], height - 1, key, id);
    if (right == nullptr) {
      inner->sizes[at]++;
      if (at == 0)
        std::tie(inner->keys[0], inner->ids[0]) = FirstOf(inner->children[0], height - 1);
      return nullptr;
    }
    Put(inner, at, inner->children[at], height - 1);
    Inner* other = nullptr;
    if (inner->count == Inner::kMax) {
      other = SplitInner(inner, at + 1);
      if (at >= inner->count) {
        at -= inner->count;
        std::swap(inner, other);
      }
    }
    ShiftInner(inner, at + 1, at + 2);
    inner->count++;
    Put(inner, at + 1, right, height - 1);
    return other == nullptr ? nullptr : (inner == node ? other : inner);
  }
  void* InsertIntoLeaf(Leaf* leaf, const Key& key, uint32_t id) {
    Leaf* other = nullptr;
    uint32_t at = PlaceIn(leaf, key, id);
    if (leaf->count == Leaf::kMax) {
      other = SplitLeaf(leaf, at);
      if (at > leaf->count || (at == leaf->count && other->count == 0)) {
        at -= leaf->count;
        std::swap(leaf, other);
      }
    }
    Shift(leaf->keys, at, at + 1, leaf->count - at);
    Shift(leaf->ids, at, at + 1, leaf->count - at);
    leaf->keys[at] = key;
    leaf->ids[at] = id;
    leaf->count++;
    if (other == nullptr) return nullptr;
    return leaf->next == other ? other : leaf;
  }
  // In the middle; where pairs come in order at the very end, the left one stays full.
  static Leaf* SplitLeaf(Leaf* leaf, uint32_t at) {
    Leaf* right = New<Leaf>();
    const uint32_t left =
        at == leaf->count && leaf->next == nullptr ? leaf->count : leaf->count / 2;
    Move(leaf, left, right, 0, leaf->count - left);
    right->count = leaf->count - left;
    leaf->count = left;
    right->next = leaf->next;
    right->prev = leaf;
    if (right->next != nullptr) right->next->prev = right;
    leaf->next = right;
    return right;
  }
  static Inner* SplitInner(Inner* inner, uint32_t at) {
    Inner* right = New<Inner>();
    const uint32_t left = at == inner->count ? inner->count - 1 : inner->count / 2;
    MoveInner(inner, left, right, 0, inner->count - left);
    right->count = inner->count - left;
    inner->count = left;
    return right;
  }
  static void Move(const Leaf* from, uint32_t from_at, Leaf* to, uint32_t to_at, uint32_t count) {
    std::memcpy(to->keys + to_at, from->keys + from_at, count * sizeof(Key));
    std::memcpy(to->ids + to_at, from->ids + from_at, count * sizeof(uint32_t));
  }
  static void MoveInner(const Inner* from, uint32_t from_at, Inner* to, uint32_t to_at,
                        uint32_t count) {
    std::memcpy(to->keys + to_at, from->keys + from_at, count * sizeof(Key));
    std::memcpy(to->ids + to_at, from->ids + from_at, count * sizeof(uint32_t));
    std::memcpy(to->sizes + to_at, from->sizes + from_at, count * sizeof(uint32_t));
    std::memcpy(to->children + to_at, from->children + from_at, count * sizeof(void*));
  }
  // Before a full leaf is split it gives a neighbour half of what that has room for, if it is worth
  // it: so most leaves are fuller than they would be otherwise.
  static bool SpillLeaf(Inner* parent, uint32_t at) {
    if (static_cast<Leaf*>(parent->children[at])->count < Leaf::kMax) return false;
    return (at + 1 < parent->count && SpillRight(parent, at)) || (at > 0 && SpillLeft(parent, at));
  }
  static uint32_t SpillSize(const Leaf* to) {
    constexpr uint32_t kLeast = 4;
    const uint32_t size = (Leaf::kMax - to->count) / 2;
    return size < kLeast ? 0 : size;
  }
  static bool SpillRight(Inner* parent, uint32_t at) {
    Leaf* leaf = static_cast<Leaf*>(parent->children[at]);
    Leaf* right = static_cast<Leaf*>(parent->children[at + 1]);
    const uint32_t moved = SpillSize(right);
    if (moved == 0) return false;
    Shift(right->keys, 0, moved, right->count);
    Shift(right->ids, 0, moved, right->count);
    leaf->count -= moved;
    Move(leaf, leaf->count, right, 0, moved);
    right->count += moved;
    Put(parent, at, leaf, 0);
    Put(parent, at + 1, right, 0);
    return true;
  }
  static bool SpillLeft(Inner* parent, uint32_t at) {
    Leaf* leaf = static_cast<Leaf*>(parent->children[at]);
    Leaf* left = static_cast<Leaf*>(parent->children[at - 1]);
    const uint32_t moved = SpillSize(left);
    if (moved == 0) return false;
    Move(leaf, 0, left, left->count, moved);
    left->count += moved;
    leaf->count -= moved;
    Shift(leaf->keys, moved, 0, leaf->count);
    Shift(leaf->ids, moved, 0, leaf->count);
    Put(parent, at - 1, left, 0);
    Put(parent, at, leaf, 0);
    return true;
  }

  void EraseFrom(void* node, int height, const Key& key, uint32_t id) {
    if (height == 0) {
      Leaf* leaf = static_cast<Leaf*>(node);
      const uint32_t at = PlaceIn(leaf, key, id);
      CHECK(at < leaf->count && leaf->ids[at] == id && Order::Equal(key, leaf->keys[at]));
      leaf->count--;
      Shift(leaf->keys, at + 1, at, leaf->count - at);
      Shift(leaf->ids, at + 1, at, leaf->count - at);
      return;
    }
    Inner* inner = static_cast<Inner*>(node);
    const uint32_t at = ChildFor(inner, key, id);
    if (height == 1) FetchWhole(inner->children[at]);
    EraseFrom(inner->children[at], height - 1, key, id);
    if (MayJoin(inner->children[at], height - 1)) return Join(inner, at, height - 1);
    CHECK(inner->sizes[at] > 0);
    inner->sizes[at]--;
    if (inner->ids[at] == id)  // it may have been the first
      std::tie(inner->keys[at], inner->ids[at]) = FirstOf(inner->children[at], height - 1);
  }
  static bool MayJoin(const void* node, int height) {
    return height == 0 ? static_cast<const Leaf*>(node)->count < kLeafMin
                       : static_cast<const Inner*>(node)->count < kInnerMin;
  }
  // After the child at `at` has lost something. A leaf that is nearly empty is joined with its
  // neighbour if that has room; so an empty one always is: every inner node but the root has more
  // children than one.
  void Join(Inner* inner, uint32_t at, int height) {
    if (inner->count > 1) {
      const uint32_t left = at + 1 < inner->count ? at : at - 1;
      if (height == 0 ? JoinLeaves(inner, left, at) : JoinInners(inner, left, at, height)) {
        ShiftInner(inner, left + 2, left + 1);
        inner->count--;
        at = left;
      }
    }
    Put(inner, at, inner->children[at], height);
  }
  bool JoinLeaves(Inner* parent, uint32_t left_at, uint32_t changed) {
    Leaf* left = static_cast<Leaf*>(parent->children[left_at]);
    Leaf* right = static_cast<Leaf*>(parent->children[left_at + 1]);
    const Leaf* small = static_cast<Leaf*>(parent->children[changed]);
    if (small->count >= kLeafMin) return false;
    if (left->count + right->count > Leaf::kMax) return false;
    Move(right, 0, left, left->count, right->count);
    left->count += right->count;
    left->next = right->next;
    if (left->next != nullptr) left->next->prev = left;
    Delete(right);
    return true;
  }
  bool JoinInners(Inner* parent, uint32_t left_at, uint32_t changed, int height) {
    Inner* left = static_cast<Inner*>(parent->children[left_at]);
    Inner* right = static_cast<Inner*>(parent->children[left_at + 1]);
    const Inner* small = static_cast<Inner*>(parent->children[changed]);
    CHECK(height > 0);
    if (small->count >= kInnerMin) return false;
    if (left->count + right->count > Inner::kMax) {
      Balance(left, right);
      Put(parent, left_at, left, height);
      Put(parent, left_at + 1, right, height);
      return false;
    }
    MoveInner(right, 0, left, left->count, right->count);
    left->count += right->count;
    Delete(right);
    return true;
  }

  static void Balance(Inner* left, Inner* right) {
    const uint32_t half = (left->count + right->count) / 2;
    if (left->count < half) {
      const uint32_t moved = half - left->count;
      MoveInner(right, 0, left, left->count, moved);
      ShiftInner(right, moved, 0);
      right->count -= moved;
      left->count = half;
    } else {
      const uint32_t moved = left->count - half;
      ShiftInner(right, 0, moved);
      MoveInner(left, half, right, 0, moved);
      right->count += moved;
      left->count = half;
    }
  }

  static void FreeInner(void* node, int height) {
    Inner* inner = static_cast<Inner*>(node);
    if (height > 1)
      for (uint32_t i = 0; i < inner->count; i++) FreeInner(inner->children[i], height - 1);
    Delete(inner);
  }

  static uint64_t CheckNode(const void* node, int height, const Leaf** last) {
    if (height == 0) {
      const Leaf* leaf = static_cast<const Leaf*>(node);
      CHECK(leaf->count > 0 && leaf->prev == *last);
      if (*last != nullptr) CHECK((*last)->next == leaf);
      *last = leaf;
      for (uint32_t i = 1; i < leaf->count; i++)
        CHECK(Less(leaf->keys[i - 1], leaf->ids[i - 1], leaf->keys[i], leaf->ids[i]));
      return leaf->count;
    }
    const Inner* inner = static_cast<const Inner*>(node);
    CHECK(inner->count > 0);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < inner->count; i++) {
      CHECK(CheckNode(inner->children[i], height - 1, last) == inner->sizes[i]);
      const auto [key, id] = FirstOf(inner->children[i], height - 1);
      CHECK(!Less(key, id, inner->keys[i], inner->ids[i]));
      CHECK(!Less(inner->keys[i], inner->ids[i], key, id));
      if (i > 0) CHECK(Less(inner->keys[i - 1], inner->ids[i - 1], key, id));
      sum += inner->sizes[i];
    }
    return sum;
  }

  void* root_ = nullptr;
  Leaf* first_leaf_ = nullptr;
  int height_ = 0;  // of the root; 0: it is a leaf
  uint64_t size_ = 0;
};

}  // namespace clustron::store
