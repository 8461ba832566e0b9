// What the dispatcher needs of the expiry family.
#pragma once

#include "commands/context.h"

namespace clustron::commands {

// expire-coalesce (see design.md): an EXPIRE, PEXPIRE or GETEX without conditions that moves a
// key's end only a little later is answered as a read. To be called on the read path, behind the
// read index, for commands with Flag::kCoalesce outside MULTI and wrappers. True: it was answered.
// False: nothing was done or replied, and it must go the way of a write.
bool AnswerCoalesced(Context& ctx);

}  // namespace clustron::commands
