// The end of a key as commands give it: EX seconds, PX milliseconds, EXAT and PXAT unix times.
#pragma once

#include <cstdint>
#include <optional>

#include "commands/core/arg_cursor.h"
#include "store/keyspace/key_record.h"

namespace clustron::commands {

enum class TimeUnit : uint8_t { kSeconds, kMs };
enum class TimeBase : uint8_t { kNow, kUnix };

struct ExpireOption {
  std::string_view text;
  TimeUnit unit = TimeUnit::kSeconds;
  TimeBase base = TimeBase::kNow;

  bool SameKind(const ExpireOption& other) const {
    return unit == other.unit && base == other.base;
  }
};

// Takes EX, PX, EXAT or PXAT with its value if that is what comes next.
bool TakeExpireOption(ArgCursor& args, ExpireOption* out);

// What an option of SET, GETEX or SETEX means. Replies and returns nothing if it is not a positive
// number in range ("invalid expire time in 'set' command").
std::optional<store::Deadline> ExpireOptionDeadline(Context& ctx, const ExpireOption& option);

// The deadline `value` units from the base; nothing if it does not fit.
std::optional<store::Deadline> MakeDeadline(const Context& ctx, int64_t value, TimeUnit unit,
                                            TimeBase base);

}  // namespace clustron::commands
