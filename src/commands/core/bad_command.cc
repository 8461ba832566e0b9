// What a client reads who calls something that isn't there, or with a wrong count.
#include <string>

#include "commands/core/context.h"
#include "commands/core/error_text.h"
#include "commands/core/registry.h"
#include "resp/reply_writer.h"

namespace clustron::commands {

namespace {

constexpr size_t kShownBytesMax = 128;  // of a name, and of all arguments together

// COMPAT: Redis prints C strings: up to a NUL, and only so many bytes.
std::string_view Shown(std::string_view text, size_t bytes_max = kShownBytesMax) {
  return text.substr(0, text.find('\0')).substr(0, bytes_max);
}

std::string UnknownCall(std::span<const std::string_view> args) {
  std::string shown;
  for (size_t i = 1; i < args.size() && shown.size() < kShownBytesMax; i++) {
    const std::string_view arg = Shown(args[i], kShownBytesMax - shown.size());
    shown.append("'").append(arg).append("' ");
  }
  const std::string_view name = args.empty() ? std::string_view() : Shown(args[0]);
  return UnknownCommand(name, shown);
}

}  // namespace

void ReplySubcommandSyntax(Context& ctx) {
  std::string container(ctx.spec->name.substr(0, ctx.spec->name.find('|')));
  for (char& c : container) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  ctx.reply.Error(SubcommandSyntax(container, Shown(ctx.args[1])));
}

void ReplyBadCommand(std::span<const std::string_view> args, const CommandSpec* container,
                     const CommandSpec* spec, resp::ReplyWriter& reply) {
  if (container != nullptr && args.size() >= 2)
    return reply.Error(UnknownSubcommand(container->name, Shown(args[1])));
  if (spec == nullptr) return reply.Error(UnknownCall(args));
  // COMPAT: EXEC's own mistake ends the transaction, and says so.
  const bool exec = spec->Is(kRunsQueue);
  reply.Error(exec ? ExecAborted(WrongArity(*spec)) : WrongArity(*spec));
}

}  // namespace clustron::commands
