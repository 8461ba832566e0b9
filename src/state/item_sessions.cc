#include "state/item_sessions.h"

#include "base/check.h"
#include "base/planted_bugs.h"

namespace clustron::state {

ItemSessions::Found ItemSessions::Take(const cluster::ItemHeader& header, bool* begins) {
  CHECK(header.session.node != 0);
  *begins = false;
  State& session = by_node_[header.session.node];
  if (header.session.boot < session.boot) return Found::kOlderBoot;
  if (header.session.boot > session.boot) {
    session = {header.session.boot, 1};
    *begins = true;
  }
  if (header.sequence != session.next)
    return header.sequence > session.next ? Found::kGap : Found::kDuplicate;
  ++session.next;
  return Found::kNext;
}

uint64_t ItemSessions::Next(const cluster::Session& session) const {
  const auto it = by_node_.find(session.node);
  if (it == by_node_.end() || it->second.boot < session.boot) return 1;
  return it->second.boot == session.boot ? it->second.next : 0;
}

uint32_t ItemSessions::LatestBoot(uint32_t node) const {
  const auto it = by_node_.find(node);
  return it == by_node_.end() ? 0 : it->second.boot;
}

void ItemSessions::Encode(Writer* out) const {
  const bool none = Planted(Bug::kSessionsNotInSnapshot);
  out->Varint(none ? 0 : by_node_.size());
  if (none) return;
  for (const auto& [node, session] : by_node_) {
    out->U32(node);
    out->U32(session.boot);
    out->U64(session.next);
  }
}

void ItemSessions::Decode(Reader* in) {
  by_node_.clear();
  const uint64_t count = in->Varint();
  for (uint64_t i = 0; i < count && in->ok(); ++i) {
    State& session = by_node_[in->U32()];
    session.boot = in->U32();
    session.next = in->U64();
  }
}

}  // namespace clustron::state
