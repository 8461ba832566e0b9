// A write of one of this node's clients, on its way.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "cluster/log/item_owner.h"

namespace clustron::cluster {

struct OwnItem {
  std::string own;
  // Instead, if it is big: goes to the link as it is. Not changed once it has left.
  std::shared_ptr<std::string> shared;
  ItemOwner* owner;  // null: nobody waits for its outcome
  int64_t submitted_ns;
  size_t counts;        // bytes in the window, or on the way there; 0: void
  int64_t left_ns = 0;  // when it was last sent; 0: not yet

  const std::string& bytes() const { return shared != nullptr ? *shared : own; }
  std::string* mutable_bytes() { return shared != nullptr ? shared.get() : &own; }
  void Replace(std::string bytes) {
    shared.reset();
    own = std::move(bytes);
  }
};

}  // namespace clustron::cluster
