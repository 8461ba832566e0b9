// The sockets that clients come in by, and their connections. Opened early, so that a client that
// comes while a cluster is formed finds somebody; accepted on once there is something true to tell.
// THREAD: core loop. OWNS: listeners, connections.
#pragma once

#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "net/closer.h"
#include "net/loop.h"
#include "net/stream.h"
#include "server/config/config.h"
#include "server/dispatch/engine.h"
#include "server/process/client_connection.h"
#include "server/process/descriptor_budget.h"
#include "server/process/forming_clients.h"
#include "server/process/own_files.h"

namespace clustron::server {

class ClientDoor final : public ClientConnection::Owner {
 public:
  // All outlive it.
  ClientDoor(const Config& config, const DescriptorBudget& descriptors, net::Loop& loop,
             OwnFiles& own_files)
      : config_(config),
        descriptors_(descriptors),
        loop_(loop),
        own_files_(own_files),
        closer_(loop) {}

  // Opens the sockets of bind, port and unixsocket. Once.
  Status Listen();
  // What is open and not yet accepted on.
  bool open() const { return !sockets_.empty(); }
  std::vector<FormingClients::Listening> Listening() const;
  // Clients that came, and were answered, before Accept.
  void TakeEarly(std::vector<FormingClients::Accepted> clients) { early_ = std::move(clients); }
  // Takes connections in from now on, for `engine`, which outlives them.
  void Accept(Engine& engine);
  // True for a client from another machine where nobody may come without a password.
  bool RefusesStranger(int fd) const;
  // At the turn's end: frees connections that are over, and ends those whose turn to end has come;
  // some hundred. True if more are left for the next one.
  bool Reap();
  // Ends all connections and takes none in any more.
  void Close();

  // --- ClientConnection::Owner -----------------------------------------------------------------
  bool MayEndNow(ClientConnection* connection) override;
  void Forget(ClientConnection* connection) override;

 private:
  struct Socket {
    net::Fd fd;
    bool unix_socket;
  };

  Status ListenTcp(uint16_t port, int backlog);
  void OnAccepted(net::Fd fd, bool unix_socket);
  bool Admits(const net::Fd& fd, bool unix_socket, std::string_view* error);
  void KeepToShare();
  bool MakeRoom();

  const Config& config_;
  const DescriptorBudget& descriptors_;
  net::Loop& loop_;
  OwnFiles& own_files_;
  net::Closer closer_;
  Engine* engine_ = nullptr;  // null before Accept
  std::vector<Socket> sockets_;
  std::vector<FormingClients::Accepted> early_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::unordered_map<ClientConnection*, std::unique_ptr<ClientConnection>> connections_;
  std::deque<std::unique_ptr<ClientConnection>> dead_;  // freed at the turn's end
  std::deque<ClientConnection*> ending_;                // the other side has ended them
  size_t ended_now_ = 0;                                // in this turn
};

}  // namespace clustron::server
