// OBJECT: what is known about a value beside the value.
#include "commands/access.h"
#include "commands/help.h"
#include "commands/scan.spec.h"

namespace clustron::commands {

using store::Entry;

namespace {

constexpr HelpLine kObjectHelp[] = {
    {"ENCODING <key>", "How the value is kept: int, embstr, raw, listpack, hashtable."},
    {"FREQ <key>", "How often the key was used, under an LFU policy."},
    {"IDLETIME <key>", "Seconds since this node used the key."},
    {"REFCOUNT <key>", "References to the value: always 1."},
    {"REVISION <key>", "The store's revision that last changed the value."},
};

// The key of `OBJECT what key`; replies nil if there is none.
const Entry* Subject(Context& ctx) {
  const Entry* entry = Read(ctx, ctx.args[2]);
  if (entry == nullptr) ctx.reply.Null();
  return entry;
}

}  // namespace

void CmdObjectEncoding(Context& ctx) {
  if (const Entry* entry = Subject(ctx)) ctx.reply.Bulk(entry->encoding());
}

void CmdObjectRevision(Context& ctx) {
  if (const Entry* entry = Subject(ctx)) ctx.reply.Uint(entry->revision());
}

void CmdObjectRefcount(Context& ctx) {
  if (Subject(ctx) != nullptr) ctx.reply.Int(1);
}

// Reads leave no trace in the state, so no key is ever idle.
void CmdObjectIdletime(Context& ctx) {
  if (Subject(ctx) != nullptr) ctx.reply.Int(0);
}

void CmdObjectFreq(Context& ctx) {
  if (Subject(ctx) == nullptr) return;
  ctx.reply.Error(
      "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
      "when switching between policies at runtime LRU and LFU data will take some time to adjust.");
}

void CmdObjectHelp(Context& ctx) { ReplyHelp(ctx, "OBJECT", kObjectHelp); }

}  // namespace clustron::commands
