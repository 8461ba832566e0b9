// GET, SET and those of their family that read or replace whole strings.
#include <string>

#include "base/hash.h"
#include "base/numeric.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/error_text.h"
#include "commands/core/registry.h"
#include "commands/generic/attach.h"
#include "commands/generic/compare.h"
#include "commands/generic/expire.h"
#include "commands/generic/expire_time.h"
#include "commands/string/errors.h"
#include "commands/string/string.spec.h"
#include "store/tables/lease_table.h"
#include "store/types/string/string_edit.h"

namespace clustron::commands {

using store::EventClass;
using store::Keep;
using store::KeyRecord;
using store::Mutation;
using store::Type;

namespace {

// The string at a key as the reply, nil when absent. False if it is of another type, or too big for
// the item's budget.
bool ReplyOldValue(Context& ctx, const KeyRecord* record) {
  if (!CheckType(ctx, record, Type::kString)) return false;
  if (record == nullptr) {
    ctx.reply.Null();
  } else {
    ReplyString(ctx, *record);
  }
  return !ctx.over_budget();
}

struct SetOptions {
  ExpireOption expire;
  Compare compare;
  std::string_view lease;
  bool has_expire = false;
  bool has_lease = false;
  bool keep_ttl = false;
  bool get = false;
};

// COMPAT: options in any order; what excludes each other is a syntax error, as is an option whose
// value is missing.
SetOptions ParseSetOptions(ArgCursor& args) {
  SetOptions o;
  ExpireOption end;
  while (args.HasNext()) {
    const bool attributes = o.has_expire || o.keep_ttl || o.has_lease;
    if (TakeCompare(args, &o.compare, /*with_existence=*/true)) continue;
    if (args.Token("GET")) {
      o.get = true;
    } else if (!o.has_expire && !o.has_lease && args.Token("KEEPTTL")) {
      o.keep_ttl = true;
    } else if (!o.keep_ttl && !o.has_lease && TakeExpireOption(args, &end)) {
      // COMPAT: the same kind of end may be given again, and the last one counts.
      if (o.has_expire && !end.SameKind(o.expire)) args.Fail(kErrSyntax);
      o.expire = end;
      o.has_expire = true;
    } else if (!attributes && args.Option("LEASE")) {
      o.lease = args.Next();
      o.has_lease = true;
    } else {
      args.Fail(kErrSyntax);
    }
  }
  return o;
}

// SET's events behind "set". COMPAT: with an end in the past the key is still set, gets its end and
// expires, though here all that is one change, and none at all of a key that was absent.
void NotifyEnd(Context& ctx, std::string_view key, bool existed, const store::Deadline& deadline) {
  const bool due = deadline.DueAt(ctx.store.elapsed_ms(), ctx.store.wall_ms());
  if (due && !existed) {
    ctx.Writable().Notify(ctx.db, key, {store::EventClass::kNew, "new"});
    ctx.Writable().Notify(ctx.db, key, kEventSet);
  }
  ctx.Writable().Notify(ctx.db, key, kEventExpire);
  if (due) ctx.Writable().Notify(ctx.db, key, kEventExpired);
}

// The change itself. False: it was not made, and that was replied.
bool WriteValue(Context& ctx, const SetOptions& options,
                const std::optional<store::Deadline>& deadline) {
  Mutation m = Modify(ctx, ctx.args[1]);
  if (options.get) {
    if (!ReplyOldValue(ctx, m.record())) return false;
  } else if (options.compare.needs_string() && !CheckType(ctx, m.record(), Type::kString)) {
    return false;
  }
  if (!ctx.SpendRead(options.compare.bytes_read(m.record()))) return false;
  if (!options.compare.Holds(m.record())) {
    if (!options.get) ctx.reply.Null();
    return false;
  }
  const bool existed = m.exists();
  SetString(m, ctx.args[2], options.keep_ttl ? Keep::kTtlAndLease : Keep::kNothing);
  if (deadline) m.SetDeadline(*deadline);
  m.Commit(kEventSet);
  if (deadline) NotifyEnd(ctx, ctx.args[1], existed, *deadline);
  return true;
}

void SetWithOptions(Context& ctx) {
  const std::string_view key = ctx.args[1];
  ArgCursor args(ctx.args, 3);
  const SetOptions options = ParseSetOptions(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  std::optional<store::Deadline> deadline;
  if (options.has_expire) {
    deadline = ExpireOptionDeadline(ctx, options.expire);
    if (!deadline) return;
  }
  if (options.has_lease && !CheckAttach(ctx, options.lease, key)) return;
  if (!WriteValue(ctx, options, deadline)) return;
  if (options.has_lease) LeasesOf(ctx.Writable()).Attach(options.lease, ctx.db, key);
  if (!options.get) ctx.reply.Ok();
}

// SETEX and PSETEX.
void SetWithTtl(Context& ctx, TimeUnit unit) {
  const auto deadline = ExpireOptionDeadline(ctx, {ctx.args[2], unit, TimeBase::kNow});
  if (!deadline) return;
  Mutation m = Modify(ctx, ctx.args[1]);
  SetString(m, ctx.args[3]);
  m.SetDeadline(*deadline);
  m.Commit(kEventSet);
  ctx.Writable().Notify(ctx.db, ctx.args[1], kEventExpire);
  ctx.reply.Ok();
}

// MSET's and MSETNX's arguments come in pairs.
bool CheckPairs(Context& ctx) {
  if (ctx.args.size() % 2 == 1) return true;
  ctx.reply.Error(WrongArity(*ctx.spec));
  return false;
}

void SetAll(Context& ctx) {
  for (size_t i = 1; i < ctx.args.size(); i += 2) {
    Mutation m = Modify(ctx, ctx.args[i]);
    SetString(m, ctx.args[i + 1]);
    m.Commit(kEventSet);
  }
}

struct MsetexOptions {
  std::optional<ExpireOption> expire;
  bool keep_ttl = false;
  bool if_absent = false;
  bool if_present = false;
};

// COMPAT: in any order; what is given again in the same kind replaces what was given before.
MsetexOptions ParseMsetexOptions(ArgCursor& args) {
  MsetexOptions o;
  ExpireOption end;
  while (args.HasNext()) {
    if (!o.if_present && args.Token("NX")) {
      o.if_absent = true;
    } else if (!o.if_absent && args.Token("XX")) {
      o.if_present = true;
    } else if (!o.expire && args.Token("KEEPTTL")) {
      o.keep_ttl = true;
    } else if (!o.keep_ttl && TakeExpireOption(args, &end) &&
               (!o.expire || end.SameKind(*o.expire))) {
      o.expire = end;
    } else {
      args.Fail(kErrSyntax);
    }
  }
  return o;
}

// How many pairs stand behind MSETEX's count, which is left out with them.
size_t TakePairs(ArgCursor& args) {
  const int64_t count = args.IntIn(1, INT32_MAX, kErrMsetexNumkeys);
  if (args.ok() && static_cast<size_t>(count) > args.remaining() / 2) args.Fail(kErrMsetexPairs);
  if (!args.ok()) return 0;
  args.Skip(2 * static_cast<size_t>(count));
  return static_cast<size_t>(count);
}

// GETEX's changes of the key, after its value was replied.
void ChangeEnd(Context& ctx, const std::optional<store::Deadline>& deadline, bool persist) {
  const std::string_view key = ctx.args[1];
  Mutation m = Modify(ctx, key);
  if (deadline) {
    // A deadline in the past deletes the key.
    const bool due = deadline->DueAt(ctx.store.elapsed_ms(), ctx.store.wall_ms());
    m.SetDeadline(*deadline);
    m.Commit(due ? kEventDel : kEventExpire);
  } else if (persist && m.ClearDeadline()) {
    m.Commit(kEventPersist);
  }
}

}  // namespace

bool SetKeys(std::span<const std::string_view> args, std::vector<KeyRef>* out) {
  uint32_t flags = KeySpec::kOw | KeySpec::kUpdate;
  for (size_t i = 3; i < args.size(); i++) {
    if (IsWord(args[i], "GET")) flags = KeySpec::kRw | KeySpec::kAccess | KeySpec::kUpdate;
  }
  out->push_back({1, flags});
  return true;
}

Class GetExClass(Args args) { return args.size() <= 2 ? Class::kRead : Class::kWrite; }

void CmdGet(Context& ctx) {
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  ReplyOldValue(ctx, record);
}

void CmdSet(Context& ctx) {
  if (ctx.args.size() > 3) return SetWithOptions(ctx);
  Mutation m = Modify(ctx, ctx.args[1]);
  SetString(m, ctx.args[2]);
  m.Commit(kEventSet);
  ctx.reply.Ok();
}

void CmdSetnx(Context& ctx) {
  Mutation m = Modify(ctx, ctx.args[1]);
  if (m.exists()) return ctx.reply.Int(0);
  SetString(m, ctx.args[2]);
  m.Commit(kEventSet);
  ctx.reply.Int(1);
}

void CmdSetex(Context& ctx) { SetWithTtl(ctx, TimeUnit::kSeconds); }
void CmdPsetex(Context& ctx) { SetWithTtl(ctx, TimeUnit::kMs); }

void CmdGetset(Context& ctx) {
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!ReplyOldValue(ctx, m.record())) return;
  SetString(m, ctx.args[2]);
  m.Commit(kEventSet);
}

void CmdGetdel(Context& ctx) {
  Mutation m = Modify(ctx, ctx.args[1]);
  if (!ReplyOldValue(ctx, m.record()) || !m.exists()) return;
  m.Delete();
  m.Commit(kEventDel);
}

void CmdGetex(Context& ctx) {
  if (ctx.args.size() > 2 && AnsweredAsRead(ctx)) return;
  ArgCursor args(ctx.args, 2);
  std::optional<ExpireOption> option;
  bool persist = false;
  // COMPAT: as with SET, what is given again in the same kind replaces what was given before.
  while (args.HasNext()) {
    ExpireOption end;
    if (!option && args.Token("PERSIST")) {
      persist = true;
    } else if (!persist && TakeExpireOption(args, &end) && (!option || end.SameKind(*option))) {
      option = end;
    } else {
      args.Fail(kErrSyntax);
    }
  }
  if (!args.ok()) return ctx.reply.Error(args.error());

  // COMPAT: a missing key and a wrong type come before a bad time.
  const KeyRecord* record = Read(ctx, ctx.args[1]);
  if (record == nullptr) return ctx.reply.Null();
  if (!CheckType(ctx, record, Type::kString)) return;
  std::optional<store::Deadline> deadline;
  if (option) {
    deadline = ExpireOptionDeadline(ctx, *option);
    if (!deadline || !CheckNoLease(ctx, *record)) return;
  }
  ReplyString(ctx, *record);
  if (ctx.over_budget()) return;
  if (ctx.args.size() > 2) ChangeEnd(ctx, deadline, persist);
}

void CmdMget(Context& ctx) {
  ctx.reply.Array(ctx.args.size() - 1);
  for (size_t i = 1; i < ctx.args.size(); i++) {
    const KeyRecord* record = Read(ctx, ctx.args[i]);
    if (record == nullptr || record->type() != Type::kString) {
      ctx.reply.Null();
    } else {
      ReplyString(ctx, *record);
    }
  }
}

void CmdMset(Context& ctx) {
  if (!CheckPairs(ctx)) return;
  SetAll(ctx);
  ctx.reply.Ok();
}

void CmdMsetnx(Context& ctx) {
  if (!CheckPairs(ctx)) return;
  for (size_t i = 1; i < ctx.args.size(); i += 2) {
    if (ctx.store.Find(ctx.db, ctx.args[i]) != nullptr) return ctx.reply.Int(0);
  }
  SetAll(ctx);
  ctx.reply.Int(1);
}

void CmdMsetex(Context& ctx) {
  ArgCursor args(ctx.args);
  const Args pairs = ctx.args.subspan(2, 2 * TakePairs(args));
  const MsetexOptions options = ParseMsetexOptions(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  std::optional<store::Deadline> deadline;
  if (options.expire) {
    deadline = ExpireOptionDeadline(ctx, *options.expire);
    if (!deadline) return;
  }
  for (size_t i = 0; i < pairs.size(); i += 2) {
    const bool exists = ctx.store.Find(ctx.db, pairs[i]) != nullptr;
    if (exists ? options.if_absent : options.if_present) return ctx.reply.Int(0);
  }
  for (size_t i = 0; i < pairs.size(); i += 2) {
    Mutation m = Modify(ctx, pairs[i]);
    const bool existed = m.exists();
    SetString(m, pairs[i + 1], options.keep_ttl ? Keep::kTtlAndLease : Keep::kNothing);
    if (deadline) m.SetDeadline(*deadline);
    m.Commit(kEventSet);
    if (deadline) NotifyEnd(ctx, pairs[i], existed, *deadline);
  }
  ctx.reply.Int(1);
}

std::span<const CommandSpec> StringCommands() { return kStringRows; }

}  // namespace clustron::commands
