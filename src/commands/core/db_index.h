// Database numbers in arguments.
#pragma once

#include "commands/core/arg_cursor.h"
#include "store/keyspace/store.h"

namespace clustron::commands {

constexpr bool IsDbIndex(int64_t number) { return number >= 0 && number < store::kDatabases; }

// The next argument as a database's number, with Redis's three different complaints.
inline int TakeDbIndex(ArgCursor& args) {
  const int64_t number = args.Int();
  if (number < INT32_MIN || number > INT32_MAX) {
    args.Fail(kErrBeyondInt32);
  }
  if (!IsDbIndex(number)) args.Fail(kErrDbOutOfRange);
  return args.ok() ? static_cast<int>(number) : 0;
}

}  // namespace clustron::commands
