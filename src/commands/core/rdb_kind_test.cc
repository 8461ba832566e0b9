#include "commands/core/rdb_kind.h"

#include "store/keyspace/value_type.h"

// Behind base/check.h: in tests CHECK is doctest's.
// clang-format off
#include <doctest/doctest.h>
// clang-format on

namespace clustron::commands {

TEST_CASE("an element has as many parts in RDB files as in the store, whatever its type") {
  int types = 0;
  for (size_t i = 0; i < store::kTypes; i++) {
    const auto type = static_cast<store::Type>(i);
    const store::ValueType* row = store::FindValueType(type);
    if (row == nullptr) continue;
    INFO(store::TypeName(type));
    const persist::RdbShape* shape = persist::WrittenShape(RdbKindOf(type));
    REQUIRE(shape != nullptr);
    CHECK(shape->parts_per_element == row->parts_per_element);
    ++types;
  }
  CHECK(types >= 3);
}

}  // namespace clustron::commands
