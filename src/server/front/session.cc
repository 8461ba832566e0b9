#include "server/front/session.h"

#include <utility>

#include "base/memory.h"
#include "server/dispatch/engine.h"

namespace clustron::server {

namespace {

// More than this waiting in a session, and no further input is taken from it until it is less.
constexpr size_t kQueueMax = 16384;
// The same of bytes: a client that sends faster than its writes are applied has to wait.
constexpr size_t kUnderWayBytesMax = 8 << 20;

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

Session::Session(Engine& engine, uint64_t id, Client::Address address, int64_t now_ms)
    : client(id, *this, std::move(address), now_ms), engine_(engine) {}

bool Session::WantsInput() const {
  return !stalled_ && !held_ && !full_ && !close_after_flush_ && !close_now_ && !client.closing &&
         queue_.size() < kQueueMax;
}

void Session::CountUnderWay(Pending& pending, size_t bytes) {
  pending.bytes = bytes;
  under_way_bytes_ += bytes;
  if (under_way_bytes_ > kUnderWayBytesMax) full_ = true;
}

void Session::EndUnderWay(Pending& pending) {
  under_way_bytes_ -= std::exchange(pending.bytes, 0);
  if (under_way_bytes_ <= kUnderWayBytesMax / 2) full_ = false;
}

void Session::Push(std::string_view frames) {
  if (answering_) {
    held_pushes_.append(frames);
  } else {
    out.Append(frames);
  }
  shows_state_ = true;
  engine_.MarkDirty(*this);
}

void Session::OutputGrew() { engine_.OutputGrew(*this); }

void Session::CloseAfterReply() {
  client.closing = true;
  close_after_flush_ = true;
  engine_.MarkDirty(*this);
}

void Session::CloseNow() {
  client.closing = true;
  close_now_ = true;
  out.Drop();
  FreeString(&held_pushes_);
  engine_.MarkDirty(*this);
}

size_t Session::output_bytes() const {
  return out.memory_bytes() + held_pushes_.size() + (sink == nullptr ? 0 : sink->unsent_bytes());
}

}  // namespace clustron::server
