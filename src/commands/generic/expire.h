// Refreshes: EXPIRE, PEXPIRE and GETEX that renew a key's TTL again and again, as caches with
// sliding ends and holders of locks do. `expire-coalesce` (design.md, docs/configuration.md) spares
// most of them their log entry. A promise is never shortened by that: after each of them the key
// lives for at least the TTL that was asked for, and PTTL tells its real end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "commands/core/context.h"

namespace clustron::commands {

// Shorter TTLs are always exact.
inline constexpr int64_t kRefreshTtlMinMs = 20'000;

// How much longer than asked for a refresh lets its key live at most, so that the next ones find
// their promise kept already: its pad.
constexpr int64_t RefreshPadMs(int64_t ttl_ms) { return std::min<int64_t>(ttl_ms / 20, 30'000); }

// The longest TTL that may be logged for one, after calls have asked for its own again and again
// for `asked_for_ms`: no pad is longer than that, and at first there is none. Many readers of a key
// with an absolute end ask for the same TTL too, for as long as what is left of it comes out the
// same when it is rounded, or is on its way: they move no such end by more than that. A sliding end
// has its whole pad soon: as the pad doubles from entry to entry, it needs few for that.
constexpr int64_t RefreshTtlMaxMs(int64_t ttl_ms, int64_t asked_for_ms) {
  constexpr int64_t kAtFirstMs = 50;
  return asked_for_ms <= kAtFirstMs ? ttl_ms : ttl_ms + asked_for_ms;
}

// The TTL that a plain call asks for: relative, above zero, without conditions. Nothing: the call
// is not a plain one. REQUIRES: spec.Is(kCoalesce).
std::optional<int64_t> PlainTtlMs(const CommandSpec& spec, Args args);

// Commands with Flag::kCoalesce may be run on the read path, behind the read index, although their
// class is kWrite: when they are refreshes. Their handlers begin with this: in an entry it is
// false; on the read path it is true, and either the command was answered, since the key's end
// keeps the promise as it is, or ctx.verdict.needs_entry says that it must go the way of a write:
// with ctx.verdict.entry_ttl_ms, or the longest that it may have (RefreshTtlMaxMs), in place of its
// own TTL, unless that is 0.
bool AnsweredAsRead(Context& ctx);

// The same call with another TTL, in milliseconds: its row, and its words in `words`. They are
// views into `args` and `*number`.
const CommandSpec& WithTtlMs(const CommandSpec& spec, Args args, int64_t ttl_ms,
                             std::string* number, std::vector<std::string_view>* words);

}  // namespace clustron::commands
