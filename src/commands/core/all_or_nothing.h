// Arms the undo journal for one command: what happens until Keep() or Undo() can be taken back
// exactly.
#pragma once

#include <optional>
#include <vector>

#include "base/check.h"
#include "commands/core/context.h"
#include "store/keyspace/store.h"
#include "store/tables/index_table.h"

namespace clustron::commands {

class AllOrNothing {
 public:
  explicit AllOrNothing(Context& ctx) : store_(ctx.Writable()), mark_(store_.Arm()) {}
  AllOrNothing(const AllOrNothing&) = delete;
  AllOrNothing& operator=(const AllOrNothing&) = delete;
  ~AllOrNothing() { DCHECK(done_); }

  // The entries that were written since, sorted by address.
  std::vector<const store::KeyRecord*> Written() const { return store_.WrittenSince(mark_); }

  void Keep() {
    CHECK(!done_);
    done_ = true;
    store_.Disarm(mark_);
  }
  void Undo() {
    CHECK(!done_);
    done_ = true;
    store_.Rollback(mark_);
  }

 private:
  store::Store& store_;
  const size_t mark_;
  bool done_ = false;
};

// Upkeep of indexes is paid for where a change is committed: where it may use up what is left of
// the item's budget, there must be a way back.
class WayBack {
 public:
  // `wide` as CommandSpec::IsWide has it.
  static bool Wanted(const Context& ctx, bool wide) {
    return ctx.work != nullptr && IndexesOf(ctx.store).UpkeepMax(ctx.args.size(), wide) >
                                      ctx.work->max(store::IndexTable::kUnitsPerNs) / 2;
  }
  WayBack(Context& ctx, bool wide) : ctx_(ctx) {
    if (Wanted(ctx, wide)) whole_.emplace(ctx);
  }
  // The command is done: undone if the budget is used up.
  void Done() {
    if (whole_) ctx_.over_budget() ? whole_->Undo() : whole_->Keep();
  }

 private:
  Context& ctx_;
  std::optional<AllOrNothing> whole_;
};

}  // namespace clustron::commands
