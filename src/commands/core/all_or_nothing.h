// Arms the undo journal for one command: what happens until Keep() or Undo() can be taken back
// exactly.
#pragma once

#include <vector>

#include "base/check.h"
#include "commands/core/context.h"
#include "store/keyspace/store.h"

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

}  // namespace clustron::commands
