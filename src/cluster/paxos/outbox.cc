#include "cluster/paxos/outbox.h"

#include "base/check.h"

namespace clustron::paxos {

void Outbox::SendWhenDurable(NodeId to, Message message) {
  if (IsDurable(last_seq_)) {
    Send(to, std::move(message));
    return;
  }
  held_.push_back({last_seq_, to, std::move(message)});
}

void Outbox::OnDurable(uint64_t seq) {
  CHECK(seq <= last_seq_);
  if (seq <= durable_seq_) return;
  durable_seq_ = seq;
  size_t count = 0;
  for (; count < held_.size() && IsDurable(held_[count].seq); ++count) {
    Send(held_[count].to, std::move(held_[count].message));
  }
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(count));
}

bool Outbox::HoldsPromise(NodeId to, Ballot ballot) const {
  for (const Held& held : held_) {
    const Promise* promise = std::get_if<Promise>(&held.message);
    if (held.to == to && promise != nullptr && promise->ballot == ballot) return true;
  }
  return false;
}

void Outbox::MoveTo(Ready* ready) {
  if (!persist_.empty()) ready->persist_seq = last_seq_;
  ready->must_sync = must_sync_;
  must_sync_ = false;
  ready->persist.swap(persist_);
  ready->send.swap(send_);
  ready->catch_up.swap(catch_up_);
}

}  // namespace clustron::paxos
