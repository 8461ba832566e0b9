// Databases in arguments: their numbers, and the names that database-names gives them.
#pragma once

#include <optional>

#include "base/numeric.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/error_text.h"
#include "store/keyspace/database_names.h"
#include "store/keyspace/store.h"

namespace clustron::commands {

constexpr bool IsDbIndex(int64_t number) { return number >= 0 && number < store::kDatabases; }

// The database that a text means; nothing if it means none. A name is never a number.
inline std::optional<int> FindDb(const store::Store& store, std::string_view text) {
  const std::optional<int64_t> number = ParseInt64(text);
  if (!number) return store::DatabaseNamed(store.settings(), text);
  if (!IsDbIndex(*number)) return std::nullopt;
  return static_cast<int>(*number);
}

// The next argument as a database, with Redis's three different complaints. Where databases have
// names, what is no number is taken for one.
inline int TakeDb(ArgCursor& args, const store::Store& store) {
  if (args.HasNext() && !ParseInt64(args.Peek()) && store::HasDatabaseNames(store.settings())) {
    const std::string_view name = args.Next();
    const std::optional<int> db = store::DatabaseNamed(store.settings(), name);
    if (!db) args.FailWith(NoSuchDatabase(name));
    return db.value_or(0);
  }
  const int64_t number = args.Int();
  if (number < INT32_MIN || number > INT32_MAX) {
    args.Fail(kErrBeyondInt32);
  }
  if (!IsDbIndex(number)) args.Fail(kErrDbOutOfRange);
  return args.ok() ? static_cast<int>(number) : 0;
}

}  // namespace clustron::commands
