// The rows of all types, in the order of Type.
#include <array>
#include <cstddef>

#include "base/check.h"
#include "store/keyspace/value_type.h"
#include "store/types/hash/hash_type.h"
#include "store/types/list/list_type.h"
#include "store/types/string/string_type.h"

namespace clustron::store {

namespace {

// Null: not in the program yet. A type that is left out here is a warning, and so an error.
constexpr const ValueType* RowOf(Type type) {
  switch (type) {
    case Type::kString:
      return &kStringType;
    case Type::kList:
      return &kListType;
    case Type::kHash:
      return &kHashType;
    case Type::kSet:
    case Type::kZset:
    case Type::kStream:
    case Type::kEnd:
      break;
  }
  return nullptr;
}

constexpr std::array<const ValueType*, kTypes> kRows = [] {
  std::array<const ValueType*, kTypes> rows{};
  for (size_t i = 0; i < kTypes; ++i) rows[i] = RowOf(static_cast<Type>(i));
  return rows;
}();

constexpr bool Complete(const ValueType& row) {
  return row.bytes == (row.parts_per_element == 0) && row.count != nullptr &&
         row.encoding != nullptr && row.packed != nullptr && row.stored_bytes != nullptr &&
         row.memory_usage != nullptr && row.parts != nullptr && row.freeze != nullptr &&
         row.build != nullptr && row.share != nullptr && row.destroy != nullptr &&
         row.set_aside != nullptr;
}

constexpr bool AllComplete() {
  for (size_t i = 0; i < kRows.size(); ++i)
    if (kRows[i] != nullptr && (static_cast<size_t>(kRows[i]->type) != i || !Complete(*kRows[i])))
      return false;
  return true;
}
static_assert(AllComplete(), "a row lacks something, or stands at another type's place");

}  // namespace

const ValueType* FindValueType(Type type) {
  const auto index = static_cast<size_t>(type);
  return index < kRows.size() ? kRows[index] : nullptr;
}

const ValueType& ValueTypeOf(Type type) {
  const ValueType* row = FindValueType(type);
  CHECK(row != nullptr);
  return *row;
}

}  // namespace clustron::store
