// INDEX LABEL, UNLABEL, LABELS: attributes beside the value of a key of any type.
#include <string>
#include <utility>

#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/index/errors.h"
#include "commands/index/index.spec.h"
#include "store/tables/label_table.h"

namespace clustron::commands {

namespace {

std::string TakeLabelText(ArgCursor& args, size_t least, std::string_view error) {
  const std::string_view text = args.Next();
  if (text.size() < least || text.size() > store::kLabelBytesMax) args.Fail(error);
  return std::string(text);
}

store::Labels TakeLabels(ArgCursor& args) {
  store::Labels labels;
  if (args.Token("ENTITY")) labels.entity = TakeLabelText(args, 1, kErrLabelEntity);
  const int64_t count = args.IntIn(1, store::kLabelsMax, kErrLabelCount);
  if (args.ok() && args.remaining() != 2 * static_cast<size_t>(count)) args.Fail(kErrLabelCount);
  for (int64_t i = 0; i < count && args.ok(); i++) {
    std::string name = TakeLabelText(args, 1, kErrLabelName);
    if (name == store::kKeyField) args.Fail(kErrLabelName);
    labels.pairs.emplace_back(std::move(name), TakeLabelText(args, 0, kErrLabelValue));
  }
  return labels;
}

}  // namespace

void CmdIndexLabel(Context& ctx) {
  ArgCursor args(ctx.args, 3);
  store::Labels labels = TakeLabels(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  ctx.reply.Int(LabelsOf(ctx.Writable()).Set(ctx.db, ctx.args[2], std::move(labels)) ? 1 : 0);
}

void CmdIndexUnlabel(Context& ctx) {
  ctx.reply.Int(LabelsOf(ctx.Writable()).Unlabel(ctx.db, ctx.args[2]) ? 1 : 0);
}

void CmdIndexLabels(Context& ctx) {
  const store::KeyRecord* record = Read(ctx, ctx.args[2]);
  const store::Labels* labels = record == nullptr || !record->has_labels()
                                    ? nullptr
                                    : LabelsOf(ctx.store).Find(ctx.db, ctx.args[2]);
  if (labels == nullptr) return ctx.reply.Null();
  ctx.reply.Array(2);
  labels->entity.empty() ? ctx.reply.Null() : ctx.reply.Bulk(labels->entity);
  ctx.reply.Array(2 * labels->pairs.size());
  for (const auto& [name, value] : labels->pairs) {
    ctx.reply.Bulk(name);
    ctx.reply.Bulk(value);
  }
}

}  // namespace clustron::commands
