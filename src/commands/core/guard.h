// Guards: a lock on name N that is not advisory protects the data key N. Whoever writes such a key
// must show the holder's token (LOCK DO, TXN … IF LOCK), else the write is refused with -LOCKED.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "commands/core/context.h"
#include "store/tables/lock_table.h"

namespace clustron::commands {

struct GuardVerdict {
  bool allowed = true;
  std::string_view name =
      {};      // of the guard that is in the way; empty for a whole database (SWAPDB)
  int db = 0;  // in which it, or fenced_lock, is
  // Set where the call showed a lock's token that is not the holder's: the holder's, 0 if nobody
  // holds it. The lock is fenced_lock.
  std::optional<uint64_t> fenced_by = {};
  std::string_view fenced_lock = {};
};

// Judges one call by the locks as they are now. Wrappers are judged by what they wrap, with the
// tokens that they show; an ONCE whose reply is stored writes nothing. `tokens` hold for names in
// `db`. `ctx` is the call's, or that of the EXEC or TXN around it: store, stored replies, user.
GuardVerdict CheckGuards(const CommandSpec& spec, Args args, int db,
                         std::span<const Context::LockToken> tokens, const Context& ctx);

// To who shows a token that is not the holder's. `lock` null: nobody holds it.
void ReplyFenced(Context& ctx, std::string_view name, const store::Lock* lock);
// -LOCKED, or -FENCED to who came with a token that is no longer the holder's.
void ReplyLocked(Context& ctx, const GuardVerdict& verdict);

// For a handler that finds the keys it writes itself: true if it may write this one. Else the reply
// is -LOCKED.
bool GuardOfKeyAllows(Context& ctx, std::string_view key);

// Before a handler runs: true if it may. Else the reply is -LOCKED. Wrappers pass: what they wrap
// is asked when they run it.
bool GuardsAllow(Context& ctx);

}  // namespace clustron::commands
