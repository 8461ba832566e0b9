#include "store/tables/lock_queue.h"

#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>
#include <utility>

#include "base/check.h"

namespace clustron::store {

// A red-black tree whose nodes count what is below them.
struct LockQueue::Tree {
  __gnu_pbds::tree<Revision, LockTicket, std::less<Revision>, __gnu_pbds::rb_tree_tag,
                   __gnu_pbds::tree_order_statistics_node_update>
      nodes;
};

LockQueue::LockQueue() = default;
LockQueue::~LockQueue() = default;
LockQueue::LockQueue(LockQueue&&) noexcept = default;
LockQueue& LockQueue::operator=(LockQueue&&) noexcept = default;

size_t LockQueue::size() const { return empty() ? 0 : tree_->nodes.size(); }

const LockTicket* LockQueue::Find(Revision number) const {
  if (empty()) return nullptr;
  const auto it = tree_->nodes.find(number);
  return it == tree_->nodes.end() ? nullptr : &it->second;
}

size_t LockQueue::PlaceOf(Revision number) const {
  CHECK(Find(number) != nullptr);
  return tree_->nodes.order_of_key(number) + 1;
}

void LockQueue::ForEach(const std::function<bool(Revision, const LockTicket&)>& visit) const {
  if (empty()) return;
  for (const auto& [number, ticket] : tree_->nodes)
    if (!visit(number, ticket)) return;
}

bool LockQueue::Put(Revision number, LockTicket ticket) {
  if (empty()) tree_ = std::make_unique<Tree>();
  return tree_->nodes.insert({number, std::move(ticket)}).second;
}

LockTicket LockQueue::Take(Revision number) {
  CHECK(!empty());
  const auto it = tree_->nodes.find(number);
  CHECK(it != tree_->nodes.end());
  LockTicket ticket = std::move(it->second);
  tree_->nodes.erase(it);
  if (tree_->nodes.empty()) tree_.reset();
  return ticket;
}

}  // namespace clustron::store
