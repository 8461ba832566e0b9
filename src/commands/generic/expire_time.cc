#include "commands/generic/expire_time.h"

#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/error_text.h"

namespace clustron::commands {

using store::Deadline;

bool TakeExpireOption(ArgCursor& args, ExpireOption* out) {
  const auto take = [&](std::string_view word, TimeUnit unit, TimeBase base) {
    if (!args.Option(word)) return false;
    *out = {args.Next(), unit, base};
    return true;
  };
  return take("EX", TimeUnit::kSeconds, TimeBase::kNow) ||
         take("PX", TimeUnit::kMs, TimeBase::kNow) ||
         take("EXAT", TimeUnit::kSeconds, TimeBase::kUnix) ||
         take("PXAT", TimeUnit::kMs, TimeBase::kUnix);
}

std::optional<Deadline> MakeDeadline(const Context& ctx, int64_t value, TimeUnit unit,
                                     TimeBase base) {
  if (unit == TimeUnit::kSeconds) {
    if (value > INT64_MAX / 1000 || value < INT64_MIN / 1000) return std::nullopt;
    value *= 1000;
  }
  if (base == TimeBase::kUnix) return Deadline::Wall(value);
  // COMPAT: Redis makes unix times of relative ones and refuses those that overflow.
  if (value > INT64_MAX - ctx.store.wall_ms()) return std::nullopt;
  return ctx.store.RelativeDeadline(value);
}

std::optional<Deadline> ExpireOptionDeadline(Context& ctx, const ExpireOption& option) {
  const std::optional<int64_t> value = ParseInt64(option.text);
  if (!value) {
    ctx.reply.Error(kErrNotInteger);
    return std::nullopt;
  }
  const std::optional<Deadline> deadline =
      *value <= 0 ? std::nullopt : MakeDeadline(ctx, *value, option.unit, option.base);
  if (!deadline) ctx.reply.Error(InvalidExpireTime(*ctx.spec));
  return deadline;
}

}  // namespace clustron::commands
