#include "server/front/client_table.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/strings.h"
#include "commands/core/spec.h"
#include "server/config/config.h"
#include "server/front/auth.h"

namespace clustron::server {

using commands::ClientFilter;
using commands::ClientType;
using Kind = commands::PubsubPort::Kind;

namespace {

// For whatever it is.
bool Waits(const Client& client) {
  return client.late_reply() != nullptr || client.held || client.blocked != 0;
}

std::string Flags(const Client& client) {
  std::string flags;
  const auto mark = [&](bool on, char letter) {
    if (on) flags.push_back(letter);
  };
  mark(client.subscribed(), 'P');
  mark(client.transaction().open(), 'x');
  mark(Waits(client), 'b');
  mark(client.closing, 'c');
  mark(client.address().unix_socket, 'U');
  mark(client.modes().local_reads, 'r');
  mark(client.modes().no_evict, 'e');
  mark(client.modes().no_touch, 'T');
  return flags.empty() ? "N" : flags;
}

// Not one who sent RESET just now: what waits for it is its own, and AUTH may be on its way.
bool KnownAsStranger(const Client& client) { return client.bounds.stranger_since_ms != 0; }

const OutputLimit& LimitOf(const Config& config, const Client& client) {
  const OutputLimits& limits = config.output_limits();
  return client.type() == ClientType::kPubsub ? limits.pubsub : limits.normal;
}

}  // namespace

bool ClientTable::HasRoom() const {
  return clients_.size() < static_cast<size_t>(config_.Int(Opt::kMaxClients));
}

void ClientTable::Add(Client& client) {
  const bool added = clients_.emplace(client.id(), &client).second;
  CHECK(added);
  if (Stranger(client)) BeginStranger(client);
}

void ClientTable::Remove(Client& client) {
  const size_t removed = clients_.erase(client.id());
  CHECK(removed == 1);
  counted_bytes_ -= std::exchange(client.bounds.counted_bytes, 0);
}

Client* ClientTable::Find(uint64_t id) const {
  const auto it = clients_.find(id);
  return it == clients_.end() ? nullptr : it->second;
}

ClientTable::Counts ClientTable::Count() const {
  Counts counts;
  for (const auto& [id, client] : clients_) {
    counts.clients++;
    counts.blocked += Waits(*client);
    counts.pubsub += client->subscribed();
    counts.watching += !client->transaction().watched().empty();
    counts.max_input = std::max(counts.max_input, client->link().input_bytes());
    counts.max_output = std::max(counts.max_output, client->link().output_bytes());
    counts.memory_bytes += client->MemoryBytes();
  }
  return counts;
}

// ---- Limits ----

bool ClientTable::Stranger(const Client& client) const {
  return !client.authenticated() && !config_.Text(Opt::kRequirePass).empty();
}

void ClientTable::BeginStranger(Client& client) {
  client.bounds.stranger_since_ms = std::max<int64_t>(NowMs(), 1);
  strangers_.push_back(client.id());
}

Client* ClientTable::OldestStranger() {
  for (; !strangers_.empty(); strangers_.pop_front()) {
    Client* client = Find(strangers_.front());
    if (client != nullptr && !client->closing && Stranger(*client)) return client;
  }
  return nullptr;
}

// Nobody can authenticate while everything is paused.
bool ClientTable::StrangerForTooLong(Client& client, int64_t now_ms) {
  if (!Stranger(client)) {
    client.bounds.stranger_since_ms = 0;
  } else if (client.bounds.stranger_since_ms == 0) {  // by RESET
    BeginStranger(client);
  }
  return client.bounds.stranger_since_ms != 0 &&
         now_ms - client.bounds.stranger_since_ms > kStrangerMsMax && !paused();
}

bool ClientTable::OverHardLimit(const Client& client) const {
  if (Stranger(client) && KnownAsStranger(client) &&
      client.link().output_bytes() > kStrangerOutputBytesMax)
    return true;
  const OutputLimit& limit = LimitOf(config_, client);
  return limit.hard_bytes != 0 && client.link().output_bytes() >= limit.hard_bytes;
}

bool ClientTable::OverQueryLimit(const Client& client) const {
  if (Stranger(client) && KnownAsStranger(client) &&
      client.link().input_bytes() > kStrangerInputBytesMax && !paused())
    return true;
  // What waits for EXEC is a part of a request, too.
  return client.link().input_bytes() + client.transaction().queued_bytes() >
         static_cast<size_t>(config_.Int(Opt::kClientQueryBufferLimit));
}

// ---- maxmemory-clients ----

size_t ClientTable::MemoryLimit() const {
  constexpr size_t kLeast = 128 * 1024;
  const int64_t given = config_.Int(Opt::kMaxMemoryClients);
  if (given == 0) return 0;
  size_t limit = static_cast<size_t>(given);
  if (given < 0) {
    const int64_t max_bytes = config_.Int(Opt::kMaxMemory);
    // COMPAT: a part of no limit is none.
    if (max_bytes == 0) return SIZE_MAX;
    limit = static_cast<size_t>(static_cast<double>(max_bytes) * static_cast<double>(-given) / 100);
  }
  return std::max(limit, kLeast);
}

void ClientTable::NoteMemory(Client& client) {
  if (MemoryLimit() == 0 || client.bounds.evicted) return;
  counted_bytes_ -= client.bounds.counted_bytes;
  client.bounds.counted_bytes = client.MemoryBytes();
  counted_bytes_ += client.bounds.counted_bytes;
}

size_t ClientTable::Evict() {
  const size_t limit = MemoryLimit();
  if (limit == 0 || counted_bytes_ < limit) return 0;
  std::vector<Client*> largest;
  for (const auto& [id, client] : clients_) {
    NoteMemory(*client);  // sums are kept where they change most; now they must be right
    if (!client->bounds.evicted && !client->modes().no_evict) largest.push_back(client);
  }
  if (counted_bytes_ < limit) return 0;
  std::sort(largest.begin(), largest.end(), [](const Client* a, const Client* b) {
    return std::pair(b->bounds.counted_bytes, a->id()) <
           std::pair(a->bounds.counted_bytes, b->id());
  });
  size_t evicted = 0;
  for (Client* client : largest) {
    if (counted_bytes_ < limit) break;
    Log(LogLevel::kNotice,
        "closed {}: it takes {} bytes, and all clients more than maxmemory-clients",
        client->address().peer, client->bounds.counted_bytes);
    counted_bytes_ -= std::exchange(client->bounds.counted_bytes, 0);
    client->bounds.evicted = true;
    client->link().CloseNow();
    ++evicted;
  }
  return evicted;
}

ClientTable::Sweep ClientTable::SweepLimits() {
  Sweep sweep;
  const int64_t now_ms = NowMs();
  const int64_t timeout_ms = config_.Int(Opt::kTimeout) * 1000;
  std::vector<Client*> leaving;  // closing one changes the table
  OldestStranger();              // forgets who is none any more
  for (const auto& [id, client] : clients_) {
    NoteMemory(*client);
    const OutputLimit& limit = LimitOf(config_, *client);
    const bool soft = limit.soft_bytes != 0 && client->link().output_bytes() >= limit.soft_bytes;
    if (!soft) {
      client->bounds.soft_limit_since_ms = 0;
    } else if (client->bounds.soft_limit_since_ms == 0) {
      client->bounds.soft_limit_since_ms = now_ms;
    }
    const bool too_long = soft && now_ms - client->bounds.soft_limit_since_ms > limit.soft_s * 1000;
    if (too_long || OverHardLimit(*client)) {
      sweep.output++;
      leaving.push_back(client);
      continue;
    }
    if (StrangerForTooLong(*client, now_ms)) {
      sweep.strangers++;
      leaving.push_back(client);
      continue;
    }
    // COMPAT: subscribers and those who wait are never idle.
    const bool waits = client->subscribed() || Waits(*client);
    if (timeout_ms > 0 && !waits && now_ms - client->last_active_ms() > timeout_ms) {
      sweep.idle++;
      leaving.push_back(client);
    }
  }
  for (Client* client : leaving) client->link().CloseNow();
  return sweep;
}

// ---- Pause ----

void ClientTable::Pause(int64_t timeout_ms, bool writes_only) {
  const int64_t now_ms = NowMs();
  const int64_t until_ms = timeout_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + timeout_ms;
  const bool was_paused = paused();
  paused_until_ms_ = was_paused ? std::max(paused_until_ms_, until_ms) : until_ms;
  pause_writes_only_ = was_paused ? pause_writes_only_ && writes_only : writes_only;
}

bool ClientTable::Holds(const commands::CommandSpec& spec, bool may_write) const {
  if (!paused() || spec.Is(commands::kNeverHeld)) return false;
  return !pause_writes_only_ || may_write;
}

// ---- LIST and KILL ----

std::string ClientTable::Line(const Client& client) const {
  const int64_t now_ms = NowMs();
  const ClientLink& link = client.link();
  std::string line;
  const auto field = [&](const char* name, std::string_view value) {
    if (!line.empty()) line.push_back(' ');
    line.append(name).push_back('=');
    line.append(value);
  };
  const auto number = [&](const char* name, uint64_t value) { field(name, std::to_string(value)); };
  number("id", client.id());
  field("addr", client.address().peer);
  field("laddr", client.address().local);
  field("fd", std::to_string(client.address().fd));
  field("name", client.modes().name);
  number("age", static_cast<uint64_t>(now_ms - client.created_ms()) / 1000);
  number("idle", static_cast<uint64_t>(now_ms - client.last_active_ms()) / 1000);
  field("flags", Flags(client));
  number("db", static_cast<uint64_t>(client.modes().db));
  number("sub", client.names(Kind::kChannel).size());
  number("psub", client.names(Kind::kPattern).size());
  number("ssub", client.names(Kind::kShard).size());
  field("multi",
        client.transaction().open() ? std::to_string(client.transaction().queued().size()) : "-1");
  number("qbuf", link.input_bytes());
  number("qbuf-free", link.input_free_bytes());
  number("argv-mem", 0);  // arguments are views into the query buffer
  number("multi-mem", client.transaction().queued_bytes());
  number("rbs", 0);  // replies have no buffer of a fixed size
  number("rbp", 0);
  number("obl", link.output_bytes());
  number("oll", 0);
  number("omem", link.output_bytes());
  number("tot-mem", client.MemoryBytes());
  field("events", link.output_bytes() != 0 ? "rw" : "r");
  field("cmd", client.last_command() == nullptr ? "NULL" : Lower(client.last_command()->name));
  field("user", client.user());
  field("redir", "-1");
  number("resp", static_cast<uint64_t>(client.modes().resp_version));
  field("lib-name", client.library().name);
  field("lib-ver", client.library().version);
  line.push_back('\n');
  return line;
}

bool ClientTable::Fits(const ClientFilter& filter, const Client& client) const {
  if (client.id() == filter.not_id) return false;
  if (!filter.ids.empty() &&
      std::find(filter.ids.begin(), filter.ids.end(), client.id()) == filter.ids.end()) {
    return false;
  }
  if (filter.type && *filter.type != client.type()) return false;
  if (filter.addr && *filter.addr != client.address().peer) return false;
  if (filter.laddr && *filter.laddr != client.address().local) return false;
  if (filter.user && *filter.user != client.user()) return false;
  return !filter.max_age_s || (NowMs() - client.created_ms()) / 1000 >= *filter.max_age_s;
}

std::string ClientTable::List(const ClientFilter& filter) const {
  std::string lines;
  for (const auto& [id, client] : clients_) {
    if (Fits(filter, *client)) lines += Line(*client);
  }
  return lines;
}

std::string ClientTable::Describe(uint64_t id) const {
  const Client* client = Find(id);
  return client == nullptr ? std::string() : Line(*client);
}

std::unique_ptr<commands::LateReply> ClientTable::Unblock(uint64_t id, bool with_error) {
  Client* client = Find(id);
  return client == nullptr || unblock_host_ == nullptr
             ? nullptr
             : unblock_host_->Unblock(*client, with_error);
}

size_t ClientTable::Kill(const ClientFilter& filter, uint64_t me) {
  std::vector<Client*> leaving;
  for (const auto& [id, client] : clients_) {
    if (Fits(filter, *client)) leaving.push_back(client);
  }
  for (Client* client : leaving) {
    if (client->id() == me) {
      client->CloseAfterReply();
    } else {
      client->link().CloseNow();
    }
  }
  return leaving.size();
}

}  // namespace clustron::server
