#include "commands/core/guard.h"

#include <string>
#include <vector>

#include "base/numeric.h"
#include "base/planted_bugs.h"
#include "commands/core/access.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/db_index.h"
#include "commands/core/error_text.h"
#include "commands/core/registry.h"
#include "commands/core/txn_call.h"
#include "commands/core/wrapper.h"
#include "store/tables/lock_table.h"
#include "store/tables/once_table.h"

namespace clustron::commands {

namespace {

using Tokens = std::span<const Context::LockToken>;

constexpr uint16_t kCopyId = 206;
constexpr uint16_t kMoveId = 207;
constexpr uint16_t kSwapDbId = 208;

bool IsOpen(const store::Lock& lock, std::string_view name, Tokens tokens) {
  for (const Context::LockToken& shown : tokens) {
    if (shown.name != name) continue;
    for (const store::LockHolder& holder : lock.holders) {
      if (holder.token == shown.token) return true;
      if (Planted(Bug::kOlderTokenOpens) && shown.token < holder.token) return true;
    }
  }
  return false;
}

// Tokens are for names of the caller's database; another one's guards they don't open.
GuardVerdict CheckKey(const store::Store& store, int db, std::string_view key, Tokens tokens) {
  const store::Lock* lock = LocksOf(store).Guard(db, key);
  if (lock == nullptr || IsOpen(*lock, key, tokens)) return {};
  return {false, key, db};
}

// The other database that MOVE and COPY write to; the caller's own for everything else and for
// calls that will fail anyway.
int TargetDb(const CommandSpec& spec, Args args, int db) {
  std::string_view text;
  if (spec.id == kMoveId) {
    text = args[2];
  } else if (spec.id == kCopyId) {
    for (size_t i = 3; i + 1 < args.size(); i++) {
      if (IsWord(args[i], "DB")) text = args[i + 1];
    }
  }
  const std::optional<int64_t> number = ParseInt64(text);
  return number && IsDbIndex(*number) ? static_cast<int>(*number) : db;
}

GuardVerdict CheckSwap(Args args, const store::Store& store) {
  for (std::string_view arg : args.subspan(1)) {
    const std::optional<int64_t> db = ParseInt64(arg);
    if (db && IsDbIndex(*db) && LocksOf(store).guards_db(static_cast<int>(*db)))
      return {false, {}, static_cast<int>(*db)};
  }
  return {};
}

GuardVerdict CheckPlain(const CommandSpec& spec, Args args, int db, Tokens tokens,
                        const store::Store& store) {
  if (!spec.Is(kWriteFlag) || spec.Is(kNoGuard)) return {};
  if (spec.class_of != nullptr && spec.class_of(args) == Class::kRead) return {};  // GETEX k
  if (spec.id == kSwapDbId) return CheckSwap(args, store);
  std::vector<KeyRef> keys;
  if (!Registry::Keys(spec, args, &keys)) return {};  // its handler will refuse it
  const int target_db = TargetDb(spec, args, db);
  for (const KeyRef& key : keys) {
    if ((key.flags & (KeySpec::kRo | KeySpec::kNotKey)) != 0) continue;
    const std::string_view name = args[static_cast<size_t>(key.index)];
    // COPY leaves its own database alone.
    if (spec.id != kCopyId || target_db == db) {
      if (const GuardVerdict v = CheckKey(store, db, name, tokens); !v.allowed) return v;
      if (Planted(Bug::kGuardFirstKeyOnly)) return {};
    }
    if (target_db != db) {
      if (const GuardVerdict v = CheckKey(store, target_db, name, {}); !v.allowed) return v;
    }
  }
  return {};
}

// Whether it is an ONCE that was run before: it will answer from the table.
bool IsRepeat(const CommandSpec& spec, Args args, const Context& ctx) {
  return spec.name == "ONCE" && ctx.in_entry() &&
         OnceOf(ctx.store).Find(ctx.user(), args[1], ctx.store.elapsed_ms()) != nullptr;
}

GuardVerdict CheckWrapper(const CommandSpec& spec, Args args, int db, Tokens tokens,
                          const Context& ctx) {
  const size_t index = InnerIndex(spec);
  if (args.size() <= index) return {};
  const Args inner = args.subspan(index);
  const CommandSpec* inner_spec = InnerSpec(inner);
  if (inner_spec == nullptr || IsRepeat(spec, args, ctx)) return {};
  if (spec.name != "LOCK|DO") return CheckGuards(*inner_spec, inner, db, tokens, ctx);
  std::vector<Context::LockToken> more(tokens.begin(), tokens.end());
  const uint64_t token = ParseUint64(args[3]).value_or(0);
  more.push_back({args[2], token});
  GuardVerdict verdict = CheckGuards(*inner_spec, inner, db, more, ctx);
  const store::Lock* lock = LocksOf(ctx.store).Find(db, args[2]);
  const uint64_t current = lock == nullptr ? 0 : lock->holder().token;
  if (!verdict.allowed && token != current) {
    verdict.fenced_by = current;
    verdict.fenced_lock = args[2];
    verdict.db = db;
  }
  return verdict;
}

// A TXN inside an EXEC: whichever branch it will take must be allowed. The tokens of its conditions
// open guards for both; those that are not the holders' open none.
GuardVerdict CheckTxn(Args args, int db, Tokens tokens, const Context& ctx) {
  TxnCall call;
  if (!ParseTxn(args, &call).empty()) return {};
  std::vector<Context::LockToken> more(tokens.begin(), tokens.end());
  for (const TxnCondition& c : call.conditions) {
    if (c.kind == TxnCondition::Kind::kLock) more.push_back({c.key, c.number});
  }
  for (const std::vector<Args>* branch : {&call.then_commands, &call.else_commands}) {
    for (const Args& inner : *branch) {
      const CommandSpec* spec = InnerSpec(inner);
      if (spec == nullptr) continue;
      const GuardVerdict v = CheckGuards(*spec, inner, db, more, ctx);
      if (!v.allowed) return v;
    }
  }
  return {};
}

}  // namespace

GuardVerdict CheckGuards(const CommandSpec& spec, Args args, int db, Tokens tokens,
                         const Context& ctx) {
  if (!LocksOf(ctx.store).guards_any()) return {};
  if (spec.Is(kWrapper)) {
    return spec.name == "TXN" ? CheckTxn(args, db, tokens, ctx)
                              : CheckWrapper(spec, args, db, tokens, ctx);
  }
  return CheckPlain(spec, args, db, tokens, ctx.store);
}

void ReplyFenced(Context& ctx, std::string_view name, const store::Lock* lock) {
  ctx.reply.Error(Fenced(name, lock));
}

void ReplyLocked(Context& ctx, const GuardVerdict& verdict) {
  const store::LockTable& locks = LocksOf(ctx.store);
  if (verdict.fenced_by)
    return ReplyFenced(ctx, verdict.fenced_lock, locks.Find(verdict.db, verdict.fenced_lock));
  if (verdict.name.empty()) return ctx.reply.Error(LockedDb(verdict.db));
  ctx.reply.Error(Locked(verdict.name, locks.Find(verdict.db, verdict.name)));
}

bool GuardsAllow(Context& ctx) {
  if (ctx.guards_checked || ctx.spec->Is(kWrapper)) return true;
  const GuardVerdict verdict = CheckGuards(*ctx.spec, ctx.args, ctx.db, ctx.lock_tokens, ctx);
  if (!verdict.allowed) ReplyLocked(ctx, verdict);
  return verdict.allowed;
}

}  // namespace clustron::commands
