// TEMPORARY: whoever lands the real client.cc, client_table.cc, pubsub_hub.cc, notifications.cc, auth.cc deletes this file.
#include "server/client.h"
#include "server/client_table.h"
#include "server/pubsub_hub.h"
#include "server/notifications.h"
#include "server/auth.h"
#include "commands/registry.h"
namespace clustron::server {
Client::Client(uint64_t client_id, ClientLink& link, Address address, int64_t now_ms) : id_(client_id), link_(link), address_(std::move(address)), created_ms_(now_ms), last_active_ms_(now_ms) {}
Client::~Client() = default;
void Client::DiscardMulti() { in_multi_ = multi_spoiled_ = false; queued_.clear(); watched_.clear(); }
void Client::Watch(commands::WatchedKey key) { watched_.push_back(key); }
void Client::SetReplyMode(commands::ReplyMode) {}
void Client::SetAuthenticated(std::string_view user) { authenticated_ = true; user_ = user; }
void Client::Reset() {}
void Client::CloseAfterReply() { link_.CloseAfterReply(); }
bool Client::Defer(std::unique_ptr<commands::LateReply> late, int64_t t) { late_ = std::move(late); late_timeout_ms_ = t; return true; }
void Client::Queue(QueuedCommand c) { queued_.push_back(std::move(c)); }
bool Client::TakeReplyMuted() { return false; }
size_t Client::MemoryBytes() const { return 0; }
bool ClientTable::HasRoom() const { return true; }
void ClientTable::Add(Client& c) { clients_[c.id()] = &c; }
void ClientTable::Remove(Client& c) { clients_.erase(c.id()); }
Client* ClientTable::Find(uint64_t id) const { auto it = clients_.find(id); return it == clients_.end() ? nullptr : it->second; }
ClientTable::Sweep ClientTable::SweepLimits() { return {}; }
bool ClientTable::OverHardLimit(const Client&) const { return false; }
bool ClientTable::OverQueryLimit(const Client&) const { return false; }
bool ClientTable::Holds(const commands::CommandSpec&, bool) const { return false; }
std::string ClientTable::List(const commands::ClientFilter&) const { return {}; }
std::string ClientTable::Describe(uint64_t) const { return {}; }
size_t ClientTable::Kill(const commands::ClientFilter&, uint64_t) { return 0; }
void ClientTable::Pause(int64_t, bool) {}
uint64_t PubsubHub::Deliver(std::string_view, std::string_view, bool) { return 0; }
void PubsubHub::Forget(Client&) {}
bool PubsubHub::Subscribe(commands::ClientPort&, Kind, std::string_view) { return true; }
bool PubsubHub::Unsubscribe(commands::ClientPort&, Kind, std::string_view) { return true; }
std::vector<std::string> PubsubHub::NamesOf(const commands::ClientPort&, Kind) const { return {}; }
size_t PubsubHub::CountOf(const commands::ClientPort&, Kind) const { return 0; }
std::vector<std::string> PubsubHub::Names(Kind, std::optional<std::string_view>) const { return {}; }
size_t PubsubHub::Subscribers(Kind, std::string_view) const { return 0; }
size_t PubsubHub::NameHash::operator()(std::string_view n) const { return n.size(); }
void Notifications::OnChange(const store::Change&) {}
void Notifications::OnNotify(int, std::string_view, store::Event) {}
std::string RefusedWhileSubscribed(const commands::CommandSpec&, const Client&) { return {}; }
std::string_view ProtectedModeText() { return "DENIED"; }
}
