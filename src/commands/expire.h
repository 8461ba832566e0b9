// Expiry without an entry.
#pragma once

#include "commands/context.h"

namespace clustron::commands {

// expire-coalesce (see design.md): an EXPIRE, PEXPIRE or GETEX without conditions that moves a
// key's end only a little later is answered as a read, outside MULTI and wrappers.
//
// Commands with Flag::kCoalesce may therefore be run on the read path, behind the read index,
// although their class is kWrite. Their handlers begin with this: in an entry it is false; on the
// read path it is true, and the command was answered, or it set ctx.needs_entry.
bool AnsweredAsRead(Context& ctx);

}  // namespace clustron::commands
