// Running a query for a command: with the item's budget, without keys that are due.
#pragma once

#include <functional>
#include <optional>

#include "commands/core/context.h"
#include "store/index/query_page.h"
#include "store/tables/index_table.h"

namespace clustron::commands {

// Whether readers see a key of an index; null: all, nothing being due.
std::function<bool(const store::IndexedKey&)> AliveFor(const Context& ctx);
// What walking costs; false: the item's budget is used up.
bool SpendVisits(Context& ctx, const store::Index& index, const store::BoundQuery& where);
// Nothing, with the reply, if it would visit too much.
std::optional<store::Page> FindPage(Context& ctx, const store::Index& index,
                                    const store::PageRequest& request);

}  // namespace clustron::commands
