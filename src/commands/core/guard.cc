#include "commands/core/guard.h"

#include <string>
#include <vector>

#include "base/numeric.h"
#include "base/planted_bugs.h"
#include "commands/core/access.h"
#include "commands/core/error_text.h"
#include "commands/core/keys.h"
#include "commands/core/registry.h"
#include "commands/core/txn_call.h"
#include "commands/core/wrapper.h"
#include "store/tables/lock_table.h"

namespace clustron::commands {

namespace {

using Tokens = std::span<const Context::LockToken>;

// Nobody writes the key of a lock that many may hold.
bool IsOpen(const store::Lock& lock, std::string_view name, Tokens tokens) {
  if (lock.held_shared()) return false;
  for (const Context::LockToken& shown : tokens) {
    if (shown.name != name) continue;
    if (lock.Find(shown.token) != nullptr) return true;
    if (Planted(Bug::kOlderTokenOpens) && shown.token < lock.current()) return true;
  }
  return false;
}

GuardVerdict CheckKey(const store::Store& store, int db, std::string_view key, Tokens tokens) {
  const store::Lock* lock = LocksOf(store).Guard(db, key);
  if (lock == nullptr || IsOpen(*lock, key, tokens)) return {};
  return {false, key, db};
}

GuardVerdict CheckWholeDbs(const WrittenDbs& dbs, const store::Store& store) {
  for (int i = 0; i < dbs.count; i++)
    if (LocksOf(store).guards_db(dbs.db[i])) return {false, {}, dbs.db[i]};
  return {};
}

// Who deletes all keys that begin with something meets the guards of all such names, of keys that
// are not there too, as DEL does.
GuardVerdict CheckPrefix(const Context& ctx, int db, std::string_view prefix, Tokens tokens) {
  GuardVerdict verdict;
  LocksOf(ctx.store).ForPrefix(db, prefix, [&](std::string_view name, const store::Lock& lock) {
    if (ctx.work != nullptr) ctx.work->SpendEach(1, 50);
    if (!lock.guards() || IsOpen(lock, name, tokens)) return true;
    verdict = {false, name, db};
    return false;
  });
  return verdict;
}

GuardVerdict CheckPlain(const CommandSpec& spec, Args args, int db, Tokens tokens,
                        const Context& ctx) {
  const store::Store& store = ctx.store;
  if (!spec.Is(kWriteFlag) || spec.Is(kNoGuard)) return {};
  if (spec.class_of != nullptr && spec.class_of(args) == Class::kRead) return {};  // GETEX k
  const WrittenDbs dbs =
      spec.written_dbs != nullptr ? spec.written_dbs(args, db, store) : WrittenDbs{1, {db}};
  if (spec.Is(kWholeDbs)) return CheckWholeDbs(dbs, store);
  if (spec.written_prefix != nullptr) {
    const std::optional<std::string_view> prefix = spec.written_prefix(args);
    return prefix ? CheckPrefix(ctx, db, *prefix, tokens) : GuardVerdict{};
  }
  std::vector<KeyRef> keys;
  if (!KeysOf(spec, args, &keys)) return {};  // its handler will refuse it
  for (const KeyRef& key : keys) {
    if ((key.flags & (KeySpec::kRo | KeySpec::kNotKey)) != 0) continue;
    const std::string_view name = args[static_cast<size_t>(key.index)];
    for (int i = 0; i < dbs.count; i++) {
      // Tokens are for names of the caller's database; another one's guards they don't open.
      const Tokens shown = dbs.db[i] == db ? tokens : Tokens{};
      if (const GuardVerdict v = CheckKey(store, dbs.db[i], name, shown); !v.allowed) return v;
      if (Planted(Bug::kGuardFirstKeyOnly) && dbs.db[i] == db) return {};
    }
  }
  return {};
}

GuardVerdict CheckWrapper(const CommandSpec& spec, Args args, int db, Tokens tokens,
                          const Context& ctx) {
  if (args.size() <= spec.inner) return {};
  const Args inner = args.subspan(spec.inner);
  const CommandSpec* inner_spec = InnerSpec(inner);
  if (inner_spec == nullptr || (spec.is_repeat != nullptr && spec.is_repeat(args, ctx))) return {};
  if (spec.shown_lock == nullptr) return CheckGuards(*inner_spec, inner, db, tokens, ctx);
  const ShownLock shown = spec.shown_lock(args);
  const uint64_t token = ParseUint64(shown.token).value_or(0);
  std::vector<Context::LockToken> more(tokens.begin(), tokens.end());
  more.push_back({shown.name, token});
  GuardVerdict verdict = CheckGuards(*inner_spec, inner, db, more, ctx);
  const store::Lock* lock = LocksOf(ctx.store).Find(db, shown.name);
  if (!verdict.allowed && (lock == nullptr || lock->Find(token) == nullptr)) {
    verdict.fenced_by = lock == nullptr ? 0 : lock->current();
    verdict.fenced_lock = shown.name;
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
    return spec.inner == 0 ? CheckTxn(args, db, tokens, ctx)
                           : CheckWrapper(spec, args, db, tokens, ctx);
  }
  return CheckPlain(spec, args, db, tokens, ctx);
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

bool GuardOfKeyAllows(Context& ctx, std::string_view key) {
  if (!LocksOf(ctx.store).guards_any()) return true;
  const GuardVerdict verdict = CheckKey(ctx.store, ctx.db, key, ctx.lock_tokens);
  if (!verdict.allowed) ReplyLocked(ctx, verdict);
  return verdict.allowed;
}

bool GuardsAllow(Context& ctx) {
  if (ctx.guards_checked || ctx.spec->Is(kWrapper)) return true;
  const GuardVerdict verdict = CheckGuards(*ctx.spec, ctx.args, ctx.db, ctx.lock_tokens, ctx);
  if (!verdict.allowed) ReplyLocked(ctx, verdict);
  return verdict.allowed;
}

}  // namespace clustron::commands
