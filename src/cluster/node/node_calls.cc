#include "cluster/node/node_calls.h"

#include "base/check.h"
#include "base/planted_bugs.h"
#include "base/reach.h"

namespace clustron::cluster {

uint64_t NodeCalls::Call(NodeId to, std::string_view body) {
  CHECK(InReach(to));
  core_.transport.Send(to, UrgencyOfCall(body), WireCall(WireKind::kNodeCall, next_id_, body));
  return next_id_++;
}

void NodeCalls::Answer(NodeId to, uint64_t id, std::string_view body) {
  core_.transport.Send(to, UrgencyOfCall(body), WireCall(WireKind::kNodeAnswer, id, body));
}

bool NodeCalls::OnMessage(NodeId from, WireKind kind, std::string_view body) {
  uint64_t id;
  std::string_view rest;
  if (!ReadCall(body, &id, &rest)) return false;
  if (handler_ == nullptr) return true;
  if (kind == WireKind::kNodeCall) {
    if (!heard_[from].Take(id) && !Planted(Bug::kNodeCallHeardTwice)) {
      REACH("node call that came twice");
      return true;
    }
    handler_->Called(from, id, rest);
  } else {
    CHECK(kind == WireKind::kNodeAnswer);
    ++answered_;
    handler_->Answered(from, id, rest);
  }
  return true;
}

}  // namespace clustron::cluster
