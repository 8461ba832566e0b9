// Whose item it is: a client's connection at the node where the item was made. An owner's items
// keep their order, and each has one outcome, which the node tells its owner's side: it is applied,
// or it is given up. Nothing else of an owner is known in this layer.
#pragma once

namespace clustron::cluster {

class ItemOwner {
 protected:
  ItemOwner() = default;
  ~ItemOwner() = default;
};

}  // namespace clustron::cluster
