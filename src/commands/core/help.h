// What HELP subcommands answer.
#pragma once

#include <span>
#include <string_view>

#include "commands/core/context.h"

namespace clustron::commands {

struct HelpLine {
  std::string_view usage;  // "ENCODING <key>"
  std::string_view text;
};

// "TXN HELP": of a command that has no subcommand rows.
bool IsHelp(Args args);
// Redis's layout: a headline, two lines per subcommand, HELP itself last; simple strings.
void ReplyHelp(Context& ctx, std::string_view command, std::span<const HelpLine> lines);

}  // namespace clustron::commands
