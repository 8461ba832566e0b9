// Conditions on a key's present value: NX and XX of SET, IFREV, and IFEQ/IFNE/IFDEQ/IFDNE as Redis
// 8.4 has them for SET and DELEX.
#pragma once

#include <cstdint>
#include <string_view>

#include "commands/core/arg_cursor.h"
#include "store/keyspace/key_record.h"
#include "store/types/string/string_value.h"

namespace clustron::commands {

struct Compare {
  enum class Kind : uint8_t {
    kNone,
    kAbsent,       // NX
    kPresent,      // XX
    kRevision,     // IFREV: the key's revision; 0: absent
    kEqual,        // IFEQ
    kNotEqual,     // IFNE; true of an absent key
    kDigest,       // IFDEQ: DIGEST's 16 hexadecimal digits
    kOtherDigest,  // IFDNE
  };
  Kind kind = Kind::kNone;
  std::string_view text;
  uint64_t revision = 0;

  // Those look at the value, so that another type is an error.
  bool needs_string() const { return kind >= Kind::kEqual; }
  // Of the value, to judge it: those that are not bounded by the condition's own text.
  uint64_t bytes_read(const store::KeyRecord* record) const {
    const bool whole = kind == Kind::kDigest || kind == Kind::kOtherDigest;
    return whole && record != nullptr ? StringOf(*record).size() : 0;
  }
  // REQUIRES: absent or, if needs_string(), a string.
  bool Holds(const store::KeyRecord* record) const;
};

// Takes one condition if it comes next; a second one is a syntax error. NX and XX only
// `with_existence`.
bool TakeCompare(ArgCursor& args, Compare* out, bool with_existence);

}  // namespace clustron::commands
