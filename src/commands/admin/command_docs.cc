// COMMAND and its subcommands: the table as clients see it, in Redis 7's reply shapes.
#include <algorithm>
#include <string>
#include <vector>

#include "base/glob.h"
#include "base/strings.h"
#include "commands/admin/command_docs.spec.h"
#include "commands/admin/errors.h"
#include "commands/core/arg_cursor.h"
#include "commands/core/describe.h"
#include "commands/core/help.h"
#include "commands/core/keys.h"
#include "commands/core/registry.h"

namespace clustron::commands {

namespace {

constexpr HelpLine kCommandHelp[] = {
    {"(no subcommand)", "Details about all commands."},
    {"COUNT", "The number of commands."},
    {"LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]", "Names of commands."},
    {"INFO [<command-name> ...]", "Details about the given commands, or all."},
    {"DOCS [<command-name> ...]", "Documentation of the given commands, or all."},
    {"GETKEYS <full-command>", "The keys of a whole command."},
    {"GETKEYSANDFLAGS <full-command>", "The keys of a whole command and what is done to each."},
};

void ReplyNames(Context& ctx, const std::vector<std::string_view>& names,
                std::string_view prefix = {}) {
  ctx.reply.Set(names.size());
  for (std::string_view name : names) ctx.reply.Simple(std::string(prefix) + std::string(name));
}

// "OBJECT", or a subcommand as "OBJECT|ENCODING". Null: unknown.
const CommandSpec* FindByFullName(std::string_view name) {
  const Registry& registry = Registry::Get();
  const size_t bar = name.find('|');
  const CommandSpec* spec = registry.Find(name.substr(0, bar));
  if (spec == nullptr || bar == std::string_view::npos) return spec;
  return registry.FindSub(*spec, name.substr(bar + 1));
}

// ---- INFO ----

void ReplyBegin(Context& ctx, const KeySpec& spec) {
  const bool keyword = spec.begin == KeySpec::Begin::kKeyword;
  const bool unknown = spec.begin == KeySpec::Begin::kUnknown;
  ctx.reply.Map(2);
  ctx.reply.Bulk("type");
  ctx.reply.Bulk(unknown ? "unknown" : keyword ? "keyword" : "index");
  ctx.reply.Bulk("spec");
  ctx.reply.Map(unknown ? 0 : keyword ? 2 : 1);
  if (unknown) return;
  if (keyword) {
    ctx.reply.Bulk("keyword");
    ctx.reply.Bulk(spec.keyword);
    ctx.reply.Bulk("startfrom");
  } else {
    ctx.reply.Bulk("index");
  }
  ctx.reply.Int(spec.begin_index);
}

void ReplyFind(Context& ctx, const KeySpec& spec) {
  const auto pair = [&](std::string_view name, int value) {
    ctx.reply.Bulk(name);
    ctx.reply.Int(value);
  };
  ctx.reply.Map(2);
  ctx.reply.Bulk("type");
  switch (spec.find) {
    case KeySpec::Find::kRange:
      ctx.reply.Bulk("range");
      ctx.reply.Bulk("spec");
      ctx.reply.Map(3);
      pair("lastkey", spec.last);
      pair("keystep", spec.step);
      pair("limit", spec.limit);
      return;
    case KeySpec::Find::kKeyNum:
      ctx.reply.Bulk("keynum");
      ctx.reply.Bulk("spec");
      ctx.reply.Map(3);
      pair("keynumidx", spec.keynum_index);
      pair("firstkey", spec.first_key);
      pair("keystep", spec.keynum_step);
      return;
    case KeySpec::Find::kUnknown:
      ctx.reply.Bulk("unknown");
      ctx.reply.Bulk("spec");
      ctx.reply.Map(0);
      return;
  }
}

void ReplyKeySpec(Context& ctx, const KeySpec& spec) {
  ctx.reply.Map(spec.note.empty() ? 3 : 4);
  if (!spec.note.empty()) {
    ctx.reply.Bulk("notes");
    ctx.reply.Bulk(spec.note);
  }
  ctx.reply.Bulk("flags");
  ReplyNames(ctx, KeyFlagNames(spec.flags));
  ctx.reply.Bulk("begin_search");
  ReplyBegin(ctx, spec);
  ctx.reply.Bulk("find_keys");
  ReplyFind(ctx, spec);
}

void ReplyInfo(Context& ctx, const CommandSpec& spec) {
  const LegacyRange range = LegacyKeyRange(spec.keys);
  ctx.reply.Array(10);
  ctx.reply.Bulk(Lower(spec.name));
  ctx.reply.Int(spec.arity);
  ReplyNames(ctx, FlagNames(spec));
  ctx.reply.Int(range.first);
  ctx.reply.Int(range.last);
  ctx.reply.Int(range.step);
  ReplyNames(ctx, AclNames(AclCategories(spec)), "@");
  const std::vector<std::string_view> tips = Tips(spec);
  ctx.reply.Set(tips.size());
  for (std::string_view tip : tips) ctx.reply.Bulk(tip);
  ctx.reply.Set(spec.keys.size());
  for (const KeySpec& key_spec : spec.keys) ReplyKeySpec(ctx, key_spec);
  const auto subs = Registry::Get().Subcommands(spec);
  // COMPAT: Redis sends the empty list as a set, a full one as an array.
  subs.empty() ? ctx.reply.Set(0) : ctx.reply.Array(subs.size());
  for (const CommandSpec* sub : subs) ReplyInfo(ctx, *sub);
}

void ReplyAllInfo(Context& ctx) {
  const auto all = Registry::Get().All();
  ctx.reply.Array(all.size());
  for (const CommandSpec* spec : all) ReplyInfo(ctx, *spec);
}

// ---- DOCS ----

// A map whose entries are counted as they are written.
class Fields {
 public:
  explicit Fields(Context& ctx) : ctx_(ctx), place_(ctx.reply.Deferred()) {}
  ~Fields() { ctx_.reply.DeferredMap(place_, count_); }
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;

  void Name(std::string_view name) {
    ctx_.reply.Bulk(name);
    count_++;
  }
  void Text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    Name(name);
    ctx_.reply.Bulk(value);
  }

 private:
  Context& ctx_;
  uint64_t place_;
  size_t count_ = 0;
};

void ReplyArgs(Context& ctx, std::span<const Argument> args) {
  ctx.reply.Array(args.size());
  for (const Argument& arg : args) {
    Fields fields(ctx);
    fields.Text("name", arg.name);
    fields.Text("type", ArgTypeName(arg.type));
    if (arg.key_spec_index >= 0) {
      fields.Name("key_spec_index");
      ctx.reply.Int(arg.key_spec_index);
    }
    fields.Text("token", arg.token);
    fields.Text("since", arg.since);
    std::vector<std::string_view> flags;
    if (arg.optional) flags.push_back("optional");
    if (arg.multiple) flags.push_back("multiple");
    if (arg.multiple_token) flags.push_back("multiple_token");
    if (!flags.empty()) {
      fields.Name("flags");
      ReplyNames(ctx, flags);
    }
    if (!arg.args.empty()) {
      fields.Name("arguments");
      ReplyArgs(ctx, arg.args);
    }
  }
}

void ReplyDocs(Context& ctx, const CommandSpec& spec) {
  Fields fields(ctx);
  fields.Text("summary", spec.summary);
  fields.Text("since", spec.since);
  fields.Text("group", GroupName(spec.group));
  fields.Text("complexity", spec.complexity);
  if (!spec.deprecated_since.empty()) {
    fields.Name("doc_flags");
    ReplyNames(ctx, {"deprecated"});
    fields.Text("deprecated_since", spec.deprecated_since);
    fields.Text("replaced_by", spec.replaced_by);
  }
  if (const auto args = Registry::Get().ArgumentsOf(spec); !args.empty()) {
    fields.Name("arguments");
    ReplyArgs(ctx, args);
  }
  const auto subs = Registry::Get().Subcommands(spec);
  if (subs.empty()) return;
  fields.Name("subcommands");
  ctx.reply.Map(subs.size());
  for (const CommandSpec* sub : subs) {
    ctx.reply.Bulk(Lower(sub->name));
    ReplyDocs(ctx, *sub);
  }
}

// ---- LIST ----

struct ListFilter {
  enum class Kind : uint8_t { kNone, kModule, kAclCategory, kPattern };
  Kind kind = Kind::kNone;
  std::string_view text;
  uint32_t category = 0;
};

bool Passes(const CommandSpec& spec, const ListFilter& filter) {
  switch (filter.kind) {
    case ListFilter::Kind::kNone:
      return true;
    case ListFilter::Kind::kModule:
      return false;  // there are none
    case ListFilter::Kind::kAclCategory:
      return (AclCategories(spec) & filter.category) != 0;
    case ListFilter::Kind::kPattern:
      return GlobMatch(filter.text, spec.name, /*ignore_case=*/true);
  }
  return false;
}

ListFilter TakeFilter(ArgCursor& args) {
  ListFilter filter;
  if (!args.HasNext()) return filter;
  if (args.remaining() != 3 || !args.Token("FILTERBY")) args.Fail(kErrSyntax);
  if (args.Token("MODULE")) {
    filter.kind = ListFilter::Kind::kModule;
  } else if (args.Token("ACLCAT")) {
    filter.kind = ListFilter::Kind::kAclCategory;
  } else if (args.Token("PATTERN")) {
    filter.kind = ListFilter::Kind::kPattern;
  } else {
    args.Fail(kErrSyntax);
  }
  filter.text = args.Next();
  filter.category = AclCategory(filter.text);
  return filter;
}

// ---- GETKEYS ----

// COMPAT: channels that are described as keys (SPUBLISH) are none.
bool HasKeys(const CommandSpec& spec) {
  const auto is_key = [](const KeySpec& key) { return (key.flags & KeySpec::kNotKey) == 0; };
  return spec.get_keys != nullptr || std::any_of(spec.keys.begin(), spec.keys.end(), is_key);
}

// The keys of the whole command behind GETKEYS. False, with the error replied, if it has none.
bool KeysOfCall(Context& ctx, std::vector<KeyRef>* keys) {
  const Args call = ctx.args.subspan(2);
  const CommandSpec* container;
  const CommandSpec* spec = Registry::Get().Resolve(call, &container);
  if (spec == nullptr) {
    ctx.reply.Error(kErrNoSuchCommand);
  } else if (!HasKeys(*spec)) {
    ctx.reply.Error(kErrNoKeyArguments);
  } else if (!spec->ArityOk(call.size())) {
    ctx.reply.Error(kErrGetKeysArity);
  } else if (!KeysOf(*spec, call, keys)) {
    if (spec->Is(kNoMandatoryKeys)) {
      ctx.reply.Array(0);
    } else {
      ctx.reply.Error(kErrGetKeysMalformed);
    }
  } else {
    return true;
  }
  return false;
}

}  // namespace

void CmdCommand(Context& ctx) { ReplyAllInfo(ctx); }

void CmdCommandCount(Context& ctx) { ctx.reply.Uint(Registry::Get().All().size()); }

void CmdCommandInfo(Context& ctx) {
  if (ctx.args.size() == 2) return ReplyAllInfo(ctx);
  ctx.reply.Array(ctx.args.size() - 2);
  for (std::string_view name : ctx.args.subspan(2)) {
    const CommandSpec* spec = FindByFullName(name);
    if (spec == nullptr) {
      ctx.reply.Null();
    } else {
      ReplyInfo(ctx, *spec);
    }
  }
}

void CmdCommandDocs(Context& ctx) {
  std::vector<const CommandSpec*> specs;
  for (std::string_view name : ctx.args.subspan(2)) {
    if (const CommandSpec* spec = FindByFullName(name)) specs.push_back(spec);
  }
  if (ctx.args.size() == 2) {
    const auto all = Registry::Get().All();
    specs.assign(all.begin(), all.end());
  }
  ctx.reply.Map(specs.size());
  for (const CommandSpec* spec : specs) {
    ctx.reply.Bulk(Lower(spec->name));
    ReplyDocs(ctx, *spec);
  }
}

void CmdCommandList(Context& ctx) {
  ArgCursor args(ctx.args, 2);
  const ListFilter filter = TakeFilter(args);
  if (!args.ok()) return ctx.reply.Error(args.error());
  const Registry& registry = Registry::Get();
  const uint64_t place = ctx.reply.Deferred();
  size_t count = 0;
  const auto list = [&](const CommandSpec& spec) {
    if (!Passes(spec, filter)) return;
    ctx.reply.Bulk(Lower(spec.name));
    count++;
  };
  for (const CommandSpec* spec : registry.All()) {
    list(*spec);
    for (const CommandSpec* sub : registry.Subcommands(*spec)) list(*sub);
  }
  ctx.reply.DeferredArray(place, count);
}

void CmdCommandGetkeys(Context& ctx) {
  std::vector<KeyRef> keys;
  if (!KeysOfCall(ctx, &keys)) return;
  ctx.reply.Array(keys.size());
  for (const KeyRef& key : keys) ctx.reply.Bulk(ctx.args[static_cast<size_t>(key.index) + 2]);
}

void CmdCommandGetkeysandflags(Context& ctx) {
  std::vector<KeyRef> keys;
  if (!KeysOfCall(ctx, &keys)) return;
  ctx.reply.Array(keys.size());
  for (const KeyRef& key : keys) {
    ctx.reply.Array(2);
    ctx.reply.Bulk(ctx.args[static_cast<size_t>(key.index) + 2]);
    ReplyNames(ctx, KeyFlagNames(key.flags));
  }
}

void CmdCommandHelp(Context& ctx) { ReplyHelp(ctx, "COMMAND", kCommandHelp); }

std::span<const CommandSpec> CommandCommands() { return kCommandRows; }

}  // namespace clustron::commands
