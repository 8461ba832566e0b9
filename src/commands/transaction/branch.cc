#include "commands/transaction/branch.h"

#include <string>

#include "commands/core/error_text.h"
#include "commands/core/resp_downgrade.h"
#include "commands/core/wrapper.h"

namespace clustron::commands {

GuardVerdict CheckBranch(const Context& ctx, const std::vector<Args>& branch,
                         std::span<const Context::LockToken> tokens) {
  for (const Args& command : branch) {
    const CommandSpec* spec = InnerSpec(command);
    if (spec == nullptr) continue;
    const GuardVerdict verdict = CheckGuards(*spec, command, ctx.db, tokens, ctx);
    if (!verdict.allowed) return verdict;
  }
  return {};
}

void ReplyFailed(resp::ReplyWriter& reply, const std::string& error, Args command, size_t i,
                 std::string_view part) {
  // "-CODE text\r\n", or deeper inside what an EXEC or the like replied.
  const size_t end = error.find("\r\n");
  if (!error.starts_with('-') || end == std::string::npos) return reply.Raw(error, 1);
  const std::string_view text = std::string_view(error).substr(1, end - 1);
  reply.Error(InTxn(
      text, std::string(part) + "command " + std::to_string(i + 1) + " (" + Sketch(command) + ")"));
}

bool RunBranch(Context& ctx, const std::vector<Args>& branch, const resp::ReplyWriter::Mark& begin,
               std::string_view part) {
  for (size_t i = 0; i < branch.size(); i++) {
    const uint64_t at = ctx.reply.size();
    const bool ok = RunInner(ctx, branch[i], ctx.reply);
    if (ctx.over_budget()) return false;
    if (ok) continue;
    const std::string error = ctx.reply.LastError(at);
    ctx.reply.Rewind(begin);
    ReplyFailed(ctx.reply, error, branch[i], i, part);
    return false;
  }
  return true;
}

void ReplyStored(Context& ctx, std::string_view reply, int resp_version) {
  if (resp_version == 3 && !ctx.reply.resp3()) {
    ctx.reply.Raw(DowngradeToResp2(reply));
  } else {
    // RESP3 takes everything that RESP2 has.
    ctx.reply.Raw(reply);
  }
}

}  // namespace clustron::commands
