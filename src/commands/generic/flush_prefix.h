// FLUSHDB PREFIX: deletes the keys of a database that begin with a prefix, in one entry or, SLICED,
// in several.
#pragma once

#include "commands/core/context.h"

namespace clustron::commands {

bool FlushesPrefix(Args args);
// REQUIRES: FlushesPrefix(ctx.args).
void FlushPrefix(Context& ctx);

}  // namespace clustron::commands
