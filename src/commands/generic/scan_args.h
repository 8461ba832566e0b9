// The options that SCAN and its relatives share.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "commands/core/arg_cursor.h"

namespace clustron::commands {

class Context;

struct ScanOptions {
  uint64_t cursor = 0;
  int64_t count = 10;
  std::string_view pattern;  // only if has_pattern
  std::string_view type;     // only if has_type
  bool has_pattern = false;
  bool has_type = false;

  bool Matches(std::string_view text) const;
};

// Reads cursor and options; TYPE only `with_type`. Errors are in `args`.
ScanOptions TakeScanOptions(ArgCursor& args, bool with_type);

// The cursor and the count of what was found, in front of what was replied since `place`.
void PutScanHeader(Context& ctx, uint64_t place, uint64_t next, size_t found);

// A cursor as clients send it back. Nothing if it is no number.
std::optional<uint64_t> ParseScanCursor(std::string_view text);

}  // namespace clustron::commands
