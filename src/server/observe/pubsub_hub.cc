#include "server/observe/pubsub_hub.h"

#include <algorithm>

#include "base/check.h"
#include "base/glob.h"
#include "base/hash.h"
#include "commands/core/watch_target.h"
#include "commands/pubsub/channels.h"
#include "resp/reply_writer.h"
#include "server/front/client.h"

namespace clustron::server {

namespace {

// One message as it goes out, made when the first receiver of a protocol is met.
class Frames {
 public:
  Frames(std::string_view kind, std::string_view pattern, std::string_view channel,
         std::string_view message)
      : kind_(kind), pattern_(pattern), channel_(channel), message_(message) {}

  std::string_view For(const Client& client) {
    const int version = client.modes().resp_version;
    std::string& bytes = bytes_[version == 3];
    if (bytes.empty()) {
      resp::ReplyWriter writer(&bytes, version);
      writer.Push(pattern_.data() == nullptr ? 3 : 4);
      writer.Bulk(kind_);
      if (pattern_.data() != nullptr) writer.Bulk(pattern_);
      writer.Bulk(channel_);
      writer.Bulk(message_);
    }
    return bytes;
  }

 private:
  std::string_view kind_;
  std::string_view pattern_;  // null data: none
  std::string_view channel_;
  std::string_view message_;
  std::string bytes_[2];
};

}  // namespace

size_t PubsubHub::NameHash::operator()(std::string_view name) const { return HashBytes(name, 0); }

PubsubHub::Table& PubsubHub::table(Kind kind) {
  return kind == Kind::kChannel ? channels_ : kind == Kind::kPattern ? patterns_ : shards_;
}
const PubsubHub::Table& PubsubHub::table(Kind kind) const {
  return const_cast<PubsubHub*>(this)->table(kind);
}

uint64_t PubsubHub::Deliver(std::string_view channel, std::string_view message, bool sharded) {
  uint64_t receivers = 0;
  const auto send = [&](const Listeners& listeners, Frames frames) {
    for (Client* client : listeners) client->link().Push(frames.For(*client));
    receivers += listeners.size();
  };
  const Table& exact = sharded ? shards_ : channels_;
  if (const auto it = exact.find(channel); it != exact.end()) {
    send(it->second, Frames(sharded ? "smessage" : "message", {}, channel, message));
  }
  if (sharded || patterns_.empty() || commands::IsReservedChannel(channel)) return receivers;
  for (const auto& [pattern, listeners] : patterns_) {
    if (GlobMatch(pattern, channel)) send(listeners, Frames("pmessage", pattern, channel, message));
  }
  return receivers;
}

bool PubsubHub::Listening(std::string_view channel, bool sharded) const {
  const Table& exact = sharded ? shards_ : channels_;
  if (exact.find(channel) != exact.end()) return true;
  if (sharded || patterns_.empty() || commands::IsReservedChannel(channel)) return false;
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [&](const auto& entry) { return GlobMatch(entry.first, channel); });
}

bool PubsubHub::Subscribe(commands::ClientPort& port, Kind kind, std::string_view name) {
  Client& client = static_cast<Client&>(port);
  if (!client.names(kind).emplace(name).second) return false;
  Table& names = table(kind);
  auto it = names.find(name);
  if (it == names.end()) it = names.emplace(std::string(name), Listeners()).first;
  it->second.push_back(&client);
  if (kind == Kind::kChannel && listener_ != nullptr && commands::IsWatchChannel(name))
    listener_->Subscribed(client, name);
  return true;
}

void PubsubHub::Drop(Client& client, Kind kind, std::string_view name) {
  Table& names = table(kind);
  const auto it = names.find(name);
  CHECK(it != names.end());
  Listeners& listeners = it->second;
  const auto place = std::find(listeners.begin(), listeners.end(), &client);
  CHECK(place != listeners.end());
  listeners.erase(place);
  if (kind == Kind::kChannel && listener_ != nullptr && commands::IsWatchChannel(name))
    listener_->Unsubscribed(client, name);
  if (listeners.empty()) names.erase(it);
}

bool PubsubHub::Unsubscribe(commands::ClientPort& port, Kind kind, std::string_view name) {
  Client& client = static_cast<Client&>(port);
  const auto it = client.names(kind).find(name);
  if (it == client.names(kind).end()) return false;
  Drop(client, kind, name);
  client.names(kind).erase(it);
  return true;
}

void PubsubHub::Forget(Client& client) {
  for (Kind kind : {Kind::kChannel, Kind::kPattern, Kind::kShard}) {
    for (const std::string& name : client.names(kind)) Drop(client, kind, name);
    client.names(kind).clear();
  }
  if (listener_ != nullptr) listener_->Forgotten(client);
}

std::vector<std::string> PubsubHub::NamesOf(const commands::ClientPort& port, Kind kind) const {
  const Client::Names& names = static_cast<const Client&>(port).names(kind);
  return {names.begin(), names.end()};
}

size_t PubsubHub::CountOf(const commands::ClientPort& port, Kind kind) const {
  const Client& client = static_cast<const Client&>(port);
  if (kind == Kind::kShard) return client.names(Kind::kShard).size();
  return client.names(Kind::kChannel).size() + client.names(Kind::kPattern).size();
}

std::vector<std::string> PubsubHub::Names(Kind kind,
                                          std::optional<std::string_view> pattern) const {
  std::vector<std::string> found;
  for (const auto& [name, listeners] : table(kind)) {
    if (!pattern || GlobMatch(*pattern, name)) found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

size_t PubsubHub::Subscribers(Kind kind, std::string_view name) const {
  const Table& names = table(kind);
  const auto it = names.find(name);
  return it == names.end() ? 0 : it->second.size();
}

}  // namespace clustron::server
