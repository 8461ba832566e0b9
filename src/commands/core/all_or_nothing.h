// Arms the undo journal for one command: what happens until Keep() or Undo() can be taken back
// exactly, replies stored by ONCE included.
#pragma once

#include <vector>

#include "base/check.h"
#include "commands/core/context.h"
#include "commands/core/once_table.h"
#include "store/keyspace/store.h"

namespace clustron::commands {

class AllOrNothing {
 public:
  explicit AllOrNothing(Context& ctx) : store_(ctx.Writable()), once_(ctx.once()) {
    mark_ = store_.Arm();
    if (once_ != nullptr) once_mark_ = once_->mark();
  }
  AllOrNothing(const AllOrNothing&) = delete;
  AllOrNothing& operator=(const AllOrNothing&) = delete;
  ~AllOrNothing() { DCHECK(done_); }

  // The entries that were written since, sorted by address.
  std::vector<const store::KeyRecord*> Written() const { return store_.WrittenSince(mark_); }

  void Keep() {
    done_ = true;
    store_.Disarm(mark_);
  }
  void Undo() {
    done_ = true;
    store_.Rollback(mark_);
    if (once_ != nullptr) once_->Rollback(once_mark_);
  }

 private:
  store::Store& store_;
  OnceTable* once_;
  size_t mark_ = 0;
  size_t once_mark_ = 0;
  bool done_ = false;
};

}  // namespace clustron::commands
