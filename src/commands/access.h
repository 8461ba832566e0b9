// What most handlers begin and end with: look a key up, check its type, reply with a string.
#pragma once

#include <cstdint>
#include <string_view>

#include "commands/context.h"
#include "commands/errors.h"
#include "resp/reply_writer.h"
#include "store/store.h"

namespace clustron::commands {

// Strings may not grow longer (proto-max-bulk-len's default; the same on every node, as apply
// demands).
inline constexpr uint64_t kStringBytesMax = 512ULL * 1024 * 1024;

// The first key's hash comes with the call when the executor has prefetched by it.
inline uint64_t KeyHash(const Context& ctx, std::string_view key) {
  if (ctx.key_hash != 0 && ctx.args.size() > 1 && key.data() == ctx.args[1].data()) {
    return ctx.key_hash;
  }
  return ctx.store.Hash(key);
}

// True if a reader must take the entry for gone. Notes it in the context, so that a tick is chosen
// and the command run again before anything is answered.
inline bool DueForReader(Context& ctx, const store::Entry& entry) {
  if (!ctx.live_clocks || !store::Store::DueByLive(entry, ctx.elapsed_ms, ctx.wall_ms)) {
    return false;
  }
  ctx.met_due = true;
  return true;
}

// The key as a reader sees it: null when absent or due.
inline const store::Entry* Read(Context& ctx, std::string_view key, int db) {
  const store::Entry* entry = ctx.store.Find(db, key, KeyHash(ctx, key));
  return entry == nullptr || DueForReader(ctx, *entry) ? nullptr : entry;
}
inline const store::Entry* Read(Context& ctx, std::string_view key) {
  return Read(ctx, key, ctx.db);
}

inline store::Mutation Modify(Context& ctx, std::string_view key) {
  return ctx.store.Modify(ctx.db, key, KeyHash(ctx, key));
}

// True if the key is absent or of this type; else the reply is -WRONGTYPE.
inline bool CheckType(Context& ctx, const store::Entry* entry, store::Type type) {
  if (entry == nullptr || entry->type() == type) return true;
  ctx.reply.Error(kErrWrongType);
  return false;
}

// A string's bytes as a bulk reply, without copying them together.
void ReplyString(Context& ctx, const store::Entry& entry);

inline constexpr store::Event kEventDel = {store::EventClass::kGeneric, "del"};
inline constexpr store::Event kEventExpire = {store::EventClass::kGeneric, "expire"};
inline constexpr store::Event kEventPersist = {store::EventClass::kGeneric, "persist"};
inline constexpr store::Event kEventSet = {store::EventClass::kString, "set"};

// Lower-case name of the command that runs, as Redis puts it into messages.
std::string LowerName(const CommandSpec& spec);

}  // namespace clustron::commands
