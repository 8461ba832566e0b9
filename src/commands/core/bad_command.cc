// What a client reads who calls something that isn't there, or with a wrong count.
#include <string>

#include "commands/core/context.h"
#include "commands/core/error_text.h"
#include "commands/core/registry.h"
#include "resp/reply_writer.h"

namespace clustron::commands {

namespace {

// Behind what Redis says, so that whoever looks for its words finds them.
constexpr const char* kNotYet = "(Redis has it, it is not in Clustron yet)";
constexpr size_t kShownBytesMax = 128;  // of a name, and of all arguments together

// COMPAT: Redis prints C strings: up to a NUL, and only so many bytes.
std::string_view Shown(std::string_view text, size_t bytes_max = kShownBytesMax) {
  return text.substr(0, text.find('\0')).substr(0, bytes_max);
}

std::string UnknownCommand(std::span<const std::string_view> args) {
  std::string shown;
  for (size_t i = 1; i < args.size() && shown.size() < kShownBytesMax; i++) {
    const std::string_view arg = Shown(args[i], kShownBytesMax - shown.size());
    shown.append("'").append(arg).append("' ");
  }
  const std::string_view name = args.empty() ? std::string_view() : Shown(args[0]);
  return "ERR unknown command '" + std::string(name) + "', with args beginning with: " + shown +
         (IsRedisCommand(name) ? kNotYet : "");
}

}  // namespace

void ReplySubcommandSyntax(Context& ctx) {
  std::string container(ctx.spec->name.substr(0, ctx.spec->name.find('|')));
  for (char& c : container) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  ctx.reply.Error("ERR unknown subcommand or wrong number of arguments for '" +
                  std::string(Shown(ctx.args[1])) + "'. Try " + container + " HELP.");
}

void ReplyBadCommand(std::span<const std::string_view> args, const CommandSpec* container,
                     const CommandSpec* spec, resp::ReplyWriter& reply) {
  if (container != nullptr && args.size() >= 2) {
    const std::string name(Shown(args[1]));
    return reply.Error(
        "ERR unknown subcommand '" + name + "'. Try " + std::string(container->name) + " HELP." +
        (IsRedisCommand(std::string(container->name) + "|" + name) ? " " + std::string(kNotYet)
                                                                   : ""));
  }
  if (spec == nullptr) return reply.Error(UnknownCommand(args));
  std::string name(spec->name);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  // COMPAT: EXEC's own mistake ends the transaction, and says so.
  const bool exec = spec->Is(kRunsQueue);
  reply.Error((exec ? "EXECABORT Transaction discarded because of: " : "ERR ") +
              ("wrong number of arguments for '" + name + "' command"));
}

}  // namespace clustron::commands
