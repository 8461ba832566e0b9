#include "store/tables/tables.h"

#include "base/check.h"
#include "store/tables/index_table.h"
#include "store/tables/label_table.h"
#include "store/tables/lease_table.h"
#include "store/tables/lock_table.h"
#include "store/tables/once_table.h"
#include "store/tables/txn_table.h"
#include "store/tables/wait_table.h"

namespace clustron::store {

namespace {

template <typename... T>
std::vector<std::unique_ptr<ReplicatedTable>> NewAll(TableList<T...>, Store& store) {
  std::vector<std::unique_ptr<ReplicatedTable>> tables;
  (tables.push_back(std::make_unique<T>(store)), ...);
  for (size_t i = 0; i < tables.size(); i++) {
    for (size_t k = 0; k < i; k++) CHECK(tables[k]->section() != tables[i]->section());
  }
  return tables;
}

}  // namespace

std::vector<std::unique_ptr<ReplicatedTable>> NewReplicatedTables(Store& store) {
  return NewAll(Tables(), store);
}

}  // namespace clustron::store
