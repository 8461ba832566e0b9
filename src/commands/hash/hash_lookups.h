// What looking fields up costs.
#pragma once

#include "commands/core/context.h"
#include "store/types/hash/hash_value.h"

namespace clustron::commands {

// True if the item's budget has room for as many lookups in a hash: a packed one is walked.
inline bool SpendLookups(Context& ctx, const store::HashValue& hash, size_t count) {
  constexpr uint64_t kNs = 5;
  return !hash.packed() || ctx.SpendEach(count * hash.size(), kNs);
}

}  // namespace clustron::commands
