// What commands about connections have in common.
#pragma once

#include <string_view>

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

}  // namespace clustron::commands
