// How commands change strings; see mutation.h. Arguments may not point into the key's value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "store/keyspace/mutation.h"

namespace clustron::store {

// What SetString keeps of the key's attributes.
enum class Keep : uint8_t {
  kNothing,      // SET: deadline, lease and labels go
  kTtlAndLease,  // SET … KEEPTTL
  kAll,          // a value computed from the old one (INCR, GETSET-like modifications)
};

// How a string that replaces another is kept; see Form.
enum class StringForm : uint8_t {
  kAuto,  // int if it is a canonical int64, embstr up to 44 bytes, else raw: SET, INCR
  kText,  // never int: INCRBYFLOAT's result
  kRaw,   // BITOP, and values changed in place
};

// Creates the key or replaces whatever it holds, of any type. `deadline`, if it exists, becomes the
// key's (SET … EX, in one go); REQUIRES then: it is not due, and no lease is kept.
void SetString(Mutation& m, std::string_view value, Keep keep = Keep::kNothing,
               StringForm form = StringForm::kAuto, Deadline deadline = {});

// These change in place; an absent key counts as empty and is created. REQUIRES: absent or a
// string. The caller has checked proto-max-bulk-len.
void AppendString(Mutation& m, std::string_view bytes);
// Zero-filled up to `offset`; grows as needed. REQUIRES: bytes not empty.
void WriteString(Mutation& m, size_t offset, std::string_view bytes);
// The old bit. Bit 0 is the highest of byte 0 (SETBIT's count); grows with zeros. Growing counts as
// a change, writing the same bit does too (as in Redis, SETBIT is always dirty).
bool SetStringBit(Mutation& m, uint64_t bit_offset, bool bit);

}  // namespace clustron::store
