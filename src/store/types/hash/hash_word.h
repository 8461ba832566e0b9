// How the store changes hash values, and takes changes back. See hash_value.h.
#pragma once

#include <memory>
#include <string_view>

#include "store/types/hash/hash_value.h"

namespace clustron::store {

struct HashItem;

// The inverse of one change; owns what was set aside.
class HashUndo {
 public:
  enum class Kind : uint8_t { kNone, kBlock, kAdd, kReplace, kRemove };
  HashUndo() = default;
  HashUndo(HashUndo&& other) noexcept;
  HashUndo& operator=(HashUndo&&) = delete;
  ~HashUndo();  // forgets: frees what was set aside
  // Of a block that was copied for it; items were not.
  size_t kept_bytes() const;

 private:
  friend class HashWord;
  Kind kind_ = Kind::kNone;
  uintptr_t word_ = 0;        // kBlock: the whole value before (packed)
  size_t place_ = 0;          // kReplace, kRemove
  HashItem* item_ = nullptr;  // kReplace, kRemove
};

class HashWord {
 public:
  // An empty packed hash as an entry's word; Destroy frees any.
  static uintptr_t New();
  static void Destroy(uintptr_t word);
  // An equal value: same order, big ones share their chunks.
  static uintptr_t Copy(const HashValue& h);
  // A word as the value that it is.
  static HashValue& From(void* word) { return *static_cast<HashValue*>(word); }

  // True if the field is new. Becomes a table when `limits` say so; `seed` keys its hash.
  // `undo`, unless null, receives the inverse.
  static bool Set(HashValue& h, std::string_view field, std::string_view value, HashLimits limits,
                  uint64_t seed, HashUndo* undo);
  // True if it was there.
  static bool Remove(HashValue& h, std::string_view field, HashUndo* undo);
  static void Undo(HashValue& h, HashUndo& undo);

  // Loading: turns an empty value into a table, whatever the limits say.
  static void MakeBig(HashValue& h, uint64_t seed);

  static BigHash* Big(uintptr_t word) { return reinterpret_cast<BigHash*>(word); }
  static bool IsPacked(uintptr_t word) { return (word & 1) != 0; }

 private:
  static PackedHash* Packed(uintptr_t word) { return reinterpret_cast<PackedHash*>(word & ~1UL); }
  static uintptr_t Word(PackedHash* p) { return reinterpret_cast<uintptr_t>(p) | 1; }
  // The packed block to change in place: the value's own, or a copy when the old one is set aside.
  static PackedHash* Writable(HashValue& h, HashUndo* undo);
};

}  // namespace clustron::store
