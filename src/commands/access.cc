#include "commands/access.h"

namespace clustron::commands {

void ReplyString(Context& ctx, const store::Entry& entry) {
  if (entry.form() != store::Form::kBig) {
    store::Scratch unused;
    ctx.reply.Bulk(entry.String(unused));
    return;
  }
  ctx.reply.BulkBegin(entry.StringSize());
  entry.ForEachPiece([&](std::string_view piece) { ctx.reply.BulkPart(piece); });
  ctx.reply.BulkEnd();
}

std::string LowerName(const CommandSpec& spec) {
  std::string name(spec.name);
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return name;
}

}  // namespace clustron::commands
