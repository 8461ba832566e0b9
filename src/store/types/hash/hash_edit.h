// How commands change hashes; see mutation.h. Arguments may not point into the key's value.
#pragma once

#include <string_view>

#include "store/keyspace/mutation.h"

namespace clustron::store {

// True if the field is new. Creates the key when absent. REQUIRES: absent or a hash.
bool SetHashField(Mutation& m, std::string_view field, std::string_view value);
// True if it was there. The key goes with its last field (kind delete, see Mutation::Commit).
bool DeleteHashField(Mutation& m, std::string_view field);

}  // namespace clustron::store
