// What an index is over, as INDEX CREATE says it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clustron::store {

// Numbers stay for good: they are in snapshots.
enum class IndexKind : uint8_t { kHash, kLabels, kKeys, kEnd };
inline constexpr std::string_view kIndexKindNames[] = {"HASH", "LABELS", "KEYS"};

enum class FieldType : uint8_t {
  kTag,   // the value's bytes
  kNum,   // a finite IEEE double
  kText,  // its ASCII words, in lower case
  kEnd,
};
inline constexpr std::string_view kFieldTypeNames[] = {"TAG", "NUM", "TEXT"};

struct IndexField {
  std::string name;
  FieldType type = FieldType::kTag;
  friend bool operator==(const IndexField&, const IndexField&) = default;
};

inline constexpr size_t kIndexFieldsMax = 64;
inline constexpr size_t kIndexPrefixesMax = 64;
inline constexpr size_t kIndexNameBytesMax = 256;
// A longer value is not in the index, and counted.
inline constexpr size_t kTagBytesMax = 1024;
inline constexpr size_t kTextBytesMax = 4096;

struct IndexDefinition {
  IndexKind kind = IndexKind::kHash;
  std::vector<std::string> prefixes;  // of keys; none: all keys
  std::string entity;                 // kLabels: only keys with this one; empty: all
  std::vector<IndexField> fields;     // kKeys: none

  friend bool operator==(const IndexDefinition&, const IndexDefinition&) = default;
  // A field of a key may have many values.
  bool many_values() const { return kind == IndexKind::kLabels; }
  bool CoversKey(std::string_view key) const {
    if (prefixes.empty()) return true;
    for (const std::string& prefix : prefixes)
      if (key.starts_with(prefix)) return true;
    return false;
  }
};

}  // namespace clustron::store
