#include "commands/core/wrapper.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "commands/core/error_text.h"
#include "commands/core/errors.h"
#include "commands/core/help.h"
#include "commands/core/keys.h"
#include "commands/core/registry.h"
#include "commands/core/txn_call.h"

namespace clustron::commands {

namespace {

const CommandSpec* Resolve(Args args) {
  const CommandSpec* container;
  return Registry::Get().Resolve(args, &container);
}

// Calls f(Args) for each command that a wrapper's call holds; of a malformed call for none, since
// it will answer its error.
template <typename F>
void ForEachInner(const CommandSpec& spec, Args args, F&& f) {
  if (spec.inner != 0) {
    if (args.size() > spec.inner) f(args.subspan(spec.inner));
    return;
  }
  TxnCall call;
  if (!ParseTxn(args, &call).empty()) return;
  for (const std::vector<Args>* branch : {&call.then_commands, &call.else_commands})
    for (const Args& inner : *branch) f(inner);
}

bool NestsWithin(Args args, int wrappers_max) {
  const CommandSpec* spec = Resolve(args);
  if (spec == nullptr || !spec->Is(kWrapper)) return true;
  if (wrappers_max == 0) return false;
  bool within = true;
  ForEachInner(*spec, args,
               [&](Args inner) { within = within && NestsWithin(inner, wrappers_max - 1); });
  return within;
}

uint16_t VersionWithin(const CommandSpec& spec, Args args, int wrappers_max) {
  uint16_t version = spec.FeatureVersionOf(args);
  if (!spec.Is(kWrapper) || wrappers_max == 0) return version;
  ForEachInner(spec, args, [&](Args inner) {
    const CommandSpec* wrapped = inner.empty() ? nullptr : Resolve(inner);
    if (wrapped != nullptr)
      version = std::max(version, VersionWithin(*wrapped, inner, wrappers_max - 1));
  });
  return version;
}

// Judged before anything looks into the inner commands: those who do so recurse.
bool NestsTooDeep(Args inner) { return !NestsWithin(inner, kNestingMax - 1); }

}  // namespace

uint16_t VersionOfCall(const CommandSpec& spec, Args args) {
  return VersionWithin(spec, args, kNestingMax);
}

const CommandSpec* InnerSpec(Args inner) {
  const CommandSpec* spec = Resolve(inner);
  if (spec == nullptr || !spec->Accepts(inner.size())) return nullptr;
  return MayBeNested(*spec, inner) && !NestsTooDeep(inner) ? spec : nullptr;
}

bool MayBeNested(const CommandSpec& spec, Args args) {
  if (spec.Is(kLocalState | kNoMulti) || spec.group == Group::kTransactions) {
    return false;
  }
  // What a wrapper wraps is asked in its turn.
  if (spec.Is(kWrapper)) return !IsHelp(args);
  return spec.ClassOf(args) != Class::kLocal;
}

bool RunInner(Context& ctx, Args inner, resp::ReplyWriter& reply) {
  DCHECK(ctx.nested != nullptr);
  if (ctx.depth >= kNestingMax || NestsTooDeep(inner)) {
    reply.Error(kErrNestedTooDeep);
    return false;
  }
  const CommandSpec* spec = Resolve(inner);
  if (spec != nullptr && spec->Accepts(inner.size()) && !MayBeNested(*spec, inner)) {
    reply.Error(NotNestable(*spec));
    return false;
  }
  return ctx.nested->Run(inner, reply, ctx);
}

Class InnerClass(Args args, size_t inner_index) {
  if (args.size() <= inner_index) return Class::kRead;
  const Args inner = args.subspan(inner_index);
  const CommandSpec* spec = InnerSpec(inner);
  // What can't run answers its error from here, without an entry.
  if (spec == nullptr) return Class::kRead;
  // Inside an entry a keepalive is a part of it.
  return spec->ClassOf(inner) == Class::kRead ? Class::kRead : Class::kWrite;
}

bool InnerKeys(Args args, size_t inner_index, std::vector<KeyRef>* out) {
  if (args.size() <= inner_index) return false;
  const Args inner = args.subspan(inner_index);
  const CommandSpec* spec = InnerSpec(inner);
  if (spec == nullptr) return false;
  std::vector<KeyRef> keys;
  if (!KeysOf(*spec, inner, &keys)) return false;
  for (const KeyRef& key : keys) {
    out->push_back({key.index + static_cast<int>(inner_index), key.flags});
  }
  return true;
}

}  // namespace clustron::commands
