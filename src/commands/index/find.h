// Running a query for a command: with the item's budget, without keys that are due.
#pragma once

#include <optional>

#include "commands/core/context.h"
#include "store/index/query_page.h"
#include "store/tables/index_table.h"

namespace clustron::commands {

// Leaves out the keys of an index that readers don't see; null: they see all, nothing being due.
store::KeepLiving KeepLivingFor(const Context& ctx);
// Whether keys of the database end at a time: a function of the state, as the above is not.
bool HasDeadlines(const Context& ctx);
// Nothing, with the reply, if it would visit too much, or the item's budget is used up.
std::optional<store::Page> FindPage(Context& ctx, const store::Index& index,
                                    const store::PageRequest& request);

}  // namespace clustron::commands
