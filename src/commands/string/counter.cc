// Strings as numbers: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT. INCREX is in bounded_counter.cc.
#include <cmath>

#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/string/errors.h"
#include "commands/string/number_text.h"
#include "store/types/string/string_edit.h"

namespace clustron::commands {

using store::EventClass;
using store::Keep;
using store::Mutation;
using store::StringForm;
using store::Type;

namespace {

void Increment(Context& ctx, int64_t by) {
  Mutation m = Modify(ctx, ctx.args[1]);
  int64_t value = 0;
  if (m.exists()) {
    if (!CheckType(ctx, m.record(), Type::kString)) return;
    store::Scratch scratch;
    const std::optional<int64_t> old = ParseInt64(NumberText(*m.record(), scratch));
    if (!old) return ctx.reply.Error(kErrNotInteger);
    value = *old;
  }
  if (__builtin_add_overflow(value, by, &value)) return ctx.reply.Error(kErrIncrOverflow);
  SetString(m, Decimal(value), Keep::kAll);
  m.Commit({EventClass::kString, "incrby"});
  ctx.reply.Int(value);
}

}  // namespace

void CmdIncr(Context& ctx) { Increment(ctx, 1); }
void CmdDecr(Context& ctx) { Increment(ctx, -1); }

void CmdIncrby(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const int64_t by = args.Int();
  if (!args.ok()) return ctx.reply.Error(args.error());
  Increment(ctx, by);
}

void CmdDecrby(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const int64_t by = args.Int();
  if (args.ok() && by == INT64_MIN) args.Fail(kErrDecrOverflow);
  if (!args.ok()) return ctx.reply.Error(args.error());
  Increment(ctx, -by);
}

void CmdIncrbyfloat(Context& ctx) {
  Mutation m = Modify(ctx, ctx.args[1]);
  long double value = 0;
  if (m.exists()) {
    if (!CheckType(ctx, m.record(), Type::kString)) return;
    store::Scratch scratch;
    const std::optional<long double> old = ParseLongDouble(NumberText(*m.record(), scratch));
    if (!old) return ctx.reply.Error(kErrNotFloat);
    value = *old;
  }
  const std::optional<long double> by = ParseLongDouble(ctx.args[2]);
  if (!by) return ctx.reply.Error(kErrNotFloat);
  value += *by;
  if (!std::isfinite(value)) return ctx.reply.Error(kErrIncrNotFinite);
  const std::string text = FormatLongDouble(value);
  if (!ctx.HasReplyRoom(text.size() + kBulkFrameBytes)) return;  // it may be long
  SetString(m, text, Keep::kAll, StringForm::kText);
  m.Commit({EventClass::kString, "incrbyfloat"});
  ctx.reply.Bulk(text);
}

}  // namespace clustron::commands
