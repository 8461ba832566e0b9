// Bit offsets in arguments: SETBIT, GETBIT, BITFIELD.
#pragma once

#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/string/errors.h"

namespace clustron::commands {

// An offset within the longest string there may be. `width` != 0: "#3" is the third field of that
// width.
inline uint64_t TakeBitOffset(ArgCursor& args, uint64_t width = 0) {
  std::string_view text = args.Next();
  uint64_t scale = 1;
  if (width != 0 && !text.empty() && text[0] == '#') {
    text.remove_prefix(1);
    scale = width;
  }
  const std::optional<int64_t> number = ParseInt64(text);
  if (args.ok() &&
      (!number || *number < 0 || static_cast<uint64_t>(*number) >= kStringBytesMax * 8 / scale)) {
    args.Fail(kErrBitOffset);
  }
  return args.ok() ? static_cast<uint64_t>(*number) * scale : 0;
}

}  // namespace clustron::commands
