// INCREX: a counter with bounds and an end, in one step.
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/generic/attach.h"
#include "commands/generic/expire_time.h"
#include "commands/string/errors.h"
#include "commands/string/number_text.h"
#include "store/types/string/string_edit.h"

namespace clustron::commands {

using store::EventClass;
using store::Keep;
using store::KeyRecord;
using store::Mutation;
using store::StringForm;
using store::Type;

namespace {

using Text = std::optional<std::string_view>;

struct IncrexOptions {
  Text by_int;
  Text by_float;
  Text lower;
  Text upper;
  bool saturate = false;
  std::optional<ExpireOption> expire;
  bool persist = false;
  bool if_endless = false;  // ENX
};

bool TakeOnce(ArgCursor& args, std::string_view word, Text* out) {
  if (out->has_value() || !args.Option(word)) return false;
  *out = args.Next();
  return true;
}

bool TakeFlagOnce(ArgCursor& args, std::string_view word, bool* out) {
  if (*out || !args.Token(word)) return false;
  return *out = true;
}

// COMPAT: in any order, each at most once; what excludes each other is a syntax error.
IncrexOptions ParseIncrex(ArgCursor& args) {
  IncrexOptions o;
  ExpireOption end;
  while (args.HasNext()) {
    if (!o.by_float && TakeOnce(args, "BYINT", &o.by_int)) continue;
    if (!o.by_int && TakeOnce(args, "BYFLOAT", &o.by_float)) continue;
    if (TakeOnce(args, "LBOUND", &o.lower) || TakeOnce(args, "UBOUND", &o.upper)) continue;
    if (TakeFlagOnce(args, "SATURATE", &o.saturate)) continue;
    if (!o.persist && TakeFlagOnce(args, "ENX", &o.if_endless)) continue;
    if (!o.expire && !o.if_endless && TakeFlagOnce(args, "PERSIST", &o.persist)) continue;
    if (!o.expire && !o.persist && TakeExpireOption(args, &end)) {
      o.expire = end;
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (args.ok() && o.if_endless && !o.expire) args.Fail(kErrEnxNeedsEnd);
  return o;
}

// What differs between the two kinds of numbers.
struct Whole {
  using Number = int64_t;
  static constexpr StringForm kForm = StringForm::kAuto;
  static constexpr std::string_view kEvent = "incrby";
  static constexpr std::string_view kNoNumber = kErrNotInteger;
  static constexpr std::string_view kMustBe = kNotAnInteger;
  static std::optional<Number> Parse(std::string_view text) { return ParseInt64(text); }
  static bool IsFinite(Number) { return true; }
  // Beyond all numbers it is the outermost one, and *beyond.
  static Number Sum(Number a, Number b, bool* beyond) {
    Number sum;
    *beyond = __builtin_add_overflow(a, b, &sum);
    if (!*beyond) return sum;
    return b < 0 ? std::numeric_limits<Number>::min() : std::numeric_limits<Number>::max();
  }
  static std::optional<Number> Difference(Number a, Number b) {
    Number difference;
    if (__builtin_sub_overflow(a, b, &difference)) return std::nullopt;
    return difference;
  }
  static std::string Print(Number value) { return std::string(Decimal(value).view()); }
  static void Reply(resp::ReplyWriter& reply, Number value) { reply.Int(value); }
};

struct Fraction {
  using Number = long double;
  static constexpr StringForm kForm = StringForm::kText;
  static constexpr std::string_view kEvent = "incrbyfloat";
  static constexpr std::string_view kNoNumber = kErrNotFloat;
  static constexpr std::string_view kMustBe = kNotAFloat;
  static std::optional<Number> Parse(std::string_view text) { return ParseLongDouble(text); }
  static bool IsFinite(Number value) { return std::isfinite(value); }
  static Number Sum(Number a, Number b, bool* beyond) {
    const Number sum = a + b;
    *beyond = !std::isfinite(sum);
    return *beyond ? std::copysign(LDBL_MAX, sum) : sum;
  }
  static std::optional<Number> Difference(Number a, Number b) {
    const Number difference = a - b;
    return std::isfinite(difference) ? std::optional(difference) : std::nullopt;
  }
  static std::string Print(Number value) { return FormatLongDouble(value); }
  // COMPAT: a double in RESP3, with more digits than a double has; a bulk string in RESP2.
  static void Reply(resp::ReplyWriter& reply, Number value) {
    if (reply.version() < 3) return reply.Bulk(Print(value));
    reply.Raw("," + Print(value) + "\r\n");
  }
};

template <typename Kind>
struct Step {
  typename Kind::Number by = 1;
  typename Kind::Number lower = std::numeric_limits<typename Kind::Number>::lowest();
  typename Kind::Number upper = std::numeric_limits<typename Kind::Number>::max();
  bool saturate = false;
};

template <typename Kind>
Step<Kind> ParseStep(ArgCursor& args, const IncrexOptions& o, const Text& by) {
  Step<Kind> step{.saturate = o.saturate};
  const auto take = [&](std::string_view name, const Text& text, typename Kind::Number* out) {
    if (!text) return;
    const auto value = Kind::Parse(*text);
    if (!value) return args.FailWith(BadArgument(name, Kind::kMustBe));
    if (!Kind::IsFinite(*value)) return args.FailWith(BadArgument(name, kNotInfinity));
    *out = *value;
  };
  take("Increment", by, &step.by);
  take("LBOUND", o.lower, &step.lower);
  take("UBOUND", o.upper, &step.upper);
  if (args.ok() && step.lower > step.upper) args.Fail(kErrBoundsCross);
  return step;
}

// What the number becomes; nothing if it would leave the bounds and is not held at them. A number
// outside of them already may come in, but not go on.
template <typename Kind>
std::optional<typename Kind::Number> Advance(const Step<Kind>& step, typename Kind::Number old) {
  bool beyond = false;
  const auto sum = Kind::Sum(old, step.by, &beyond);
  if (!beyond && sum >= step.lower && sum <= step.upper) return sum;
  if (!step.saturate) return std::nullopt;
  return sum > step.upper ? step.upper : sum < step.lower ? step.lower : sum;
}

template <typename Kind>
void ReplyPair(Context& ctx, typename Kind::Number value, typename Kind::Number applied) {
  ctx.reply.Array(2);
  Kind::Reply(ctx.reply, value);
  Kind::Reply(ctx.reply, applied);
}

// Writes the number and what becomes of the key's end.
void Write(Context& ctx, Mutation& m, std::string_view text, StringForm form,
           std::string_view event, const std::optional<store::Deadline>& deadline, bool persist) {
  // COMPAT: with an end in the past the key is deleted, and that is all that is told.
  if (deadline && deadline->DueAt(ctx.store.elapsed_ms(), ctx.store.wall_ms())) {
    if (m.exists()) m.Delete();
    m.Commit(kEventDel);
    return;
  }
  SetString(m, text, Keep::kAll, form);
  if (deadline) m.SetDeadline(*deadline);
  const bool persisted = persist && m.ClearDeadline();
  m.Commit({EventClass::kString, event});
  if (deadline) ctx.Writable().Notify(ctx.db, ctx.args[1], kEventExpire);
  if (persisted) ctx.Writable().Notify(ctx.db, ctx.args[1], kEventPersist);
}

// The number at the key, 0 of an absent one. Nothing: it is none, and that was replied.
template <typename Kind>
std::optional<typename Kind::Number> NumberAt(Context& ctx, const KeyRecord* record) {
  if (record == nullptr) return 0;
  if (!CheckType(ctx, record, Type::kString)) return std::nullopt;
  store::Scratch scratch;
  const auto value = Kind::Parse(NumberText(*record, scratch));
  if (value && Kind::IsFinite(*value)) return value;
  ctx.reply.Error(value ? kErrValueInfinite : Kind::kNoNumber);
  return std::nullopt;
}

template <typename Kind>
void Run(Context& ctx, const IncrexOptions& o, const Step<Kind>& step,
         std::optional<store::Deadline> deadline) {
  Mutation m = Modify(ctx, ctx.args[1]);
  const auto old = NumberAt<Kind>(ctx, m.record());
  if (!old) return;
  const auto now = Advance(step, *old);
  if (!now) return ReplyPair<Kind>(ctx, *old, 0);
  const auto applied = Kind::Difference(*now, *old);
  if (!applied) return ctx.reply.Error(kErrAppliedOverflow);
  if (deadline && m.exists()) {
    // A lease is an end too.
    const bool ends = m.record()->has_deadline() || m.record()->has_lease();
    if (ends && o.if_endless) {
      deadline = std::nullopt;
    } else if (!CheckNoLease(ctx, *m.record())) {
      return;
    }
  }
  const std::string text = Kind::Print(*now);
  const size_t reply_bytes = text.size() + Kind::Print(*applied).size() + 2 * kBulkFrameBytes;
  if (!ctx.HasReplyRoom(reply_bytes)) return;  // fractions may be long
  Write(ctx, m, text, Kind::kForm, Kind::kEvent, deadline, o.persist);
  ReplyPair<Kind>(ctx, *now, *applied);
}

template <typename Kind>
void Increx(Context& ctx, ArgCursor& args, const IncrexOptions& o, const Text& by) {
  const Step<Kind> step = ParseStep<Kind>(args, o, by);
  if (!args.ok()) return ctx.reply.Error(args.error());
  std::optional<store::Deadline> deadline;
  if (o.expire) {
    deadline = ExpireOptionDeadline(ctx, *o.expire);
    if (!deadline) return;
  }
  Run<Kind>(ctx, o, step, deadline);
}

}  // namespace

void CmdIncrex(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const IncrexOptions o = ParseIncrex(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  if (o.by_float) {
    Increx<Fraction>(ctx, args, o, o.by_float);
  } else {
    Increx<Whole>(ctx, args, o, o.by_int);
  }
}

}  // namespace clustron::commands
