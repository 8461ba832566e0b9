// A type's kind of value in RDB files, which has the type's own number: what RDB knows no store,
// and the store knows no RDB.
#pragma once

#include "persist/rdb_format.h"
#include "store/keyspace/key_record.h"

namespace clustron::commands {

constexpr persist::RdbKind RdbKindOf(store::Type type) {
  return static_cast<persist::RdbKind>(type);
}
constexpr store::Type TypeOf(persist::RdbKind kind) { return static_cast<store::Type>(kind); }

static_assert(TypeOf(persist::RdbKind::kList) == store::Type::kList);
static_assert(TypeOf(persist::RdbKind::kSet) == store::Type::kSet);
static_assert(TypeOf(persist::RdbKind::kZset) == store::Type::kZset);
static_assert(TypeOf(persist::RdbKind::kHash) == store::Type::kHash);
static_assert(TypeOf(persist::RdbKind::kStream) == store::Type::kStream);
static_assert(TypeOf(persist::RdbKind::kEnd) == store::Type::kEnd);

}  // namespace clustron::commands
