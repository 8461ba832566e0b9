// OBJECT: what is known about a value beside the value.
#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/help.h"
#include "commands/generic/errors.h"
#include "commands/generic/scan.spec.h"

namespace clustron::commands {

using store::KeyRecord;

namespace {

constexpr HelpLine kObjectHelp[] = {
    {"ENCODING <key>", "How the value is kept: int, embstr, raw, listpack, hashtable."},
    {"FREQ <key>", "How often the key was used, under an LFU policy."},
    {"IDLETIME <key>", "Seconds since this node used the key."},
    {"REFCOUNT <key>", "References to the value."},
    {"REVISION <key>", "The store's revision that last changed the value."},
};

// The key of `OBJECT what key`; replies nil if there is none.
const KeyRecord* Subject(Context& ctx) {
  const KeyRecord* record = Peek(ctx, ctx.args[2]);
  // COMPAT: counted as a hit or a miss, but no keymiss is announced.
  if (record != nullptr) {
    ctx.verdict.key_hits++;
  } else {
    NoteMiss(ctx, ctx.args[2], /*announce=*/false);
    ctx.reply.Null();
  }
  return record;
}

}  // namespace

void CmdObjectEncoding(Context& ctx) {
  if (const KeyRecord* record = Subject(ctx)) ctx.reply.Bulk(record->encoding());
}

void CmdObjectRevision(Context& ctx) {
  if (const KeyRecord* record = Subject(ctx)) ctx.reply.Uint(record->revision());
}

// COMPAT: Redis shares the objects of small integers and shows that as the largest count.
void CmdObjectRefcount(Context& ctx) {
  constexpr int64_t kSharedIntegers = 10'000;
  const KeyRecord* record = Subject(ctx);
  if (record == nullptr) return;
  bool shared = false;
  if (record->form() == store::Form::kInt) {
    store::Scratch scratch;
    const std::optional<int64_t> value = ParseInt64(StringOf(*record).Bytes(scratch));
    shared = value && *value >= 0 && *value < kSharedIntegers;
  }
  ctx.reply.Int(shared ? INT32_MAX : 1);
}

// Reads leave no trace in the state, so no key is ever idle.
void CmdObjectIdletime(Context& ctx) {
  if (Subject(ctx) != nullptr) ctx.reply.Int(0);
}

void CmdObjectFreq(Context& ctx) {
  if (Subject(ctx) != nullptr) ctx.reply.Error(kErrNoLfu);
}

void CmdObjectHelp(Context& ctx) { ReplyHelp(ctx, "OBJECT", kObjectHelp); }

}  // namespace clustron::commands
