#include "commands/core/waiting.h"

#include <cmath>

#include "base/check.h"
#include "base/numeric.h"
#include "commands/core/errors.h"

namespace clustron::commands {

std::optional<int64_t> TimeoutMs(Context& ctx, std::string_view seconds) {
  const std::optional<long double> number = ParseLongDouble(seconds);
  if (!number) {
    ctx.reply.Error(kErrTimeoutSeconds);
    return std::nullopt;
  }
  const long double ms = std::ceil(*number * 1000);
  if (ms < 0) {
    ctx.reply.Error(kErrTimeoutNegative);
    return std::nullopt;
  }
  // COMPAT: as Redis 7.2 has it; 7.0 calls this negative.
  if (ms > static_cast<long double>(INT64_MAX / 2)) {
    ctx.reply.Error(kErrTimeoutRange);
    return std::nullopt;
  }
  return static_cast<int64_t>(ms);
}

bool WaitFor(Context& ctx, Args keys, store::Type type, int64_t timeout_ms) {
  CHECK(!keys.empty());
  if (ctx.depth > 0) return false;
  ctx.verdict.wait = Verdict::Wait{.keys = keys, .type = type, .timeout_ms = timeout_ms};
  return true;
}

void ReplyTimedOut(resp::ReplyWriter& reply) { reply.NullArray(); }

}  // namespace clustron::commands
