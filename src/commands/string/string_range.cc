// Strings in parts: APPEND, STRLEN, GETRANGE, SETRANGE.
#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/string/errors.h"
#include "store/types/string/string_edit.h"

namespace clustron::commands {

using store::EventClass;
using store::KeyRecord;
using store::Mutation;
using store::Type;

namespace {

size_t SizeOf(const KeyRecord* record) { return record == nullptr ? 0 : StringOf(*record).size(); }

// False, with the error as the reply, if a string would pass the bound. Sums can't overflow: the
// parts are below 2^63.
bool CheckSize(Context& ctx, uint64_t offset, uint64_t more) {
  if (offset <= kStringBytesMax && more <= kStringBytesMax - offset) return true;
  ctx.reply.Error(kErrStringTooLong);
  return false;
}

}  // namespace

void CmdAppend(Context& ctx) {
  const std::string_view tail = ctx.args[2];
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!CheckType(ctx, m.record(), Type::kString)) return;
  if (!CheckSize(ctx, SizeOf(m.record()), tail.size())) return;
  if (m.exists()) {
    AppendString(m, tail);
  } else {
    SetString(m, tail);
  }
  m.Commit({EventClass::kString, "append"});
  ctx.reply.Uint(SizeOf(ctx.store.Find(ctx.db, ctx.args[1], KeyHash(ctx, ctx.args[1]))));
}

void CmdStrlen(Context& ctx) {
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  if (!CheckType(ctx, record, Type::kString)) return;
  ctx.reply.Uint(SizeOf(record));
}

void CmdGetrange(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  int64_t start = args.Int();
  int64_t end = args.Int();
  if (!args.ok()) return ctx.reply.Error(args.error());
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  if (!CheckType(ctx, record, Type::kString)) return;
  const auto size = static_cast<int64_t>(SizeOf(record));
  // COMPAT: a range that is the wrong way round is empty even if both ends would be cut to 0.
  if (start < 0 && end < 0 && start > end) return ctx.reply.Bulk("");
  if (start < 0) start = size + start < 0 ? 0 : size + start;
  if (end < 0) end = size + end < 0 ? 0 : size + end;
  if (end >= size) end = size - 1;
  if (start > end || size == 0) return ctx.reply.Bulk("");
  ReplyStringRange(ctx, *record, static_cast<size_t>(start), static_cast<size_t>(end - start + 1));
}

void CmdSubstr(Context& ctx) { CmdGetrange(ctx); }

void CmdSetrange(Context& ctx) {
  const std::string_view bytes = ctx.args[3];
  ArgCursor args(ctx.args, 2);
  const int64_t offset = args.Int();
  if (args.ok() && offset < 0) args.Fail(kErrOffset);
  if (!args.ok()) return ctx.reply.Error(args.error());
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!CheckType(ctx, m.record(), Type::kString)) return;
  const size_t old_size = SizeOf(m.record());
  if (bytes.empty()) return ctx.reply.Uint(old_size);
  if (!CheckSize(ctx, static_cast<uint64_t>(offset), bytes.size())) return;
  const auto from = static_cast<size_t>(offset);
  if (from > old_size && !SpendZeros(ctx, from - old_size)) return;
  WriteString(m, from, bytes);
  m.Commit({EventClass::kString, "setrange"});
  ctx.reply.Uint(std::max(old_size, from + bytes.size()));
}

}  // namespace clustron::commands
