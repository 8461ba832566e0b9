#include "cluster/paxos/outbox.h"

#include "base/check.h"

namespace clustron::paxos {

namespace {

// Of a record besides its payload.
constexpr size_t kRecordBytes = 128;

}  // namespace

uint64_t Outbox::Persist(LogRecord record) {
  record.seq = ++last_seq_;
  // Hints go with other records, whenever those do: nothing waits for them.
  if (record.type != LogRecord::Type::kChosen) {
    must_sync_ = true;
    CountUndurable(record);
  }
  persist_.push_back(std::move(record));
  return last_seq_;
}

void Outbox::CountUndurable(const LogRecord& record) {
  const size_t bytes = BytesOf(record.accepted.value.payload).size() + kRecordBytes;
  if (undurable_.empty() || undurable_.back().bytes >= kGroupBytes) undurable_.push_back({});
  undurable_.back().last_seq = record.seq;
  undurable_.back().bytes += bytes;
  undurable_bytes_ += bytes;
}

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
  while (!undurable_.empty() && IsDurable(undurable_.front().last_seq)) {
    undurable_bytes_ -= undurable_.front().bytes;
    undurable_.pop_front();
  }
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
