#include "server/process/client_door.h"

#include <unistd.h>

#include <string>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "server/front/auth.h"
#include "server/front/errors.h"

namespace clustron::server {

namespace {

// Some milliseconds' worth of connections that end, or are freed.
constexpr size_t kEndsPerTurn = 256;

// The last bytes of a connection that is turned away.
void TurnAway(net::Fd fd, std::string_view error) {
  const std::string line = "-" + std::string(error) + "\r\n";
  [[maybe_unused]] const ssize_t n = write(fd.get(), line.data(), line.size());
}

}  // namespace

Status ClientDoor::Listen() {
  CHECK(sockets_.empty());
  CHECK(engine_ == nullptr);
  const int backlog = static_cast<int>(config_.Int(Opt::kTcpBacklog));
  if (const auto port = static_cast<uint16_t>(config_.Int(Opt::kPort)); port != 0)
    TRY(ListenTcp(port, backlog));
  const std::string& path = config_.Text(Opt::kUnixSocket);
  if (path.empty()) return {};
  auto fd =
      net::ListenUnix(path, static_cast<uint32_t>(config_.Int(Opt::kUnixSocketPerm)), backlog);
  if (!fd) return config_.Wrong(Opt::kUnixSocket, fd.error().detail);
  own_files_.Add(path);
  sockets_.push_back({*std::move(fd), true});
  return {};
}

Status ClientDoor::ListenTcp(uint16_t port, int backlog) {
  const std::vector<std::string> addresses = config_.Words(Opt::kBind);
  for (std::string address : addresses) {
    // As in Redis, an address behind "-" may be missing on this machine.
    const bool optional = !address.empty() && address.front() == '-';
    if (optional) address.erase(0, 1);
    auto fd = net::ListenTcp(address, port, backlog);
    if (!fd) {
      if (optional) continue;
      // Whether it is the address or the port that can't be had.
      return config_.Wrong(fd.error().code == Errc::kExists ? Opt::kPort : Opt::kBind,
                           fd.error().detail);
    }
    sockets_.push_back({*std::move(fd), false});
  }
  if (sockets_.empty() && !addresses.empty())
    return config_.Wrong(Opt::kBind, "none of the addresses could be listened on");
  return {};
}

std::vector<FormingClients::Listening> ClientDoor::Listening() const {
  std::vector<FormingClients::Listening> listening;
  for (const Socket& socket : sockets_) listening.push_back({socket.fd.get(), socket.unix_socket});
  return listening;
}

void ClientDoor::Accept(Engine& engine) {
  CHECK(engine_ == nullptr);
  engine_ = &engine;
  for (Socket& socket : sockets_)
    listeners_.push_back(std::make_unique<net::Listener>(
        loop_, std::move(socket.fd), [this, unix_socket = socket.unix_socket](net::Fd client) {
          OnAccepted(std::move(client), unix_socket);
        }));
  sockets_.clear();
  for (FormingClients::Accepted& client : std::exchange(early_, {}))
    OnAccepted(std::move(client.fd), client.unix_socket);
}

void ClientDoor::Close() {
  listeners_.clear();
  ending_.clear();
  connections_.clear();
  dead_.clear();
}

bool ClientDoor::RefusesStranger(int fd) const {
  return config_.Bool(Opt::kProtectedMode) && config_.Text(Opt::kRequirePass).empty() &&
         !net::PeerIsLoopback(fd);
}

// Connections that are over, but for what is still on its way out, have their descriptors from the
// clients' share: they make room for a newcomer.
void ClientDoor::KeepToShare() {
  const auto held = [this] { return connections_.size() + dead_.size() + closer_.waiting(); };
  const uint64_t share = descriptors_.shares().clients;
  while (held() >= share && !dead_.empty()) dead_.pop_front();
  while (held() >= share && closer_.waiting() > 0) closer_.EndOldest();
}

bool ClientDoor::Admits(const net::Fd& fd, bool unix_socket, std::string_view* error) {
  if (!engine_->client_table().HasRoom() && !MakeRoom()) {
    *error = kErrMaxClients;
    return false;
  }
  if (!unix_socket && RefusesStranger(fd.get())) {
    *error = kErrProtectedMode;
    return false;
  }
  return true;
}

void ClientDoor::OnAccepted(net::Fd fd, bool unix_socket) {
  KeepToShare();
  std::string_view error;
  if (!Admits(fd, unix_socket, &error)) {
    ++engine_->stats().rejected_connections;
    TurnAway(std::move(fd), error);
    return;
  }
  if (!unix_socket) {
    net::SetNoDelay(fd.get());
    net::SetKeepAlive(fd.get(), static_cast<int>(config_.Int(Opt::kTcpKeepalive)));
  }
  if (LogEnabled(LogLevel::kVerbose))
    Log(LogLevel::kVerbose, "accepted {}", net::PeerName(fd.get()));
  auto connection = std::make_unique<ClientConnection>(
      ClientConnection::Around{loop_, *engine_, closer_, *this}, std::move(fd), unix_socket);
  ClientConnection* key = connection.get();
  connections_.emplace(key, std::move(connection));
}

// Too many clients: whoever has been here longest without its password leaves, so that strangers
// keep nobody out who has it.
bool ClientDoor::MakeRoom() {
  Client* stranger = engine_->client_table().OldestStranger();
  if (stranger == nullptr) return false;
  ++engine_->stats().strangers_closed;
  engine_->CloseAtOnce(*stranger);
  // Its descriptor may be the last one.
  if (!dead_.empty()) dead_.pop_back();
  return engine_->client_table().HasRoom();
}

// When ten thousand clients leave at once, each turn ends some of them.
bool ClientDoor::MayEndNow(ClientConnection* connection) {
  if (ending_.empty() && ended_now_ < kEndsPerTurn) {
    ++ended_now_;
    return true;
  }
  ending_.push_back(connection);
  return false;
}

bool ClientDoor::Reap() {
  for (size_t i = 0; i < kEndsPerTurn && !dead_.empty(); ++i) dead_.pop_front();
  for (; ended_now_ < kEndsPerTurn && !ending_.empty(); ++ended_now_) {
    ClientConnection* connection = ending_.front();
    ending_.pop_front();
    connection->EndNow();
  }
  ended_now_ = 0;
  return !dead_.empty() || !ending_.empty();
}

void ClientDoor::Forget(ClientConnection* connection) {
  if (!ending_.empty()) std::erase(ending_, connection);
  const auto it = connections_.find(connection);
  if (it == connections_.end()) return;
  dead_.push_back(std::move(it->second));
  connections_.erase(it);
}

}  // namespace clustron::server
