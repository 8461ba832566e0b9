// A client's socket and its session. THREAD: core loop.
#pragma once

#include <string_view>

#include "net/stream.h"
#include "server/front/session.h"

namespace clustron::server {

class Server;

class ClientConnection final : public net::StreamHandler, public SessionSink {
 public:
  ClientConnection(Server& server, net::Fd fd, bool unix_socket);
  ~ClientConnection() override;

  // --- net::StreamHandler ----------------------------------------------------------------------
  void OnBytes(std::string_view bytes) override;
  void OnEnd() override;
  void OnBroken(int error) override;
  void OnDrained() override;

  // --- SessionSink -----------------------------------------------------------------------------
  void Flush(Session& session) override;
  size_t unsent_bytes() const override { return stream_.unsent_bytes(); }

 private:
  void LookAtSession();
  void Die();

  Server& server_;
  net::Stream stream_;
  Session* session_;
  bool ended_ = false;  // the client sends no more; what it asked is still answered
  bool dead_ = false;
};

}  // namespace clustron::server
