// What commands about connections have in common.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "commands/core/context.h"
#include "commands/core/ports.h"
#include "resp/reply_writer.h"

namespace clustron::commands {

// Names and versions that a client gives: they must not break CLIENT LIST's lines.
inline bool IsClientAttribute(std::string_view text) {
  for (char c : text) {
    if (c < '!' || c > '~') return false;
  }
  return true;
}

// Commands about the caller's connection do nothing where the caller isn't connected: in an entry
// on the other nodes, where their reply goes nowhere.
inline bool HasClient(Context& ctx) {
  if (ctx.caller.client != nullptr && ctx.server != nullptr) return true;
  ctx.reply.Null();
  return false;
}
inline bool HasServer(Context& ctx) {
  if (ctx.server != nullptr) return true;
  ctx.reply.Null();
  return false;
}

// The reply to the running command, which has written nothing, comes from `late`. False where the
// caller can't wait, and `late` is gone: inside of another command (EXEC), whose reply has a place
// for this one's, in an entry, or when the caller isn't connected here.
inline bool AnswerLater(Context& ctx, std::unique_ptr<LateReply> late, int64_t timeout_ms) {
  if (ctx.caller.client == nullptr || ctx.depth > 0 || ctx.in_entry()) return false;
  ctx.caller.client->Defer(std::move(late), timeout_ms);
  return true;
}

}  // namespace clustron::commands
