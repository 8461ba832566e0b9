// What most handlers begin and end with: look a key up, check its type, reply with a string.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "commands/core/context.h"
#include "commands/core/errors.h"
#include "resp/reply_writer.h"
#include "store/keyspace/store.h"
#include "store/types/string/string_value.h"

namespace clustron::commands {

// Strings may not grow longer (proto-max-bulk-len's default; the same on every node, as apply
// demands).
inline constexpr uint64_t kStringBytesMax = 512ULL * 1024 * 1024;

// The first key's hash comes with the call when the executor has prefetched by it.
inline uint64_t KeyHash(const Context& ctx, std::string_view key) {
  if (ctx.caller.key_hash != 0 && ctx.args.size() > 1 && key.data() == ctx.args[1].data()) {
    return ctx.caller.key_hash;
  }
  return ctx.store.Hash(key);
}

// A reader found nothing: counted, and announced to those who asked for it (keymiss).
void NoteMiss(const Context& ctx, std::string_view key, bool announce = true);

// The key as it is by the applied clocks: null when absent or due.
inline const store::KeyRecord* Read(Context& ctx, std::string_view key) {
  const store::KeyRecord* record = ctx.store.Find(ctx.db, key, KeyHash(ctx, key));
  if (record != nullptr) {
    ctx.verdict.key_hits++;
  } else {
    NoteMiss(ctx, key);
  }
  return record;
}

// As Read, for MEMORY USAGE, which looks at a key without using it: not counted, nobody is told.
inline const store::KeyRecord* Peek(Context& ctx, std::string_view key) {
  return ctx.store.Find(ctx.db, key, KeyHash(ctx, key));
}

inline store::Mutation Modify(Context& ctx, std::string_view key) {
  return ctx.Writable().Modify(ctx.db, key, KeyHash(ctx, key));
}

// True if the key is absent or of this type; else the reply is -WRONGTYPE.
inline bool CheckType(Context& ctx, const store::KeyRecord* record, store::Type type) {
  if (record == nullptr || record->type() == type) return true;
  ctx.reply.Error(kErrWrongType);
  return false;
}

// A string's bytes as a bulk reply, without copying them together.
void ReplyString(Context& ctx, const store::KeyRecord& record);
// Bytes [offset, offset + size) of it. REQUIRES: they are there.
void ReplyStringRange(Context& ctx, const store::KeyRecord& record, size_t offset, size_t size);

// What a bulk reply has around its bytes, at most.
inline constexpr size_t kBulkFrameBytes = 16;

// Before a pattern is tried on a text: what that may take at most, a comparison of some bytes being
// an element.
inline bool SpendGlob(Context& ctx, std::string_view pattern, std::string_view text) {
  return ctx.Spend(pattern.size() * text.size() / 16);
}
// So many zeros behind a string. Big strings share one piece of them.
inline bool SpendZeros(Context& ctx, uint64_t bytes) {
  constexpr uint64_t kPieceBytes = 65'536;
  return ctx.Spend(bytes / 2, std::min(bytes, kPieceBytes) + bytes / 256);
}
// In place of the reply to an item that was undone because its budget is used up.
void ReplyOverBudget(Context& ctx);

inline constexpr store::Event kEventDel = {store::EventClass::kGeneric, "del"};
inline constexpr store::Event kEventExpire = {store::EventClass::kGeneric, "expire"};
inline constexpr store::Event kEventExpired = {store::EventClass::kExpired, "expired"};
inline constexpr store::Event kEventPersist = {store::EventClass::kGeneric, "persist"};
inline constexpr store::Event kEventSet = {store::EventClass::kString, "set"};

}  // namespace clustron::commands
