// Arguments that LEASE and LOCK share.
#pragma once

#include "commands/coordination/errors.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/list_page.h"

namespace clustron::commands {

inline constexpr int64_t kTtlMinMs = 100;
inline constexpr int64_t kTtlMaxMs = 30LL * 24 * 3600 * 1000;
inline constexpr size_t kOwnerBytesMax = 256;

inline int64_t TakeTtlMs(ArgCursor& args) { return args.IntIn(kTtlMinMs, kTtlMaxMs, kErrTtlRange); }
inline std::string_view TakeOwner(ArgCursor& args) {
  const std::string_view owner = args.Next();
  if (owner.size() > kOwnerBytesMax) args.Fail(kErrOwnerSize);
  return owner;
}

}  // namespace clustron::commands
