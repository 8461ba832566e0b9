// Subscribers of this node: channels, patterns, shard channels. A message is encoded once per
// protocol and kind, then appended to every receiver's output.
//
// Reserved channels (__watch@…, __lock@…, __lease__:…, __index@…, __cluster__) carry guarantees:
// clients may not publish there and patterns don't match them. THREAD: core loop.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "commands/core/ports.h"

namespace clustron::server {

class Client;

// Told of who hears the channels of watches. THREAD: core loop.
class ChannelListener {
 public:
  virtual void Subscribed(Client& client, std::string_view channel) = 0;
  virtual void Unsubscribed(Client& client, std::string_view channel) = 0;
  // All of its subscriptions have ended, and whatever else it hears is to.
  virtual void Forgotten(Client& client) = 0;

 protected:
  ~ChannelListener() = default;
};

class PubsubHub final : public commands::PubsubPort {
 public:
  // Delivers to this node's subscribers, in order of subscription, channel before patterns. Returns
  // the number of receivers (a client counts once per subscription that matches).
  uint64_t Deliver(std::string_view channel, std::string_view message, bool sharded);
  // True if somebody here would receive it: to save the work of making a message.
  bool Listening(std::string_view channel, bool sharded) const;
  bool empty() const { return channels_.empty() && patterns_.empty() && shards_.empty(); }

  void SetListener(ChannelListener* listener) { listener_ = listener; }
  // Ends all of a client's subscriptions, silently: it is leaving, or was reset.
  void Forget(Client& client);

  size_t channel_count() const { return channels_.size(); }
  size_t shard_count() const { return shards_.size(); }

  // --- commands::PubsubPort --------------------------------------------------------------------
  bool Subscribe(commands::ClientPort& client, Kind kind, std::string_view name) override;
  bool Unsubscribe(commands::ClientPort& client, Kind kind, std::string_view name) override;
  std::vector<std::string> NamesOf(const commands::ClientPort& client, Kind kind) const override;
  size_t CountOf(const commands::ClientPort& client, Kind kind) const override;
  std::vector<std::string> Names(Kind kind, std::optional<std::string_view> pattern) const override;
  size_t Subscribers(Kind kind, std::string_view name) const override;
  size_t Patterns() const override { return patterns_.size(); }

 private:
  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const;
  };
  using Listeners = std::vector<Client*>;
  using Table = std::unordered_map<std::string, Listeners, NameHash, std::equal_to<>>;

  Table& table(Kind kind);
  const Table& table(Kind kind) const;
  void Drop(Client& client, Kind kind, std::string_view name);

  ChannelListener* listener_ = nullptr;
  Table channels_;
  Table shards_;
  Table patterns_;
};

}  // namespace clustron::server
