#include "server/front/session.h"

#include <utility>

#include "base/check.h"
#include "base/memory.h"

namespace clustron::server {

Session::Session(SessionHost& host, uint64_t id, Client::Address address, int64_t now_ms)
    : client(id, *this, std::move(address), now_ms), host_(host) {}

bool Session::WantsBytes() const {
  constexpr size_t kAheadBytes = 64 << 10;
  return WantsInput() || (client.blocked != 0 && input.kept_bytes() < kAheadBytes && !close_now_);
}

void Session::ReleasePushes() {
  out.Append(held_pushes_);
  held_pushes_.clear();
}

void Session::Push(std::string_view frames) {
  if (answering_) {
    held_pushes_.append(frames);
  } else {
    out.Append(frames);
  }
  shows_state_ = true;
  host_.MarkDirty(*this);
}

void Session::CloseAfterReply() {
  client.closing = true;
  close_after_flush_ = true;
  host_.MarkDirty(*this);
}

void Session::CloseNow() {
  client.closing = true;
  close_now_ = true;
  out.Drop();
  FreeString(&held_pushes_);
  host_.MarkDirty(*this);
}

size_t Session::output_bytes() const {
  return out.memory_bytes() + held_pushes_.size() + (sink == nullptr ? 0 : sink->unsent_bytes());
}

}  // namespace clustron::server
