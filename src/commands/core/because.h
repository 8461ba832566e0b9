// What observers are told as the reason of changes while a command runs.
#pragma once

#include "commands/core/context.h"
#include "store/keyspace/store.h"

namespace clustron::commands {

class Because {
 public:
  // Nothing outside of entries.
  Because(Context& ctx, store::Reason reason)
      : store_(ctx.in_entry() ? &ctx.Writable() : nullptr),
        before_(store_ == nullptr ? reason : store_->SetReason(reason)) {}
  Because(const Because&) = delete;
  Because& operator=(const Because&) = delete;
  ~Because() {
    if (store_ != nullptr) store_->SetReason(before_);
  }

 private:
  store::Store* const store_;
  const store::Reason before_;
};

}  // namespace clustron::commands
