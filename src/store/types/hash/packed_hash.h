// A small hash in one block, in insertion order:
//
//   | bytes in use 4 | count 4 | items … |     item: varint size, field, varint size, value
//
// Every operation walks; that is faster than hashing for the sizes that it is kept to.
#pragma once

#include <cstdint>
#include <string_view>

#include "store/types/hash/hash_value.h"

namespace clustron::store {

class PackedHash {
 public:
  static PackedHash* New();
  static void Delete(PackedHash* p);
  PackedHash* Clone() const;

  uint32_t count() const { return count_; }
  // Offset of an item, or kNone.
  static constexpr size_t kNone = SIZE_MAX;
  size_t Find(std::string_view field) const;
  // Items by offset: from begin() while != end().
  size_t begin() const { return sizeof(PackedHash); }
  size_t end() const { return bytes_; }
  // Reads the item at `at` and moves `at` behind it.
  FieldValue Read(size_t& at) const;
  size_t OffsetOf(size_t index) const;

  // These return the block, which may have moved. `at` is a valid offset of Find's.
  [[nodiscard]] static PackedHash* Add(PackedHash* p, std::string_view field,
                                       std::string_view value);
  [[nodiscard]] static PackedHash* Replace(PackedHash* p, size_t at, std::string_view value);
  [[nodiscard]] static PackedHash* Remove(PackedHash* p, size_t at);

  size_t MemoryUsage() const;

 private:
  const char* data() const { return reinterpret_cast<const char*>(this); }
  char* data() { return reinterpret_cast<char*>(this); }
  // Makes the bytes [at, at + old_size) `new_size` bytes long.
  static PackedHash* Splice(PackedHash* p, size_t at, size_t old_size, size_t new_size);

  uint32_t bytes_;
  uint32_t count_;
};

}  // namespace clustron::store
