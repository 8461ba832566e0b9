#include "commands/core/access.h"

#include <string>
#include <utility>

#include "base/breather.h"
#include "commands/core/error_text.h"
#include "commands/core/ports.h"

namespace clustron::commands {

// Entries are the same on every node, misses of readers aren't.
void NoteMiss(const Context& ctx, std::string_view key, bool announce) {
  if (!ctx.in_entry() && ctx.server != nullptr) ctx.server->KeyMissed(ctx.db, key, announce);
}

void ReplyString(Context& ctx, const store::KeyRecord& record) {
  if (record.form() != store::Form::kBig) {
    store::Scratch unused;
    ctx.reply.Bulk(StringOf(record).Bytes(unused));
    return;
  }
  ReplyStringRange(ctx, record, 0, StringOf(record).size());
}

void ReplyStringRange(Context& ctx, const store::KeyRecord& record, size_t offset, size_t size) {
  ctx.reply.BulkBegin(size, record.form() == store::Form::kBig);
  if (ctx.reply.SkipParts(size)) return ctx.reply.BulkEnd();
  StringOf(record).SharePieces(
      offset, size,
      [&](std::string_view piece) {
        ctx.reply.BulkPart(piece);
        if (size > piece.size()) Breathe();
      },
      [&](SharedBytes piece) { ctx.reply.BulkShared(std::move(piece)); });
  ctx.reply.BulkEnd();
}

void ReplyOverBudget(Context& ctx) {
  ctx.reply.StartOver();
  ctx.reply.Error(OverBudget(ctx.spec->over_budget));
}

}  // namespace clustron::commands
