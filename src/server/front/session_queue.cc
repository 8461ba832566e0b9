#include "server/front/session_queue.h"

#include <utility>

#include "base/check.h"
#include "server/front/client.h"

namespace clustron::server {

namespace {

// With more bytes than this under way, a session takes no further input until there are fewer: a
// client that sends faster than its writes are applied has to wait.
constexpr size_t kUnderWayBytesMax = 8 << 20;

using Kind = Pending::Kind;

}  // namespace

OwnedArgs::OwnedArgs(commands::Args args) {
  size_t bytes = 0;
  for (std::string_view arg : args) bytes += arg.size();
  block_.reserve(bytes);
  ends_.reserve(args.size());
  for (std::string_view arg : args) {
    block_.append(arg);
    ends_.push_back(block_.size());
  }
}

void OwnedArgs::Views(std::vector<std::string_view>* out) const {
  out->clear();
  size_t begin = 0;
  for (size_t end : ends_) {
    out->push_back(std::string_view(block_).substr(begin, end - begin));
    begin = end;
  }
}

Pending& SessionQueue::Push(Kind kind, const Client& client) {
  CHECK(kind != Kind::kWrite);
  CHECK(kind != Kind::kCalled);
  queue_.push_back({});
  Pending& pending = queue_.back();
  pending.kind = kind;
  pending.resp_version = static_cast<int8_t>(client.modes().resp_version);
  pending.db = static_cast<int8_t>(client.modes().db);
  return pending;
}

void SessionQueue::CountBytes(Pending& pending, size_t bytes) {
  CHECK(pending.bytes == 0);
  pending.bytes = bytes;
  under_way_bytes_ += bytes;
  if (under_way_bytes_ > kUnderWayBytesMax) full_ = true;
}

void SessionQueue::Release(Pending& pending) {
  CHECK(pending.bytes <= under_way_bytes_);
  under_way_bytes_ -= std::exchange(pending.bytes, 0);
  if (under_way_bytes_ <= kUnderWayBytesMax / 2) full_ = false;
}

void SessionQueue::BeginWrite(Pending& pending, size_t bytes) {
  CHECK(pending.kind != Kind::kWrite);
  CHECK(&pending == &queue_.front() || &pending == &queue_.back());
  CHECK(pending.spec != nullptr);
  pending.kind = Kind::kWrite;
  pending.args = {};
  Release(pending);
  CountBytes(pending, bytes);
  ++writes_;
}

void SessionQueue::EndWrite() {
  CHECK(!empty());
  CHECK(front().kind == Kind::kWrite);
  CHECK(writes_ > 0);
  --writes_;
  Release(front());
  queue_.pop_front();
}

size_t SessionQueue::FailFirstWrite() {
  CHECK(writes_ > 0);
  for (size_t i = 0; i < queue_.size(); ++i) {
    Pending& pending = queue_[i];
    if (pending.kind != Kind::kWrite) continue;
    --writes_;
    Release(pending);
    pending.kind = Kind::kReply;
    return i;
  }
  UNREACHABLE();
}

void SessionQueue::BeginCall(uint64_t call) {
  CHECK(!empty());
  CHECK(front().kind == Kind::kCall);
  front().kind = Kind::kCalled;
  front().round = call;
}

std::string& SessionQueue::BecomeReply(Pending& pending) {
  CHECK(pending.kind == Kind::kRun || pending.kind == Kind::kCalled);
  pending.kind = Kind::kReply;
  return pending.reply;
}

void SessionQueue::BecomeLate() {
  CHECK(!empty());
  CHECK(front().kind == Kind::kRun);
  front().kind = Kind::kLate;
  front().round = 0;  // its time has not begun
  Stall();
}

void SessionQueue::BecomeBlocked(uint64_t id) {
  CHECK(queue_.size() == 1);
  CHECK(front().kind == Kind::kWrite);
  --writes_;
  Release(front());
  front().kind = Kind::kBlocked;
  front().round = id;
  Stall();
}

void SessionQueue::BecomeRest(OwnedArgs args) {
  CHECK(queue_.size() == 1);
  CHECK(front().kind == Kind::kWrite);
  --writes_;
  Release(front());
  front().kind = Kind::kRest;
  front().begun = true;
  front().args = std::move(args);
  Stall();
}

void SessionQueue::PopFront() {
  CHECK(!empty());
  CHECK(front().kind != Kind::kWrite);
  Release(front());
  queue_.pop_front();
}

void SessionQueue::Resume() {
  CHECK(empty());
  CHECK(writes_ == 0);
  CHECK(under_way_bytes_ == 0);
  stalled_ = false;
}

}  // namespace clustron::server
