// What data commands have to do with leases: SET … LEASE attaches, EXPIRE is refused.
#pragma once

#include <string_view>

#include "commands/core/context.h"
#include "store/keyspace/key_record.h"

namespace clustron::commands {

// Whether a key that is about to be replaced can be attached to the lease: replies -NOLEASE when
// there is no such lease, an error when it is full.
bool CheckAttach(Context& ctx, std::string_view lease_id, std::string_view key);

// A key that ends with a lease has no end of its own: replies an error if it is attached to one.
bool CheckNoLease(Context& ctx, const store::KeyRecord& record);

}  // namespace clustron::commands
