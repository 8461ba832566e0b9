// What an item, or a read that runs others, may cost (docs/architecture.md, "What an item may
// cost"): by the rules of the feature version in force.
#pragma once

#include <cstdint>

#include "base/work_meter.h"
#include "cluster/log/feature_version.h"
#include "commands/core/context.h"
#include "commands/core/spec.h"
#include "store/keyspace/store.h"

namespace clustron::state {

// From this feature version on items have a budget.
inline constexpr uint16_t kBudgetVersion = 2;
// Of nominal nanoseconds there is one for so many units: 50 ms beside 500 million.
inline constexpr uint64_t kUnitsPerNs = 10;
// EXEC has a second: it takes away whole lists, as it does in Redis.
inline constexpr uint64_t kExecNsPerUnit = 2;

inline bool RunsOthers(const commands::CommandSpec& spec) {
  return (spec.flags & (commands::kWrapper | commands::kRunsQueue | commands::kMadeHere)) != 0;
}

inline uint64_t NominalNsOf(const commands::CommandSpec& spec, uint64_t units) {
  return spec.Is(commands::kRunsQueue) ? units * kExecNsPerUnit : units / kUnitsPerNs;
}

// REQUIRES: the version has budgets.
inline void BeginItemBudget(commands::Context& ctx, uint16_t version, uint64_t units) {
  const bool has_time = version >= cluster::kItemsHaveTime && RunsOthers(*ctx.spec);
  ctx.work = &ctx.Writable().work();
  ctx.work->Begin(units, has_time ? NominalNsOf(*ctx.spec, units) : WorkMeter::kUnlimited);
  ctx.reply.SetLimit(ctx.store.item_reply_max());
}

// COMPAT: an EXEC of reads has none, as it has none in Redis.
inline void BeginReadBudget(commands::Context& ctx, WorkMeter& meter, uint64_t units) {
  if (!ctx.spec->Is(commands::kWrapper)) return;
  meter.Begin(WorkMeter::kUnlimited, units / kUnitsPerNs);
  ctx.work = &meter;
}

}  // namespace clustron::state
