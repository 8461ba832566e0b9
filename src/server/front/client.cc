#include "server/front/client.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace clustron::server {

using commands::ReplyMode;

namespace {

size_t BytesOf(const QueuedCommand& command) {
  size_t bytes = sizeof command;
  for (const std::string& arg : command.args) bytes += sizeof arg + arg.capacity();
  return bytes;
}

}  // namespace

Client::Client(uint64_t client_id, ClientLink& link, Address address, int64_t now_ms)
    : id_(client_id),
      link_(link),
      address_(std::move(address)),
      created_ms_(now_ms),
      last_active_ms_(now_ms) {
  CHECK(client_id > 0);
}

Client::~Client() { CHECK(!subscribed()); }

void Client::DiscardMulti() {
  in_multi_ = false;
  multi_spoiled_ = false;
  queued_.clear();
  queued_bytes_ = 0;
  watched_.clear();
}

void Client::Watch(commands::WatchedKey key) {
  const auto same = [&](const commands::WatchedKey& other) {
    return other.db == key.db && other.key == key.key;
  };
  // The first WATCH of a key is the one that counts.
  if (std::none_of(watched_.begin(), watched_.end(), same)) watched_.push_back(std::move(key));
}

void Client::Queue(QueuedCommand command) {
  DCHECK(in_multi_);
  queued_bytes_ += BytesOf(command);
  queued_.push_back(std::move(command));
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
  DiscardMulti();
  db_ = 0;
  resp_version_ = 2;
  mute_ = Mute::kNo;
  no_evict_ = false;
  no_touch_ = false;
  maint_notices_ = commands::MaintNotices::kOff;
  local_reads_ = false;
  name_.clear();
  user_ = "default";
}

void Client::CloseAfterReply() {
  closing = true;
  link_.CloseAfterReply();
}

bool Client::Defer(std::unique_ptr<commands::LateReply> late, int64_t timeout_ms) {
  if (!defer_allowed_) return false;
  CHECK(late_ == nullptr);
  late_ = std::move(late);
  late_timeout_ms_ = timeout_ms;
  return true;
}

size_t Client::MemoryBytes() const {
  size_t bytes = sizeof(Client) + queued_bytes_ + link_.input_bytes() + link_.input_free_bytes() +
                 link_.output_bytes();
  for (const Names& names : names_) {
    for (const std::string& name : names) bytes += name.size() + 64;
  }
  for (const commands::WatchedKey& key : watched_) bytes += sizeof key + key.key.capacity();
  return bytes;
}

}  // namespace clustron::server
