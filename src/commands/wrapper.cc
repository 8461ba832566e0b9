#include "commands/wrapper.h"

#include <string>

#include "base/check.h"
#include "commands/access.h"
#include "commands/registry.h"

namespace clustron::commands {

namespace {

const CommandSpec* Resolve(Args args) {
  const CommandSpec* container;
  return Registry::Get().Resolve(args, &container);
}

}  // namespace

size_t InnerIndex(const CommandSpec& spec) {
  DCHECK(spec.Is(kWrapper));
  return spec.name == "LOCK|DO" ? 4 : 3;
}

const CommandSpec* InnerSpec(Args inner) {
  const CommandSpec* spec = Resolve(inner);
  if (spec == nullptr || spec->handler == nullptr || !spec->ArityOk(inner.size())) return nullptr;
  return MayBeNested(*spec, inner) ? spec : nullptr;
}

bool MayBeNested(const CommandSpec& spec, Args args) {
  if (spec.Is(kLocalState | kBlocking | kNoMulti) || spec.group == Group::kTransactions) {
    return false;
  }
  return spec.ClassOf(args) != Class::kLocal;
}

bool RunInner(Context& ctx, Args inner, resp::ReplyWriter& reply) {
  DCHECK(ctx.nested != nullptr);
  if (ctx.depth >= kNestingMax) {
    reply.Error("ERR commands are nested too deep");
    return false;
  }
  const CommandSpec* spec = Resolve(inner);
  if (spec != nullptr && spec->handler != nullptr && spec->ArityOk(inner.size()) &&
      !MayBeNested(*spec, inner)) {
    reply.Error("ERR '" + LowerName(*spec) + "' may not stand inside another command");
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
  if (!Registry::Keys(*spec, inner, &keys)) return false;
  for (const KeyRef& key : keys) {
    out->push_back({key.index + static_cast<int>(inner_index), key.flags});
  }
  return true;
}

}  // namespace clustron::commands
