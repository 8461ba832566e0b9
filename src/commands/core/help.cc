#include "commands/core/help.h"

#include <string>

#include "commands/core/arg_cursor.h"
#include "resp/reply_writer.h"

namespace clustron::commands {

bool IsHelp(Args args) { return args.size() == 2 && IsWord(args[1], "HELP"); }

void ReplyHelp(Context& ctx, std::string_view command, std::span<const HelpLine> lines) {
  ctx.reply.Array(lines.size() * 2 + 3);
  ctx.reply.Simple(std::string(command) +
                   " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const HelpLine& line : lines) {
    ctx.reply.Simple(line.usage);
    ctx.reply.Simple("    " + std::string(line.text));
  }
  ctx.reply.Simple("HELP");
  ctx.reply.Simple("    Prints this help.");
}

}  // namespace clustron::commands
