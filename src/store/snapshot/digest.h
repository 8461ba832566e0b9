// One key's part of the store's full digest, fed piece by piece.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"
#include "base/rng.h"
#include "store/keyspace/digester.h"
#include "store/keyspace/key_meta.h"
#include "store/keyspace/key_record.h"

namespace clustron::store {

// Then KeyDigestPart for each part of the value (value_type.h), on its running sum. How a string is
// cut counts: it is summed as it is kept, in its pieces.
uint64_t KeyDigestBegin(int db, std::string_view key, Type type, const KeyMeta& meta,
                        uint64_t size);
inline uint64_t KeyDigestPart(uint64_t sum, std::string_view part) {
  return HashBytes(part, Mix64(sum ^ part.size()));
}
uint64_t KeyDigest(int db, const KeyRecord& e);

}  // namespace clustron::store
