// The list of replicated tables, in the order in which snapshots have them: a row may refer to rows
// of tables before its own.
#pragma once

#include <cstddef>
#include <type_traits>

#include "store/keyspace/store.h"

namespace clustron::store {

class IndexTable;
class LabelTable;
class LeaseTable;
class LockTable;
class OnceTable;
class TxnTable;
class WaitTable;

template <typename... T>
struct TableList {
  template <typename Wanted>
  static constexpr size_t PlaceOf() {
    size_t place = 0;
    ((std::is_same_v<T, Wanted> || (++place, false)) || ...);
    static_assert((std::is_same_v<T, Wanted> || ...), "not in the list");
    return place;
  }
};

using Tables =
    TableList<OnceTable, LeaseTable, LockTable, WaitTable, TxnTable, LabelTable, IndexTable>;

template <typename T>
T& TableOf(Store& store) {
  return static_cast<T&>(store.replicated_table(Tables::PlaceOf<T>()));
}
template <typename T>
const T& TableOf(const Store& store) {
  return static_cast<const T&>(store.replicated_table(Tables::PlaceOf<T>()));
}

}  // namespace clustron::store
