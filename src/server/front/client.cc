#include "server/front/client.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace clustron::server {

using commands::ReplyMode;

Client::Client(uint64_t client_id, ClientLink& link, Address address, int64_t now_ms)
    : id_(client_id), link_(link), address_(std::move(address)), seen_{now_ms, now_ms} {
  CHECK(client_id > 0);
}

Client::~Client() { CHECK(!subscribed()); }

bool Client::writes_to_masters_only() const {
  const bool asks_first =
      library_.name.starts_with("SE.Redis") || modes_.name.find("(SE.Redis-v") != std::string::npos;
  return asks_first && !told.elsewhere;
}

void Client::SetReplyMode(ReplyMode mode) {
  switch (mode) {
    case ReplyMode::kOn:
      mute_ = Mute::kNo;
      break;
    case ReplyMode::kOff:
      mute_ = Mute::kAlways;
      break;
    case ReplyMode::kSkipNext:
      // COMPAT: within OFF it changes nothing.
      if (mute_ != Mute::kAlways) mute_ = Mute::kNext;
      break;
  }
}

bool Client::TakeReplyMuted() {
  switch (mute_) {
    case Mute::kNo:
      return false;
    case Mute::kAlways:
      return true;
    case Mute::kNext:
      mute_ = Mute::kNo;
      return true;
  }
  UNREACHABLE();
}

void Client::SetAuthenticated(std::string_view user) {
  authenticated_ = true;
  user_ = user;
}

void Client::Reset() {
  transaction_.End();
  modes_ = {};
  mute_ = Mute::kNo;
  user_ = "default";
}

void Client::CloseAfterReply() {
  closing = true;
  link_.CloseAfterReply();
}

void Client::Defer(std::unique_ptr<commands::LateReply> late, int64_t timeout_ms) {
  CHECK(late_.reply == nullptr);
  late_ = {std::move(late), timeout_ms};
}

size_t Client::MemoryBytes() const {
  size_t bytes = sizeof(Client) + transaction_.queued_bytes() + link_.input_bytes() +
                 link_.input_free_bytes() + link_.output_bytes();
  for (const Names& names : names_) {
    for (const std::string& name : names) bytes += name.size() + 64;
  }
  for (const commands::WatchedKey& key : transaction_.watched())
    bytes += sizeof key + key.key.capacity();
  return bytes;
}

}  // namespace clustron::server
